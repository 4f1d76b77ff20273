"""The IDX format of the MNIST files, as described on LeCun's MNIST page."""

import contextlib
import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mnistgan.storage.array_stream import ArrayStream, Readable

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_MOST_DIMENSIONS = 8
_AGAIN = "copy or download it again"
_MAX_DEFLATE_RATIO = 1100  # DEFLATE compresses at most about 1032 to 1


def parse_idx(stream: Readable, at_most: int | None = None) -> ArrayStream:
    """Read the header of an IDX file; the array's data stays in the stream.

    Args:
        stream: the decompressed file.
        at_most: number of bytes that the file can contain. A header that announces more is refused
            before any memory is allocated.

    Raises:
        ValueError: the stream is not an IDX file.
    """
    magic = stream.read(4)
    if problem := _magic_problem(magic):
        raise ValueError(f"is not an IDX file: {problem}")
    dtype, dimensions = np.dtype(_TYPES[magic[2]]), magic[3]
    if dimensions > _MOST_DIMENSIONS:
        raise ValueError(
            f"announces {dimensions} dimensions; images have 3 or 4 of them, and labels 1"
        )
    raw = stream.read(4 * dimensions)
    if len(raw) < 4 * dimensions:
        raise ValueError(
            f"ends within its header: {4 + len(raw)} bytes where {4 + 4 * dimensions} are needed"
        )
    sizes, room = np.frombuffer(raw, ">i4"), None if at_most is None else at_most - 4 - len(raw)
    shape = tuple(sizes.tolist())
    if problem := _size_problem(shape, dtype, room):
        swapped = tuple(sizes.byteswap().tolist())
        if not _size_problem(swapped, dtype, room):
            problem = (
                f"has its sizes in little-endian byte order, as {swapped}; IDX is big-endian: "
                "write them with NumPy's dtype '>i4'"
            )
        raise ValueError(problem)
    return ArrayStream(shape, dtype, stream)


def _size_problem(shape: tuple[int, ...], dtype: np.dtype[Any], room: int | None) -> str:
    """Why a file with this many bytes for data cannot hold such an array; empty if it can."""
    if min(shape) < 0:
        return f"has the negative size {min(shape)} in {shape}; sizes are 0 or more"
    announced = math.prod(shape) * dtype.itemsize
    if room is None or announced <= room:
        return ""
    return (
        f"is cut off: its header announces {announced:,} bytes for {shape}, and it can hold at "
        f"most {max(0, room):,}; {_AGAIN}"
    )


def _magic_problem(magic: bytes) -> str:
    """Why a file that begins with these bytes is not an IDX file; empty if it may be one."""
    if len(magic) < 4:
        return f"it has only {len(magic)} bytes"
    found = magic.hex(" ")
    if magic[:2] == b"\0\0" and magic[2] in _TYPES:
        return "" if magic[3] else f"its first bytes are {found}, so its array has no dimension"
    if magic[2:] == b"\0\0" and magic[1] in _TYPES and magic[0]:
        return f"its first bytes {found} are in little-endian byte order; IDX is big-endian"
    if magic == b"PK\3\4":
        return "it is a zip archive; unpack it"
    right = ", ".join(f"{code:02x}" for code in _TYPES)
    return f"its first bytes are {found}, not 00 00, the type ({right}) and the dimensions"


@contextlib.contextmanager
def open_idx(path: Path) -> Iterator[ArrayStream]:
    """Open an IDX file, gzipped or not, whatever its name.

    Raises:
        ValueError: the file is not an IDX file, or is damaged.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        # A crafted header may announce any size: what a file of this length can hold is the limit.
        size = path.stat().st_size
        at_most = size * _MAX_DEFLATE_RATIO if packed else size
        with gzip.open(file) if packed else contextlib.nullcontext(file) as stream:
            try:
                yield parse_idx(stream, at_most)
            except EOFError as error:
                raise ValueError(f"is cut off after {size:,} bytes of gzip; {_AGAIN}") from error
            except (gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"is damaged: gzip says {error}; {_AGAIN}") from error


def header(shape: tuple[int, ...]) -> bytes:
    """The header of an IDX file of uint8; the bytes of the array follow it in the file."""
    return bytes([0, 0, 0x08, len(shape)]) + np.array(shape, ">u4").tobytes()
