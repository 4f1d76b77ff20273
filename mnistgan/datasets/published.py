"""Reading the data sets of the catalog.

Before a file is read as images, it is compared with its published checksum or, if it is an unpacked
file without one, with the shape in the catalog.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from mnistgan.arrays import Images, Labels
from mnistgan.catalog import DataSet, SplitName
from mnistgan.datasets.archives import folder, inspect
from mnistgan.datasets.fitting import RESAMPLING, Fit
from mnistgan.datasets.image_set import ImageSet, collect, rows_at_a_time
from mnistgan.errors import DataError
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage.array_stream import ArrayStream
from mnistgan.storage.idx import open_idx, parse_idx


def read(
    data_set: DataSet,
    split_name: SplitName,
    root: Path,
    fit: Fit,
    on_progress: OnProgress = no_progress,
) -> ImageSet:
    """The images of one split of a data set whose files are there.

    Raises:
        DataError: a file is damaged, or the set has no such split.
    """
    split = data_set.split(split_name)
    if split is None:
        raise DataError(f"{data_set.name}: has no test part; only its training part can be used")
    blocks: Iterable[Images]
    with contextlib.ExitStack() as files:
        if data_set.form == "embedded":
            pixels, labels = _embedded()
            blocks = [pixels]
        elif data_set.form == "usps":
            pixels, labels = _usps(data_set, _verified(data_set, f"{split.images}.bz2", root))
            blocks = [pixels]
        else:
            labels = _idx_labels(data_set, split.labels, split.count, root)
            path, array = files.enter_context(_idx_file(data_set, split.images, root))
            _require(path, array, (split.count, data_set.side, data_set.side), data_set)
            blocks = array.blocks(rows_at_a_time(data_set.side**2, fit))
        if data_set.form == "emnist":  # published transposed
            blocks = (block.swapaxes(1, 2) for block in blocks)
        pictures = (_scaled(block, fit.size)[..., None] for block in blocks)
        what = f"reading {data_set.name}"
        images = collect(pictures, len(labels), fit, what, on_progress)
    location = folder(data_set, root) if data_set.archives else "embedded"
    notes = _unverified(data_set, root)
    return ImageSet(images, labels, data_set.classes, f"{data_set.name} ({location})", notes)


def _scaled(images: Images, side: int) -> Images:
    """Square gray images, n x H x W, at another size.

    By Pillow, which is what torchvision's resize calls for pictures of your own: the embedded
    digits must not wait for the import of torchvision.
    """
    if not len(images) or images.shape[1:] == (side, side):
        return images
    pictures = (Image.fromarray(image).resize((side, side), RESAMPLING) for image in images)
    return np.stack([np.asarray(picture) for picture in pictures])


def _unverified(data_set: DataSet, root: Path) -> tuple[str, ...]:
    """A note if unpacked files were read, for which no checksum is published."""
    names = [
        archive.name
        for archive in data_set.archives
        if not archive.unpacked_md5 and not (folder(data_set, root) / archive.name).is_file()
    ]
    if not names:
        return ()
    return (
        f"{data_set.name} was read from unpacked files, for which no checksum is published; "
        f"mnistgan data fetch {data_set.name} gets the archives",
    )


def _verified(data_set: DataSet, name: str, root: Path) -> Path:
    """The path of an archive whose checksum is right."""
    archive = next(one for one in data_set.archives if one.name == name)
    found = inspect(archive, data_set, root)
    if found.trouble:
        raise damaged(data_set, found.path, found.trouble)
    return found.path


def damaged(data_set: DataSet, path: Path, trouble: str) -> DataError:
    """The error for a file that must not be trained on."""
    return DataError(
        f"{path}: is damaged: {trouble}; download it again: mnistgan data fetch {data_set.name}"
    )


@contextlib.contextmanager
def _idx_file(data_set: DataSet, name: str, root: Path) -> Iterator[tuple[Path, ArrayStream]]:
    """An IDX array of a data set, in an archive, in a zip of archives, or unpacked."""
    path = folder(data_set, root) / name
    try:
        if data_set.form == "emnist" and not path.is_file():
            path = _verified(data_set, "gzip.zip", root)
            with (
                zipfile.ZipFile(path) as archive,
                archive.open(f"gzip/{name}.gz") as member,
                gzip.open(member) as stream,
            ):
                yield path, parse_idx(stream)
        else:
            path = path if data_set.form == "emnist" else _verified(data_set, f"{name}.gz", root)
            with open_idx(path) as array:
                yield path, array
    except (OSError, EOFError, ValueError, KeyError, zlib.error, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
        raise damaged(data_set, path, reason) from error


def _require(path: Path, array: ArrayStream, shape: tuple[int, ...], data_set: DataSet) -> None:
    if array.shape != shape or array.dtype.itemsize != (4 if "idx2-int" in path.name else 1):
        raise damaged(data_set, path, f"it holds {array.shape} where {shape} is right")


def _idx_labels(data_set: DataSet, name: str, count: int, root: Path) -> Labels:
    """Class numbers from 0, int64 N."""
    # QMNIST has eight columns, of which the first is the class; EMNIST's letters count from 1.
    with _idx_file(data_set, name, root) as (path, array):
        _require(path, array, (count, 8) if "idx2" in name else (count,), data_set)
        labels = array.read().astype(np.int64)
        labels = labels[:, 0] if labels.ndim == 2 else labels
    if data_set.name == "emnist-letters":
        labels = labels - 1
    if labels.min() < 0 or labels.max() >= len(data_set.classes):
        raise damaged(data_set, path, "it has labels that are not classes")
    return labels


def _embedded() -> tuple[Images, Labels]:
    """1,797 handwritten digits, 8x8 with 17 gray levels (Alpaydin & Kaynak 1998, CC BY 4.0).

    What scikit-learn's ``load_digits`` gives.
    """
    with np.load(str(resources.files("mnistgan.datasets") / "digits.npz")) as file:
        return file["images"], file["labels"]


def _usps(data_set: DataSet, path: Path) -> tuple[Images, Labels]:
    """Pixels scaled as torchvision does: rounded down, after arithmetic in float32."""
    labels, rows = [], []
    try:
        with bz2.open(path, "rt", encoding="ascii", errors="replace") as lines:
            for line in lines:
                label, values = _usps_line(line)
                labels.append(label)
                rows.append(np.array(values, np.float32))
    except ValueError as error:
        trouble = f"line {len(rows) + 1} is not 'label 1:value ... 256:value'"
        raise damaged(data_set, path, trouble) from error
    pixels = (np.reshape(rows, (-1, 16, 16)) + 1) / 2 * 255
    return pixels.astype(np.uint8), np.array(labels, np.int64)


def _usps_line(line: str) -> tuple[int, list[float]]:
    """A label, in the file from 1, and 256 values in [-1, 1]; raises ValueError otherwise."""
    label, *pairs = line.split()
    places, numbers = zip(*(pair.split(":") for pair in pairs), strict=True)
    values = [float(number) for number in numbers]
    if places != _USPS_PLACES or not all(-1 <= value <= 1 for value in values):
        raise ValueError(line)
    return _USPS_LABELS.index(label), values


_USPS_PLACES = tuple(map(str, range(1, 257)))
_USPS_LABELS = tuple(map(str, range(1, 11)))
