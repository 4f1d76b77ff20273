"""The IDX format of the MNIST files, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistgan.errors import DataError

_TYPES = {
    0x08: ">u1",
    0x09: ">i1",
    0x0B: ">i2",
    0x0C: ">i4",
    0x0D: ">f4",
    0x0E: ">f8",
}


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read an IDX file (LeCun's MNIST page), gzipped when its name ends in .gz.

    Returns:
        The array in native byte order, in the shape that the header says.

    Raises:
        DataError: the file cannot be read, is no IDX file, or is not as long as its header says.
    """
    try:
        return parse_idx(_content(path))
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read ({reason}); fetch the file again") from error
    except ValueError as error:
        raise DataError(f"{path}: {error}; fetch the file again") from error


def parse_idx(raw: bytes) -> npt.NDArray[Any]:
    """The array in the bytes of an IDX file; ValueError where they are none."""
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _TYPES:
        raise ValueError("is no IDX file (its first four bytes are wrong)")
    kind, dimensions = np.dtype(_TYPES[raw[2]]), raw[3]
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise ValueError("ends within its header")
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", dimensions, offset=4))
    expected = start + math.prod(shape) * kind.itemsize
    if len(raw) != expected:
        raise ValueError(f"holds {len(raw)} bytes where its header says {expected}")
    return np.frombuffer(raw, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))


def _content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
