"""Checkpoints and generator files: exact, verified, and never executed."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Tiny

from mnistgan import datasets
from mnistgan.errors import FileFormatError, TrainingError
from mnistgan.storage import checkpoint, tensor_zip
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training.trainer import Trainer


@pytest.fixture
def trainer(tiny: Tiny) -> Trainer:
    config = tiny(("train.epochs", 1))
    trainer = Trainer(config, datasets.load(config.data))
    list(trainer)
    return trainer


@pytest.fixture(scope="module")
def generator_bytes(trained: Path) -> bytes:
    return RunDirectory(trained).generator_file.read_bytes()


def refused(path: Path, raw: bytes) -> str:
    """The message of the error when these bytes are loaded."""
    path.write_bytes(raw)
    with pytest.raises(FileFormatError) as caught:
        checkpoint.read_file(path)
    message = str(caught.value)
    assert str(path) in message
    return message


def with_a_seal(content: Any) -> bytes:
    """A file with any content and the right checksum."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return tensor_zip.seal(buffer.getvalue())


def test_a_state_survives_bit_by_bit(trainer: Trainer, tmp_path: Path) -> None:
    path = tmp_path / "step-00000007.pt"
    checkpoint.save_checkpoint(path, trainer.config, trainer.state())
    loaded = checkpoint.load_checkpoint(path)
    assert loaded.config == trainer.config
    before = dict(tensor_zip.tensors(trainer.state()))
    after = dict(tensor_zip.tensors(loaded.state))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert loaded.state["step"] == 7


def test_a_generator_can_be_taken_from_either_file(trainer: Trainer, tmp_path: Path) -> None:
    state, g, whole = trainer.state(), tmp_path / "g.pt", tmp_path / "c.pt"
    checkpoint.save_generator(g, trainer.config, state)
    checkpoint.save_checkpoint(whole, trainer.config, state)
    for path in (g, whole):
        file = checkpoint.read_file(path)
        assert (file.step, file.epoch) == (7, 1)
        for name, tensor in state["average"].items():
            assert torch.equal(file.weights[name], tensor)
    with pytest.raises(FileFormatError, match="has no training state"):
        checkpoint.load_checkpoint(g)
    assert g.stat().st_size < whole.stat().st_size


def test_both_are_plain_files_of_torch(trained: Path) -> None:
    for path in (trained / "g.pt", *RunDirectory(trained).checkpoint_files()):
        content = torch.load(path, weights_only=True)
        assert content["format"].startswith("mnistgan-")
        assert zipfile.ZipFile(path).testzip() is None


def test_what_is_not_finite_is_not_written(trainer: Trainer, tmp_path: Path) -> None:
    state = trainer.state()
    next(iter(state["generator"].values()))[0] = torch.inf
    with pytest.raises(TrainingError, match=r"generator\..* is no longer finite"):
        checkpoint.save_checkpoint(tmp_path / "c.pt", trainer.config, state)
    assert list(tmp_path.iterdir()) == []


def test_every_truncation_is_refused(generator_bytes: bytes, tmp_path: Path) -> None:
    for length in range(0, len(generator_bytes), 512):
        refused(tmp_path / "g.pt", generator_bytes[:length])


@settings(max_examples=200)
@given(st.data())
def test_every_altered_byte_is_refused(
    generator_bytes: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    where = data.draw(st.integers(0, len(generator_bytes) - 1))
    flip = data.draw(st.integers(1, 255))
    raw = bytearray(generator_bytes)
    raw[where] ^= flip
    refused(tmp_path_factory.getbasetemp() / "flipped.pt", bytes(raw))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    refused(tmp_path_factory.getbasetemp() / "bytes.pt", raw)


class Payload:
    """Runs code when a careless reader unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


class TestStrangers:
    def test_a_pickle_with_a_payload_never_runs(self, tmp_path: Path) -> None:
        mark = tmp_path / "ran"
        for raw in (with_a_seal({"format": Payload(mark)}), pickle.dumps(Payload(mark))):
            assert "is not an mnistgan file" in refused(tmp_path / "g.pt", raw)
            assert not mark.exists()

    @pytest.mark.parametrize(
        "content",
        [
            torch.zeros(3),
            {"weights": torch.zeros(3)},
            {"format": "mnistgan-generator"},
            {"format": "mnistgan-generator", "version": 1},
            {"format": "mnistgan-generator", "version": 1, "state": 3, "versions": {}},
            {"format": "mnistgan-generator", "version": 1, "state": {}, "versions": {}},
            {"format": "mnistgan-other", "version": 1},
        ],
    )
    def test_files_of_others(self, tmp_path: Path, content: Any) -> None:
        refused(tmp_path / "g.pt", with_a_seal(content))

    def test_a_file_without_a_checksum(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        torch.save({"weights": torch.zeros(3)}, buffer)
        assert "is not an mnistgan file" in refused(tmp_path / "g.pt", buffer.getvalue())

    @pytest.mark.parametrize("size", [2**36, 10])
    def test_nothing_but_tensors_and_plain_values_is_built(
        self, trained: Path, tmp_path: Path, size: int
    ) -> None:
        class Large:
            def __reduce__(self) -> tuple[Any, ...]:
                return (bytearray, (size,))

        content = torch.load(trained / "g.pt", weights_only=True)
        content["state"]["more"] = Large()
        assert "is not an mnistgan file" in refused(tmp_path / "g.pt", with_a_seal(content))

    def test_nests_without_end(self, trained: Path, tmp_path: Path) -> None:
        content = torch.load(trained / "g.pt", weights_only=True)
        nest: list[Any] = []
        for _ in range(40):
            nest = [nest, nest]
        itself: dict[str, Any] = {}
        itself["itself"] = itself
        for part in ("state", "versions", "config"):
            for trick in (nest, itself):
                bad = {**content, part: {**content[part], "trick": trick}}
                assert "is not an mnistgan file" in refused(tmp_path / "g.pt", with_a_seal(bad))

    def test_many_views_of_one_storage(self, trained: Path, tmp_path: Path) -> None:
        content = torch.load(trained / "g.pt", weights_only=True)
        base = torch.zeros(100_000)
        content["state"]["generator"] = {str(n): base.view(-1) for n in range(1000)}
        message = refused(tmp_path / "g.pt", with_a_seal(content))
        assert "is not a plain tensor in the file" in message

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            ("average", [1, 2]),
            ("average", {"0.weight": "text"}),
            ("average", {"0.weight": torch.zeros(16, 8, dtype=torch.float64)}),
            ("average", {"0.weight": torch.zeros(16, 8, dtype=torch.float16)}),
            ("average", {"0.weight": torch.zeros(16, 8, device="meta")}),
            ("average", {}),
            ("step", -1),
            ("step", 1.0),
            ("step", "3"),
            ("epoch", None),
        ],
    )
    def test_parts_of_other_kinds(
        self, trained: Path, tmp_path: Path, part: str, value: Any
    ) -> None:
        from mnistgan.sampling.generator import load_generator

        content = torch.load(trained / "g.pt", weights_only=True)
        content["state"][part] = value
        path = tmp_path / "g.pt"
        path.write_bytes(with_a_seal(content))
        with pytest.raises(FileFormatError, match=r"g\.pt"):
            load_generator(path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "g.pt")
        with pytest.raises(FileFormatError, match="give a generator file"):
            checkpoint.read_file(tmp_path / "g.pt")

    def test_a_sealed_file_that_is_no_zip(self, tmp_path: Path) -> None:
        for body in (b"PK", b"PK\x05\x06" + b"\0" * 18, b"PK\x03\x04" + b"\0" * 200):
            assert "is not an mnistgan file" in refused(tmp_path / "g.pt", tensor_zip.seal(body))

    def test_another_version(self, tmp_path: Path) -> None:
        raw = with_a_seal({"format": "mnistgan-generator", "version": 2})
        assert "has format 2" in refused(tmp_path / "g.pt", raw)

    def test_tensor_tricks(self, tmp_path: Path) -> None:
        good = {"format": "mnistgan-generator", "version": 1, "config": {}, "versions": {}}
        for trick in (
            torch.zeros(1).expand(10**9),
            torch.eye(3).to_sparse(),
            torch.tensor([float("nan")]),
        ):
            message = refused(
                tmp_path / "g.pt", with_a_seal(good | {"state": {"generator": trick}})
            )
            assert "state.generator" in message or "not an mnistgan file" in message

    def test_a_zip_bomb_is_not_unpacked(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
        raw = tensor_zip.seal(buffer.getvalue())
        assert len(raw) < 20_000
        assert "is not an mnistgan file" in refused(tmp_path / "g.pt", raw)

    def test_a_config_that_asks_for_too_much_takes_no_memory(
        self, trained: Path, tmp_path: Path
    ) -> None:
        from mnistgan.sampling.generator import load_generator

        content = torch.load(trained / "g.pt", weights_only=True)
        content["config"]["model"]["generator"]["widths"] = [65_536, 65_536]  # 16 GiB of weights
        path = tmp_path / "g.pt"
        path.write_bytes(with_a_seal(content))
        with pytest.raises(FileFormatError, match="weights do not fit its config"):
            load_generator(path)

    @pytest.mark.parametrize(
        ("data", "name"),
        [
            ({"name": "mnist", "labels": "/etc/passwd"}, "mnist"),
            ({"name": "mnist", "labels": 3, "root": ["x"]}, "mnist"),
            ({"name": "/home/\0/a.npz", "root": ""}, "unnamed"),
        ],
    )
    @pytest.mark.parametrize("kind", ["generator", "checkpoint"])
    def test_places_are_not_read(
        self, trained: Path, tmp_path: Path, data: dict[str, Any], name: str, kind: str
    ) -> None:
        from mnistgan.sampling.generator import load_generator

        content = torch.load(trained / "g.pt", weights_only=True)
        content["format"] = f"mnistgan-{kind}"
        content["config"]["data"] |= data
        path = tmp_path / "g.pt"
        path.write_bytes(with_a_seal(content))
        found = load_generator(path).config.data
        assert (found.name, found.labels, found.root) == (name, None, None)

    def test_a_config_of_another_version(self, trained: Path, tmp_path: Path) -> None:
        content = torch.load(trained / "g.pt", weights_only=True)
        content["config"]["train"]["momentum"] = 1
        message = refused(tmp_path / "g.pt", with_a_seal(content))
        assert "train.momentum: unknown key" in message


def test_the_seal_is_a_legal_zip_comment(generator_bytes: bytes) -> None:
    comment = zipfile.ZipFile(io.BytesIO(generator_bytes)).comment
    assert comment.startswith(b"mnistgan sha256=")
    (length,) = struct.unpack_from("<H", generator_bytes, len(generator_bytes) - len(comment) - 2)
    assert length == len(comment)
