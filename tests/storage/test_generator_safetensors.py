"""Generators as safetensors files."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save, save_file
from support import Invoke

from mnistgan.errors import FileFormatError
from mnistgan.sampling.blocks import sample
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import checkpoint, generator_safetensors


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = load_generator(trained)
    path = tmp_path_factory.mktemp("safetensors") / "g.safetensors"
    weights = generator.network.state_dict()
    generator_safetensors.write(path, generator.config, weights, generator.step, generator.epoch)
    return path


def metadata(path: Path) -> dict[str, str]:
    found = checkpoint.read_file(path)
    return {
        "mnistgan.config": "name = 'tiny'",
        "mnistgan.step": str(found.step),
        "mnistgan.epoch": str(found.epoch),
        "mnistgan.version": "1",
        "torch.version": "2",
    }


def test_what_is_exported_is_sampled_from(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    for out in (["--format", "safetensors", "--out", "a.safetensors"], ["--out", "b.safetensors"]):
        result = invoke("export", "--ckpt", trained, *out)
        assert (result.exit_code, result.stdout) == (0, f"{out[-1]}\n")
    before, after = load_generator(trained), load_generator(tmp_path / "a.safetensors")
    assert (after.config, after.step, after.epoch) == (before.config, before.step, before.epoch)
    np.testing.assert_array_equal(sample(before, 300, seed=4), sample(after, 300, seed=4))
    assert invoke("sample", "--ckpt", "b.safetensors", "-n", 4).exit_code == 0
    shown = invoke("info", "b.safetensors")
    assert re.search(r"kind +generator file\n", shown.stdout)


def test_other_programs_read_it(exported: Path, trained: Path) -> None:
    weights = load_file(exported)
    expected = load_generator(trained).network.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in weights)


def test_another_ending_is_refused(invoke: Invoke, trained: Path) -> None:
    result = invoke("export", "--ckpt", trained, "--format", "safetensors", "--out", "g.bin")
    assert result.exit_code == 2
    assert "unknown extension '.bin'; use .safetensors" in result.stderr


@given(st.data())
def test_every_truncation_is_refused(exported: Path, data: st.DataObject) -> None:
    raw = exported.read_bytes()
    cut = exported.with_name("cut.safetensors")
    cut.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(FileFormatError):
        generator_safetensors.read(cut)


@given(st.binary(max_size=200))
def test_anything_else_is_refused(exported: Path, raw: bytes) -> None:
    other = exported.with_name("other.safetensors")
    other.write_bytes(raw)
    with pytest.raises(FileFormatError, match=r"give a \.safetensors file of mnistgan export"):
        generator_safetensors.read(other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mnistgan.config": None}, "give a .safetensors file of mnistgan export"),
        ({"mnistgan.step": "-1"}, "is not an mnistgan file"),
        ({"mnistgan.step": "many"}, "give a .safetensors file of mnistgan export"),
        ({"mnistgan.config": "train.epochs = 0"}, "its config: train.epochs"),
        ({"mnistgan.config": "[["}, "its config: is not valid TOML"),
    ],
)
def test_metadata_of_strangers(
    exported: Path, tmp_path: Path, change: dict[str, str | None], words: str
) -> None:
    changed = {**metadata(exported), **change}
    kept = {key: value for key, value in changed.items() if value is not None}
    save_file(load_file(exported), tmp_path / "g.safetensors", metadata=kept)
    with pytest.raises(FileFormatError, match=words):
        checkpoint.read_file(tmp_path / "g.safetensors")


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.full((3,), torch.nan), "is not finite"),
        (torch.ones(3, dtype=torch.float16), "is not a plain tensor"),
        (torch.ones(3), "its weights do not fit its config"),
    ],
)
def test_weights_of_strangers(
    exported: Path, tmp_path: Path, tensor: torch.Tensor, words: str
) -> None:
    path = tmp_path / "g.safetensors"
    path.write_bytes(save({"0.weight": tensor}, metadata=metadata(exported)))
    with pytest.raises(FileFormatError, match=words):
        load_generator(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="cannot be read"):
        generator_safetensors.read(tmp_path / "g.safetensors")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "g.safetensors")
    with pytest.raises(FileFormatError, match="cannot be read"):
        checkpoint.read_file(tmp_path / "g.safetensors")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_the_reason_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(FileFormatError, match=r"cannot be read \(Not a regular file\); give"):
        generator_safetensors.read(tmp_path / "pipe.safetensors")
    with pytest.raises(FileFormatError, match=r"cannot be read \(No such file"):
        generator_safetensors.read(tmp_path / "missing.safetensors")
