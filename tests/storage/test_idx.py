"""The IDX format, plain and gzipped."""

from __future__ import annotations

import contextlib
import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support import to_idx

from mnistgan.storage.idx import open_idx, parse_idx

CODES = ("u1", "i1", "i2", "i4", "f4", "f8")

arrays = st.sampled_from(CODES).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(max_dims=4, max_side=5))
)


@given(arrays, st.integers(1, 6))
def test_what_is_written_is_read_in_pieces_of_any_size(array: np.ndarray, rows: int) -> None:
    pieces = list(parse_idx(io.BytesIO(to_idx(array))).blocks(rows))
    assert all(len(piece) <= rows for piece in pieces)
    read = np.concatenate(pieces)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_idx(io.BytesIO(raw), len(raw)).read()


@given(st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=4), st.booleans())
def test_a_header_that_lies_is_refused_before_memory_is_taken(
    shape: list[int], packed: bool
) -> None:
    raw = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("a.gz" if packed else "a")
        path.write_bytes(gzip.compress(raw) if packed else raw)
        refused = pytest.raises(ValueError, match=r"more than it can hold|ends before")
        with refused, open_idx(path) as array:
            array.read()


def test_more_than_the_header_says_is_refused() -> None:
    raw = to_idx(np.zeros((2, 3), np.uint8)) + b"x"
    with pytest.raises(ValueError, match="holds more"):
        parse_idx(io.BytesIO(raw)).read()


def test_as_torchvision_reads_it(mnist_root: Path, tmp_path: Path) -> None:
    from mnistgan.datasets.torchvision_import import import_torchvision

    archive = mnist_root / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    plain = tmp_path / "t10k-images-idx3-ubyte"
    plain.write_bytes(gzip.decompress(archive.read_bytes()))
    theirs = import_torchvision().datasets.mnist.read_image_file(str(plain))
    for path in (plain, archive):
        with open_idx(path) as array:
            np.testing.assert_array_equal(array.read(), theirs.numpy())
