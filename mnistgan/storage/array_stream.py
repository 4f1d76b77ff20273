"""Arrays that are read from a file block by block."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class Readable(Protocol):
    """A binary stream."""

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; fewer only at the end of the stream."""


@dataclass(frozen=True)
class ArrayStream:
    """An array that is still in its file.

    Attributes:
        shape: shape in the file's header.
        dtype: type as stored, with its byte order.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _stream: Readable

    def blocks(self, rows: int) -> Iterator[npt.NDArray[Any]]:
        """Yield the array in blocks of at most ``rows`` rows, in native byte order.

        Raises:
            ValueError: the data is shorter or longer than the header says.
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
        # Reading to the end also makes gzip and zipfile verify their checksums.
        if self._stream.read(1):
            raise ValueError("holds more than its header says")

    def read(self) -> npt.NDArray[Any]:
        """Read the whole array.

        Raises:
            ValueError: as for :meth:`blocks`.
        """
        blocks = list(self.blocks(max(1, self.shape[0])))
        return blocks[0] if blocks else np.empty(self.shape, self.dtype.newbyteorder("="))
