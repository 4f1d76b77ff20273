"""The IDX parser."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnistgan.errors import DataError
from mnistgan.idx import parse_idx, read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def to_idx(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(max_dims=4, max_side=5))
)


@given(arrays)
def test_what_is_written_is_read(array: np.ndarray) -> None:
    read = parse_idx(to_idx(array))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_idx(raw)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4))
def test_a_header_that_lies_is_refused(shape: list[int]) -> None:
    raw = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    if all(shape):
        with pytest.raises(ValueError, match="header says"):
            parse_idx(raw)


def test_plain_and_gzipped_files_are_read(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    plain, zipped = tmp_path / "a-idx3-ubyte", tmp_path / "a-idx3-ubyte.gz"
    plain.write_bytes(to_idx(array))
    zipped.write_bytes(gzip.compress(to_idx(array)))
    np.testing.assert_array_equal(read_idx(plain), array)
    np.testing.assert_array_equal(read_idx(zipped), array)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b\x08"])
def test_a_damaged_archive_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.gz"):
        read_idx(path)


def test_as_torchvision_reads_it(mnist_root: Path, tmp_path: Path) -> None:
    from mnistgan.torchvision_import import import_datasets

    archive = mnist_root / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    plain = tmp_path / "t10k-images-idx3-ubyte"
    plain.write_bytes(gzip.decompress(archive.read_bytes()))
    theirs = import_datasets().mnist.read_image_file(str(plain))
    np.testing.assert_array_equal(read_idx(archive), theirs.numpy())
