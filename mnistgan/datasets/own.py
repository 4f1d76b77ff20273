"""Array files of one's own: an ``.npz``, or an IDX file with its labels beside it."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistgan.datasets.fitting import Array, Fit, is_coloured
from mnistgan.datasets.image_set import BLOCK, ImageSet, Labels, collect, numbered_classes
from mnistgan.errors import DataError
from mnistgan.idx import open_idx
from mnistgan.npz import open_npz
from mnistgan.progress import OnProgress, no_progress

GREY_NOTE = "the images are in colour and are trained in grey; --channels 3 keeps the colour"


def read_npz(path: Path, fit: Fit, on_progress: OnProgress = no_progress) -> ImageSet:
    """The images of an ``.npz`` (see :mod:`mnistgan.npz`).

    Raises:
        DataError: the file cannot be read, or holds no such arrays.
    """
    with _readable(path), open_npz(path) as file:
        notes: list[str] = []
        classes = numbered_classes(file.labels)
        blocks = _watch_colour(file.blocks(BLOCK), fit, notes)
        images = collect(blocks, file.shape[0], fit, f"reading {path.name}", on_progress)
        return ImageSet(images, file.labels, classes, str(path), tuple(notes))


def read_idx_pair(
    path: Path, labels_path: Path | None, fit: Fit, on_progress: OnProgress = no_progress
) -> ImageSet:
    """The images of an IDX file (N x H x W or N x H x W x 3, uint8), and its labels.

    Args:
        path: of the images.
        labels_path: of the labels; by default the file beside it that MNIST's naming suggests,
            such as ``train-labels-idx1-ubyte`` for ``train-images-idx3-ubyte``, if there is one.
        fit: what to make of the images.
        on_progress: called with the images read.

    Raises:
        DataError: a file cannot be read or is no IDX file, or the labels do not match.
    """
    labels_path = labels_path or partner(path)
    labels = None if labels_path is None else _labels(labels_path)
    with _readable(path), open_idx(path) as array:
        shape = array.shape if len(array.shape) == 4 else (*array.shape, 1)
        if array.dtype != np.uint8 or len(shape) != 4 or shape[3] not in (1, 3):
            raise ValueError(
                f"holds {array.dtype} of shape {array.shape}; images are uint8, N x H x W or "
                "N x H x W x 3"
            )
        if 0 in shape:
            raise ValueError("holds no image")
        if labels is not None and len(labels) != shape[0]:
            raise ValueError(
                f"holds {shape[0]:,} images, but {labels_path} holds {len(labels):,} labels; give "
                "the files of one set"
            )
        notes: list[str] = []
        reshaped = (block.reshape(-1, *shape[1:]) for block in array.blocks(BLOCK))
        blocks = _watch_colour(reshaped, fit, notes)
        images = collect(blocks, shape[0], fit, f"reading {path.name}", on_progress)
    with _readable(labels_path or path):
        classes = numbered_classes(labels)
    return ImageSet(images, labels, classes, str(path), tuple(notes))


def partner(images: Path) -> Path | None:
    """The labels beside a file of images, by MNIST's naming, plain or gzipped."""
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    if name == images.name.removesuffix(".gz"):
        return None
    candidates = (images.with_name(name), images.with_name(f"{name}.gz"))
    return next((path for path in candidates if path.is_file()), None)


def _labels(path: Path) -> Labels:
    with _readable(path), open_idx(path) as array:
        if len(array.shape) != 1 or array.dtype.kind not in "iu":
            raise ValueError(f"holds {array.dtype} of shape {array.shape}; labels are one a row")
        return array.read().astype(np.int64)


def _watch_colour(blocks: Iterator[Array], fit: Fit, notes: list[str]) -> Iterator[Array]:
    """The blocks as they are; a note if colour in the first of them is about to be lost."""
    for number, block in enumerate(blocks):
        if number == 0 and fit.channels == 1 and is_coloured(block):
            notes.append(GREY_NOTE)
        yield block


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, in one sentence that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: {error}") from error
