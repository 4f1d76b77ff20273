"""The IDX format of the MNIST files (LeCun's MNIST page), read and written in pieces."""

from __future__ import annotations

import contextlib
import gzip
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistgan.storage.array_stream import ArrayStream, Readable

_TYPES = {
    0x08: ">u1",
    0x09: ">i1",
    0x0B: ">i2",
    0x0C: ">i4",
    0x0D: ">f4",
    0x0E: ">f8",
}
_MAX_DEFLATE_RATIO = 1100  # a little more than the format itself can reach


def parse_idx(stream: Readable, at_most: int | None = None) -> ArrayStream:
    """The array that an open IDX file holds, of which only the header is read.

    Args:
        stream: unpacked.
        at_most: bytes that there can be; a header that announces more is refused before any
            memory is taken.

    Raises:
        ValueError: the stream is no IDX file.
    """
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:
        raise ValueError("is no IDX file (its first four bytes are wrong)")
    dtype, dimensions = np.dtype(_TYPES[magic[2]]), magic[3]
    header = stream.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise ValueError("ends within its header")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    announced = math.prod(shape) * dtype.itemsize
    if at_most is not None and announced > at_most:
        raise ValueError(f"announces {announced:,} bytes, more than it can hold")
    return ArrayStream(shape, dtype, stream)


@contextlib.contextmanager
def open_idx(path: Path) -> Iterator[ArrayStream]:
    """Open an IDX file, gzipped when its name ends in .gz.

    Raises:
        ValueError: the file is none.
        OSError, EOFError, zlib.error: it cannot be read.
    """
    packed = path.suffix == ".gz"
    at_most = path.stat().st_size * (_MAX_DEFLATE_RATIO if packed else 1)
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        yield parse_idx(stream, at_most)


def header(shape: tuple[int, ...]) -> bytes:
    """The first bytes of an IDX file of uint8, which the array's own follow."""
    return bytes([0, 0, 0x08, len(shape)]) + np.array(shape, ">u4").tobytes()
