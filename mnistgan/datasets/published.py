"""Reading the data sets of the catalog.

Each file is compared with its published checksum before it is read. Unpacked files without one are
compared with the shape in the catalog.
"""

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
from mnistgan.datasets import archives
from mnistgan.datasets.fitting import RESAMPLING, Fit
from mnistgan.datasets.image_set import ImageSet, collect, rows_at_a_time
from mnistgan.errors import DataError
from mnistgan.progress import OnProgress
from mnistgan.storage.array_stream import ArrayStream
from mnistgan.storage.idx import open_idx, parse_idx

_NUMBERS = tuple(map(str, range(1, 257)))


def read(
    data_set: DataSet, split_name: SplitName, root: Path, fit: Fit, on_progress: OnProgress
) -> ImageSet:
    """Read one split of a data set from its files.

    Raises:
        DataError: a file is missing or damaged, or the data set has no such split.
    """
    split = data_set.train if split_name == "train" else data_set.test
    if split is None:
        raise DataError(f"{data_set.name}: has no test split; use its training images")
    blocks: Iterable[Images]
    with contextlib.ExitStack() as files:
        if data_set.form == "embedded":
            # 1,797 digits with 17 gray levels (Alpaydin & Kaynak 1998, CC BY 4.0), the same as in
            # scikit-learn's load_digits. Importing scikit-learn takes a second (commit 927b248).
            with np.load(str(resources.files("mnistgan.datasets") / "digits.npz")) as file:
                blocks, labels = [file["images"]], file["labels"]
        elif data_set.form == "usps":
            pixels, labels = _usps(data_set, root, _verified(data_set, f"{split.images}.bz2", root))
            blocks = [pixels]
        else:
            labels = _idx_labels(data_set, split.labels, split.count, root)
            shape = (split.count, data_set.side, data_set.side)
            array = files.enter_context(_idx_file(data_set, split.images, shape, root))
            blocks = array.blocks(rows_at_a_time(data_set.side**2, fit))
        if data_set.form == "emnist":  # published transposed (pytorch/vision#8783)
            blocks = (block.swapaxes(1, 2) for block in blocks)
        pictures = (_scaled(block, fit.size)[..., None] for block in blocks)
        images = collect(pictures, len(labels), fit, f"reading {data_set.name}", on_progress)
    folder = root / data_set.folder if data_set.archives else "embedded"
    notes = _unverified(data_set, root)
    return ImageSet(images, labels, data_set.classes, f"{data_set.name} ({folder})", notes)


def _scaled(images: Images, side: int) -> Images:
    """Resize square gray images, n x H x W."""
    # By Pillow directly. For the user's pictures torchvision's resize calls the same function, but
    # the embedded digits should not wait for the import of torchvision.
    if images.shape[1:] == (side, side):
        return images
    pictures = (Image.fromarray(image).resize((side, side), RESAMPLING) for image in images)
    return np.stack([np.asarray(picture) for picture in pictures])


def _unverified(data_set: DataSet, root: Path) -> tuple[str, ...]:
    """A note if unpacked files without a published checksum were read."""
    if all(archives.inspect(one, data_set, root).has_checksum for one in data_set.archives):
        return ()
    return (
        f"{data_set.name} was read from unpacked files, for which no checksum is published; to "
        f"verify it, delete them and run: {archives.fetch_call(data_set, root)}",
    )


def _verified(data_set: DataSet, name: str, root: Path) -> Path:
    """The path of an archive, after comparing its checksum."""
    archive = next(one for one in data_set.archives if one.name == name)
    found = archives.inspect(archive, data_set, root)
    if found.trouble:
        raise _unusable(data_set, root, found.path, found.trouble)
    return found.path


def _unusable(data_set: DataSet, root: Path, path: Path, trouble: str) -> DataError:
    """The error for a file that cannot be used."""
    again = archives.fetch_call(data_set, root)
    return DataError(f"{path}: {trouble}; download it again: {again}")


@contextlib.contextmanager
def _idx_file(
    data_set: DataSet, name: str, shape: tuple[int, ...], root: Path
) -> Iterator[ArrayStream]:
    """Open an IDX array of a data set: in an archive, in a zip of archives, or unpacked.

    Raises:
        DataError: the file cannot be read, has another shape, or the block raised ValueError.
    """
    path = root / data_set.folder / name
    try:
        with contextlib.ExitStack() as files:
            if data_set.form != "emnist":
                path = _verified(data_set, f"{name}.gz", root)
            if data_set.form != "emnist" or path.is_file():
                array = files.enter_context(open_idx(path))
            else:
                path = _verified(data_set, "gzip.zip", root)
                archive = files.enter_context(zipfile.ZipFile(path))
                member = files.enter_context(archive.open(f"gzip/{name}.gz"))
                array = parse_idx(files.enter_context(gzip.open(member)))
            itemsize = 4 if name.endswith("idx2-int") else 1
            if array.shape != shape or array.dtype.itemsize != itemsize:
                raise ValueError(f"its shape is {array.shape}, not {shape}")
            yield array
    except (OSError, EOFError, ValueError, KeyError, zlib.error, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
        raise _unusable(data_set, root, path, f"is damaged: {reason}") from error


def _idx_labels(data_set: DataSet, name: str, count: int, root: Path) -> Labels:
    """Class numbers from 0, int64 N."""
    # QMNIST's labels have eight columns; the first is the class. EMNIST's letters start at 1.
    shape = (count, 8) if "idx2" in name else (count,)
    with _idx_file(data_set, name, shape, root) as array:
        labels = array.read().astype(np.int64).reshape(count, -1)[:, 0]
        if data_set.name == "emnist-letters":
            labels -= 1
        if labels.min() < 0 or labels.max() >= len(data_set.classes):
            raise ValueError("it has labels without a class")
    return labels


def _usps(data_set: DataSet, root: Path, path: Path) -> tuple[Images, Labels]:
    """Read the images and labels of USPS."""
    labels, rows = [], []
    try:
        with bz2.open(path, "rt", encoding="ascii", errors="replace") as lines:
            for line in lines:
                label, values = _usps_line(line)
                labels.append(label)
                rows.append(np.array(values, np.float32))
    except ValueError as error:
        trouble = f"is damaged: line {len(rows) + 1} is not 'label 1:value ... 256:value'"
        raise _unusable(data_set, root, path, trouble) from error
    # As in torchvision, bit by bit: arithmetic in float32, then rounded down.
    pixels = (np.reshape(rows, (-1, 16, 16)) + 1) / 2 * 255
    return pixels.astype(np.uint8), np.array(labels, np.int64)


def _usps_line(line: str) -> tuple[int, list[float]]:
    """Parse a label, which starts at 1 in the file, and 256 values in [-1, 1].

    Raises:
        ValueError: the line has another form.
    """
    # Strict: an HTML page or a truncated line must not become an image.
    label, *pairs = line.split()
    places, numbers = zip(*(pair.split(":") for pair in pairs), strict=True)
    values = [float(number) for number in numbers]
    if places != _NUMBERS or not all(-1 <= value <= 1 for value in values):
        raise ValueError(line)
    return _NUMBERS[:10].index(label), values
