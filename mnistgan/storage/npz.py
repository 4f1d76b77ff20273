"""Images as ``.npz``: ``images`` (uint8, N x H x W or N x H x W x 3) and optionally ``labels``.

Beside labels, ``classes`` (text) has the name of each label, in order.

Images are read and written block by block, in constant memory. NumPy's own reader and writer need
the whole array. This module uses the zip file and NumPy's public functions for ``.npy`` headers.
"""

import contextlib
import math
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mnistgan.arrays import Images, Labels
from mnistgan.storage.array_stream import ArrayStream
from mnistgan.storage.atomic import atomic_path

# A file may unpack to this many bytes, or to this many times its size: MNIST compresses 5 to
# 1, a zip bomb 1,000 to 1.
_MAX_UNPACKED = 2**28
_MAX_NAMES = 10_000
_MAX_NAME_BYTES = 4 * 255  # NumPy stores four bytes per character
_MAX_RATIO = 100
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The methods that NumPy uses. zipfile unpacks BZIP2 and LZMA without a limit on memory."""
_ADVICE = "give an .npz with images (uint8, N x H x W or N x H x W x 3) and perhaps labels (int, N)"

Piece: TypeAlias = tuple[Images, Labels | None]
"""Some images, uint8 n x ..., and their labels, int64 n, or None."""


def write_npz(
    path: Path,
    pieces: Iterable[Piece],
    shape: tuple[int, ...],
    classes: Sequence[str] = (),
    more: Mapping[str, npt.NDArray[Any]] | None = None,
) -> None:
    """Write a stream of images and labels, atomically and in constant memory.

    Equal arrays give equal files, byte for byte.

    Args:
        path: the file.
        pieces: images, n x H x W or n x H x W x 3, and their labels. Either all pieces have labels
            or none.
        shape: shape of all images together.
        classes: the name of each label, in order; written only beside labels.
        more: other arrays by name, of numbers or text.
    """
    others = dict(more or {})
    with (
        atomic_path(path) as temporary,
        # A zip file is written one member at a time, so labels are kept in a temporary file until
        # all images are written.
        tempfile.TemporaryFile(dir=path.parent) as labels,
        zipfile.ZipFile(temporary, "w") as archive,
    ):
        with _member(archive, "images.npy", "|u1", shape) as member:
            for images, known in pieces:
                member.write(np.ascontiguousarray(images).data)
                if known is not None:
                    labels.write(known.astype("<i8").tobytes())
        if labels.tell():
            labels.seek(0)
            with _member(archive, "labels.npy", "<i8", shape[:1]) as member:
                shutil.copyfileobj(labels, member)
            if classes:
                others = {"classes": np.array(classes), **others}
        for name, array in others.items():
            stored = array.astype(array.dtype.newbyteorder("<"))
            with _member(archive, f"{name}.npy", stored.dtype.str, stored.shape) as member:
                member.write(stored.tobytes())


@contextlib.contextmanager
def _member(
    archive: zipfile.ZipFile, name: str, kind: str, shape: tuple[int, ...]
) -> Iterator[IO[bytes]]:
    """Write the header of an array, and yield the zip member to write its data to."""
    entry = zipfile.ZipInfo(name)  # dated 1980, not now, so that equal arrays give equal files
    # force_zip64: the size is unknown at the start, and may exceed 2 GiB.
    with archive.open(entry, "w", force_zip64=True) as member:
        header = {"descr": kind, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(member, header)
        yield member


@dataclass(frozen=True)
class NpzImages(ArrayStream):
    """The images of an open ``.npz`` file, uint8 N x H x W x C, and its labels.

    Attributes:
        labels: int64, N, or None.
        classes: the name of each label, in order; empty if the file has none.
    """

    labels: Labels | None
    classes: tuple[str, ...]


@contextlib.contextmanager
def open_npz(path: Path) -> Iterator[NpzImages]:
    """Open a file; its labels are read at once, its images by :meth:`NpzImages.blocks`.

    Raises:
        ValueError: the file does not contain such arrays, or they do not fit together.
        OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile: the file cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > max(_MAX_UNPACKED, _MAX_RATIO * path.stat().st_size):
            raise ValueError("unpacks to far more than images in a file of its size")
        if "images.npy" not in names:
            held = ", ".join(name.removesuffix(".npy") for name in names[:5]) or "nothing"
            raise ValueError(f"has no array 'images' (it contains {held}); {_ADVICE}")
        if any(entry.compress_type not in _COMPRESSIONS for entry in archive.infolist()):
            raise ValueError("is compressed in a way that NumPy never uses")
        with archive.open("images.npy") as member:
            shape = _image_shape(member)
            labels = _labels(archive, shape[0]) if "labels.npy" in names else None
            if math.prod(shape) > archive.getinfo("images.npy").file_size:
                raise ValueError("ends before its last image")
            classes = _classes(archive) if "classes.npy" in names else ()
            yield NpzImages(shape, np.dtype(np.uint8), member, labels, classes)


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, whether the order is Fortran's, and dtype, by NumPy's own parser."""
    try:
        major, minor = np.lib.format.read_magic(member)
        read = getattr(np.lib.format, f"read_array_header_{major}_{minor}")
        shape, fortran_order, dtype = read(member)
    except Exception as error:  # a crafted header can make NumPy's parser raise anything
        raise ValueError(f"contains an array without a NumPy header; {_ADVICE}") from error
    # type() and not isinstance(): a crafted shape may contain True, which is an int, too.
    if any(type(side) is not int or side < 0 for side in shape):
        raise ValueError(f"contains an array of shape {shape}; {_ADVICE}")
    return shape, fortran_order, dtype


def _image_shape(member: IO[bytes]) -> tuple[int, ...]:
    """N x H x W x C, according to the header."""
    shape, fortran_order, dtype = _header(member)
    if dtype != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (1,), (3,)):
        raise ValueError(f"its images are {dtype} of shape {shape}; {_ADVICE}")
    if not math.prod(shape):
        raise ValueError(f"contains no images; {_ADVICE}")
    if fortran_order and math.prod(shape) > 1:
        raise ValueError("its images are in Fortran order; save them with numpy.ascontiguousarray")
    return shape if len(shape) == 4 else (*shape, 1)


def _labels(archive: zipfile.ZipFile, count: int) -> Labels:
    with archive.open("labels.npy") as member:
        shape, _, dtype = _header(member)
        if dtype.kind not in "iu" or shape != (count,):
            raise ValueError(f"its labels are {dtype} of shape {shape}, not ({count},); {_ADVICE}")
        return ArrayStream(shape, dtype, member).read().astype(np.int64)


def _classes(archive: zipfile.ZipFile) -> tuple[str, ...]:
    """The array ``classes`` if it is a list of names or of numbers; otherwise empty."""
    with archive.open("classes.npy") as member:
        shape, _, dtype = _header(member)
        is_list = len(shape) == 1 and shape[0] <= _MAX_NAMES and dtype.kind in "Uiu"
        if not is_list or not 0 < dtype.itemsize <= _MAX_NAME_BYTES:
            return ()
        array = ArrayStream(shape, dtype, member).read()
    try:
        return tuple(map(str, array.tolist()))
    except (SystemError, ValueError) as error:  # NumPy accepts code points that do not exist
        raise ValueError("its class names are not text") from error
