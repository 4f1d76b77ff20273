"""Data sets: what they hold, and that damaged ones are never trained on."""

from __future__ import annotations

import gzip
import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.errors import DataError
from mnistgan.torchvision_import import import_datasets

RAW = Path("MNIST") / "raw"


def mnist(root: Path) -> datasets.ImageSet:
    return datasets.load(DataConfig(root=str(root)))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mirrors that refuse every connection."""
    monkeypatch.setattr(import_datasets().MNIST, "mirrors", ["http://127.0.0.1:9/"])


@pytest.fixture
def archives(mnist_root: Path, tmp_path: Path) -> Path:
    """A copy of the four archives that a test may damage."""
    shutil.copytree(mnist_root / RAW, tmp_path / "root" / RAW)
    for path in (tmp_path / "root" / RAW).iterdir():
        path.chmod(0o644)
    return tmp_path / "root"


class TestDigits:
    def test_what_they_hold(self) -> None:
        digits = datasets.load(DataConfig(name="digits"))
        assert digits.images.shape == (1797, 1, 28, 28)
        assert digits.images.dtype == torch.uint8
        assert digits.images.max() == 255
        assert digits.classes == tuple("0123456789")
        assert digits.labels is not None
        assert digits.labels[:10].tolist() == list(range(10))

    @pytest.mark.parametrize(("size", "channels"), [(8, 1), (28, 3), (32, 1), (64, 3)])
    def test_size_and_channels_as_asked(self, size: int, channels: int) -> None:
        config = DataConfig.model_validate(
            {"name": "digits", "image_size": size, "channels": channels}
        )
        images = datasets.load(config).images
        assert images.shape == (1797, channels, size, size)
        assert images.is_contiguous()
        assert torch.equal(images[:, 0], images[:, -1])

    def test_scaling_keeps_the_picture(self) -> None:
        """Scaled up and averaged down again, the digits are what they were."""
        small = datasets.load(DataConfig(name="digits", image_size=8)).images.float()
        large = datasets.load(DataConfig(name="digits", image_size=32)).images.float()
        back = torch.nn.functional.avg_pool2d(large, 4)
        correlation = np.corrcoef(small.flatten(), back.flatten())[0, 1]
        assert correlation > 0.98


class TestMnist:
    def test_the_training_split_as_torchvision_has_it(self, archives: Path) -> None:
        ours = mnist(archives)
        theirs = import_datasets().MNIST(archives, download=True)
        assert torch.equal(ours.images[:, 0], theirs.data)
        assert ours.labels is not None
        assert torch.equal(ours.labels, theirs.targets)
        assert len(ours) == 60_000

    def test_extracted_files_do_as_well(self, archives: Path) -> None:
        raw = archives / RAW
        for path in list(raw.glob("*.gz")):
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
        assert len(mnist(archives)) == 60_000

    def test_a_complete_root_is_not_written_to(self, archives: Path, no_network: None) -> None:
        before = {path: path.stat().st_mtime_ns for path in archives.rglob("*")}
        mnist(archives)
        assert {path: path.stat().st_mtime_ns for path in archives.rglob("*")} == before

    @pytest.mark.parametrize(
        ("damage", "word"),
        [
            (lambda raw: raw[: len(raw) // 2], "checksum"),
            (lambda raw: raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:], "checksum"),
            (lambda raw: b"<html>Service unavailable</html>", "checksum"),
        ],
    )
    def test_a_damaged_archive_is_named(self, archives: Path, damage, word: str) -> None:  # type: ignore[no-untyped-def]
        path = archives / RAW / "train-images-idx3-ubyte.gz"
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(DataError, match=rf"train-images-idx3-ubyte\.gz: is damaged.*{word}"):
            mnist(archives)

    @pytest.mark.parametrize("cut", [True, False])
    def test_a_damaged_extracted_file_is_named(self, archives: Path, cut: bool) -> None:
        path = archives / RAW / "train-labels-idx1-ubyte"
        raw = bytearray(gzip.decompress((archives / RAW / f"{path.name}.gz").read_bytes()))
        raw[100] ^= 1
        path.write_bytes(raw[:1000] if cut else raw)
        word = "1,000 bytes long where 60,008" if cut else "checksum"
        with pytest.raises(DataError, match=rf"train-labels-idx1-ubyte: is damaged.*{word}"):
            mnist(archives)

    def test_missing_data_ends_in_one_message(self, tmp_path: Path, no_network: None) -> None:
        with pytest.raises(DataError) as caught:
            mnist(tmp_path)
        assert not (tmp_path / "MNIST").exists()
        message = str(caught.value)
        assert "\n" not in message
        assert str(tmp_path / RAW) in message
        for archive in datasets.MNIST_FILES:
            assert f"{archive.name}.gz" in message
        assert "--data digits" in message

    def test_the_root_comes_from_flag_then_environment_then_user(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MNISTGAN_DATA", "/from/environment")
        assert datasets.data_root(DataConfig(root="/from/flag")) == Path("/from/flag")
        assert datasets.data_root(DataConfig()) == Path("/from/environment")
        monkeypatch.delenv("MNISTGAN_DATA")
        assert datasets.data_root(DataConfig()).parts[-1].lower() == "mnistgan"


@pytest.fixture
def mirror(mnist_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server on this machine that offers the archives; yields the paths it was asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Torchvision hangs up on its first, probing request."""

    handler = partial(Handler, directory=str(mnist_root / RAW))
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(import_datasets().MNIST, "mirrors", [address])
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_missing_is_downloaded_once(tmp_path: Path, mirror: list[str]) -> None:
    assert len(mnist(tmp_path)) == 60_000
    assert len(set(mirror)) == 4
    mirror.clear()
    assert len(mnist(tmp_path)) == 60_000
    assert mirror == []


def test_torchvision_without_its_operators() -> None:
    """As beside a torch that its binary was not built for: the binary does not load."""
    code = """
import torch
def refuse(path):
    raise OSError("undefined symbol")
torch.ops.load_library = refuse
try:
    import torchvision
except RuntimeError as error:
    assert "torchvision::" in str(error), error
else:
    raise SystemExit("the import was meant to fail")
from mnistgan.torchvision_import import import_datasets
assert import_datasets().MNIST.__name__ == "MNIST"
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
