"""Arrays that are read from their file in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class Readable(Protocol):
    """A binary stream."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or fewer at its end."""


@dataclass(frozen=True)
class ArrayStream:
    """An array that is still in its file.

    Attributes:
        shape: as the header says.
        dtype: as in the file.
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
        if self._stream.read(1):  # at the end of a member zipfile compares the checksum, too
            raise ValueError("holds more than its header says")

    def read(self) -> npt.NDArray[Any]:
        """The whole array; raises as :meth:`blocks` does."""
        pieces = list(self.blocks(max(1, self.shape[0])))
        return pieces[0] if pieces else np.empty(self.shape, self.dtype.newbyteorder("="))
