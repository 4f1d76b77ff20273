"""Small files that would take much memory: refused before they are unpacked."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch

from mnistgan.errors import FileFormatError
from mnistgan.storage import checkpoint, tensor_zip

MEGABYTES = 64


def repacked(raw: bytes, compression: int, **more: bytes) -> bytes:
    """A sealed file whose archive holds the same members, and more, with another compression."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as archive,
        zipfile.ZipFile(buffer, "w", compression) as copy,
    ):
        for name in archive.namelist():
            copy.writestr(name, archive.read(name))
        for name, content in more.items():
            copy.writestr(f"archive/{name}", content)
    return tensor_zip.seal(buffer.getvalue())


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def refusal(path: Path, raw: bytes) -> tuple[str, float]:
    """The message, and the most megabytes that Python held meanwhile."""
    path.write_bytes(raw)
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError) as caught:
            checkpoint.read_file(path)
        return str(caught.value), tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def test_a_stored_copy_is_read(trained: Path, tmp_path: Path) -> None:
    """So that what is refused below is refused for its compression alone."""
    copy = tmp_path / "g.pt"
    copy.write_bytes(repacked((trained / "g.pt").read_bytes(), zipfile.ZIP_STORED))
    assert checkpoint.read_file(copy).step == 14


def test_a_good_file_that_is_compressed_is_refused(trained: Path, tmp_path: Path) -> None:
    content = torch.load(trained / "g.pt", weights_only=True)
    for weights in content["state"].values():
        if isinstance(weights, dict):  # random weights hardly get smaller
            for tensor in weights.values():
                tensor.zero_()
    good = repacked(saved(content), zipfile.ZIP_STORED)
    (tmp_path / "good.pt").write_bytes(good)
    assert checkpoint.read_file(tmp_path / "good.pt").step == 14
    packed = repacked(saved(content), zipfile.ZIP_DEFLATED)
    assert len(packed) < len(good) / 2
    message, _ = refusal(tmp_path / "g.pt", packed)
    assert "is not an mnistgan file" in message


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_valid_pickle_that_grows_is_not_unpacked(
    trained: Path, tmp_path: Path, compression: int
) -> None:
    content = torch.load(trained / "g.pt", weights_only=True)
    content["versions"]["mnistgan"] = "0" * (MEGABYTES * 1_000_000)
    raw = repacked(saved(content), compression)
    assert len(raw) < 500_000
    message, megabytes = refusal(tmp_path / "g.pt", raw)
    assert "is not an mnistgan file" in message
    assert megabytes < 8


def test_a_member_that_nothing_refers_to_is_refused_too(trained: Path, tmp_path: Path) -> None:
    zeros = bytes(MEGABYTES * 1_000_000)
    raw = repacked((trained / "g.pt").read_bytes(), zipfile.ZIP_DEFLATED, more=zeros)
    message, megabytes = refusal(tmp_path / "g.pt", raw)
    assert "is not an mnistgan file" in message
    assert megabytes < 8
