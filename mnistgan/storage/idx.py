"""The IDX format of the MNIST files, as described on LeCun's MNIST page."""

import contextlib
import gzip
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistgan.storage.array_stream import ArrayStream, Readable

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DEFLATE_RATIO = 1100  # DEFLATE compresses at most about 1032 to 1


def parse_idx(stream: Readable, at_most: int | None = None) -> ArrayStream:
    """Read the header of an IDX file; the array's data stays in the stream.

    Args:
        stream: the decompressed file.
        at_most: number of data bytes that the file can contain. A header that announces more is
            refused before any memory is allocated.

    Raises:
        ValueError: the stream is not an IDX file.
    """
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:
        raise ValueError("is not an IDX file (its first four bytes are wrong)")
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
    """Open an IDX file, gzipped if its name ends in ``.gz``.

    Raises:
        ValueError: the file is not an IDX file.
        OSError, EOFError, zlib.error: the file cannot be read.
    """
    packed = path.suffix == ".gz"
    # A crafted header may announce any size: what a file of this length can hold is the limit.
    at_most = path.stat().st_size * (_MAX_DEFLATE_RATIO if packed else 1)
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        yield parse_idx(stream, at_most)


def header(shape: tuple[int, ...]) -> bytes:
    """The header of an IDX file of uint8; the bytes of the array follow it in the file."""
    return bytes([0, 0, 0x08, len(shape)]) + np.array(shape, ">u4").tobytes()
