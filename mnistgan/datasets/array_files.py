"""The user's own array files: an ``.npz`` file, or IDX files of images and labels."""

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mnistgan.arrays import Images, Labels
from mnistgan.datasets import class_names, image_set
from mnistgan.datasets.fitting import Fit, is_colored
from mnistgan.datasets.image_set import ImageSet
from mnistgan.errors import DataError
from mnistgan.progress import OnProgress
from mnistgan.storage.array_stream import ArrayStream
from mnistgan.storage.idx import open_idx
from mnistgan.storage.npz import open_npz

_Names: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""The names of the classes, and notes about them."""


def read_npz(path: Path, fit: Fit, on_progress: OnProgress) -> ImageSet:
    """Read an ``.npz`` file (see :mod:`mnistgan.storage.npz`).

    Raises:
        DataError: the file cannot be read, or does not contain such arrays.
    """
    with _readable(path), open_npz(path) as file:
        names = class_names.of_labels(file.labels, file.classes, path)
        return _image_set(path, file, file.labels, names, fit, on_progress)


def read_idx_pair(
    path: Path, labels_path: Path | None, fit: Fit, on_progress: OnProgress
) -> ImageSet:
    """Read images from an IDX file (uint8, N x H x W or N x H x W x 3), and their labels.

    The classes have the names in ``classes.txt`` beside the labels, if there is such a file.

    Args:
        path: file of the images.
        labels_path: file of the labels. By default, the file in the same folder that is named as in
            MNIST, such as ``train-labels-idx1-ubyte`` for ``train-images-idx3-ubyte``, if it
            exists.
        fit: size and channels of the result.
        on_progress: called with the number of images read.

    Raises:
        DataError: a file cannot be read or is not an IDX file, or the labels do not match.
    """
    labels_path = labels_path or _labels_beside(path)
    with _readable(path), open_idx(path) as array:
        # Gray images may have no axis for channels.
        shape = array.shape if len(array.shape) == 4 else (*array.shape, 1)
        if array.dtype != np.uint8 or len(shape) != 4 or shape[3] not in (1, 3):
            raise ValueError(f"has {array.dtype} {array.shape}; images are uint8, N x H x W (x 3)")
        if 0 in shape:
            raise ValueError("has no images")
        labels: Labels | None = None
        names: _Names = ((), ())
        if labels_path is not None:
            labels, names = _read_labels(labels_path, path, shape[0])
        return _image_set(path, replace(array, shape=shape), labels, names, fit, on_progress)


def _labels_beside(images: Path) -> Path | None:
    """The labels of an IDX file, plain or gzipped, named as in MNIST; None if missing."""
    own = images.name.removesuffix(".gz")
    name = own.replace("images", "labels").replace("idx3", "idx1")
    if name == own:
        return None
    folders = [images.parent]
    if images.parent.name == own:  # as Kaggle unpacks them: each file in a folder of its name
        folders.append(images.parent.with_name(name))
    candidates = [folder / f"{name}{suffix}" for folder in folders for suffix in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)


def _read_labels(path: Path, images: Path, count: int) -> tuple[Labels, _Names]:
    with _readable(path), open_idx(path) as array:
        if len(array.shape) != 1 or array.dtype.kind not in "iu":
            raise ValueError(
                f"holds {array.dtype} of shape {array.shape}; labels are whole numbers, one per row"
            )
        if array.shape[0] != count:
            raise ValueError(
                f"holds {array.shape[0]:,} labels, but {images} holds {count:,} images"
            )
        stored = array.read()
        labels = stored.astype(np.int64)
        if labels.max(initial=0) >= image_set.MAX_CLASSES > stored.byteswap().max(initial=0):
            raise ValueError("has its labels in little-endian byte order; IDX is big-endian")
        names = class_names.beside(path)
        image_set.numbered_classes(labels, path)  # here, so that an error names this file
        return labels, class_names.of_labels(labels, names, path.with_name(class_names.FILE))


def _image_set(
    path: Path,
    array: ArrayStream,
    labels: Labels | None,
    names: _Names,
    fit: Fit,
    on_progress: OnProgress,
) -> ImageSet:
    """Read the images of a file, N x H x W x C, block by block."""
    classes, name_notes = names
    blocks = array.blocks(image_set.rows_at_a_time(math.prod(array.shape[1:]), fit))
    first = next(blocks)
    color_notes = (image_set.GRAY_NOTE,) if fit.channels == 1 and is_colored(first) else ()
    what, count = f"reading {path.name}", array.shape[0]
    images = image_set.collect(chain([first], blocks), count, fit, what, on_progress)
    notes = name_notes + color_notes + image_set.class_notes(labels, classes)
    if same := image_set.sameness(images):
        notes += (f"{same}; {_cause(images, path)}",)
    return ImageSet(images, labels, classes, str(path), notes)


def _cause(images: Images, path: Path) -> str:
    if images.max() <= 1:
        return "their values are 0 and 1; save them with values from 0 to 255"
    return f"check the file, and look at its images with: {image_set.show_command(path)}"


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn any error about a file into a DataError that names it."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("is not a regular file")  # opening a pipe would block
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: {error}") from error
