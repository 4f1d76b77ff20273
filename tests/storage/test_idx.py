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
        refused = pytest.raises(ValueError, match=r"is cut off|negative size|little-endian")
        with refused, open_idx(path) as array:
            array.read()


IMAGES = np.arange(200 * 6, dtype=np.uint8).reshape(200, 2, 3)
RIGHT = to_idx(IMAGES)
PACKED = gzip.compress(RIGHT, mtime=0)
AS_LITTLE = np.array(IMAGES.shape, "<u4").tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz", "images"])
def test_gzip_is_known_by_its_content(tmp_path: Path, name: str, packed: bool) -> None:
    (tmp_path / name).write_bytes(PACKED if packed else RIGHT)
    with open_idx(tmp_path / name) as array:
        np.testing.assert_array_equal(array.read(), IMAGES)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (RIGHT[:-1], r"is cut off: its header announces 1,200 bytes for \(200, 2, 3\), and it "
         r"can hold at most 1,199; copy or download it again"),
        (b"\0\0\x08\xff" + 255 * b"\0\0\0\1" + b"x", "announces 255 dimensions; images have 3"),
        (RIGHT[:16], "announces 1,200 bytes .* at most 0;"),
        (RIGHT[:15], "ends within its header: 15 bytes where 16 are needed"),
        (RIGHT[:3], "not an IDX file: it has only 3 bytes"),
        (b"", "not an IDX file: it has only 0 bytes"),
        (RIGHT + b"x", "holds more than its header says"),
        (PACKED[:-20], r"is cut off after [0-9]+ bytes of gzip; copy or download"),
        (gzip.compress(RIGHT[:-1], mtime=0), "is cut off: it ends before the data"),
        (PACKED[:-8] + bytes(8), "is damaged: gzip says .*; copy or download"),
        (PACKED[:10] + b"\xff" * 50, "is damaged: gzip says .*; copy or download"),
        (bytes([3, 8, 0, 0]) + AS_LITTLE + IMAGES.tobytes(),
         "first bytes 03 08 00 00 are in little-endian byte order; IDX is big-endian"),
        (RIGHT[:4] + AS_LITTLE + IMAGES.tobytes(),
         r"sizes in little-endian byte order, as \(200, 2, 3\); .* dtype '>i4'"),
        (RIGHT[:4] + b"\xff\xff\xff\xff" + RIGHT[8:],
         r"has the negative size -1 in \(-1, 2, 3\); sizes are 0 or more"),
        (RIGHT[:4] + b"\xff\xff\xff\xff" * 2 + RIGHT[12:], "has the negative size -1"),
        (bytes([0, 0, 8, 0]), "so its array has no dimension"),
        (bytes([0, 0, 10, 3]) + RIGHT[4:], r"00 00 0a 03, not 00 00, the type \(08, 09, 0b, 0c"),
        (b"PK\3\4" + RIGHT, "is a zip archive; unpack it"),
        (b"\x89PNG\r\n", "its first bytes are 89 50 4e 47, not 00 00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_what_is_wrong_is_told(tmp_path: Path, raw: bytes, words: str, name: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ValueError, match=words), open_idx(tmp_path / name) as array:
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
