"""The IDX format of the MNIST files (LeCun's MNIST page), read and written in pieces."""

from __future__ import annotations

import contextlib
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

_TYPES = {
    0x08: ">u1",
    0x09: ">i1",
    0x0B: ">i2",
    0x0C: ">i4",
    0x0D: ">f4",
    0x0E: ">f8",
}
_MAX_DEFLATE_RATIO = 1100  # a little more than the format itself can reach


class Readable(Protocol):
    """A binary stream."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or fewer at its end."""


@dataclass(frozen=True)
class IdxArray:
    """An array that is still in its file.

    Attributes:
        shape: as the header says.
        dtype: big-endian, as in the file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _stream: Readable

    def blocks(self, rows: int) -> Iterator[npt.NDArray[Any]]:
        """The array in pieces of at most so many rows, in native byte order.

        Raises:
            ValueError: the file is shorter or longer than its header says.
        """
        row_shape = self.shape[1:]
        size = math.prod(row_shape) * self.dtype.itemsize
        for start in range(0, self.shape[0], rows):
            count = min(rows, self.shape[0] - start)
            raw = self._stream.read(count * size)
            if len(raw) != count * size:
                raise ValueError("ends before the data that its header announces")
            array = np.frombuffer(raw, self.dtype).reshape(count, *row_shape)
            yield array.astype(self.dtype.newbyteorder("="), copy=False)
        if self._stream.read(1):
            raise ValueError("holds more than its header says")

    def read(self) -> npt.NDArray[Any]:
        """The whole array; raises as :meth:`blocks` does."""
        pieces = list(self.blocks(max(1, self.shape[0])))
        return pieces[0] if pieces else np.empty(self.shape, self.dtype.newbyteorder("="))


def parse_idx(stream: Readable, at_most: int | None = None) -> IdxArray:
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
    return IdxArray(shape, dtype, stream)


@contextlib.contextmanager
def open_idx(path: Path) -> Iterator[IdxArray]:
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
