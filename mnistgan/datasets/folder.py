"""A folder of pictures: one subfolder per class, or flat."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mnistgan.arrays import Images, Labels
from mnistgan.datasets import cache
from mnistgan.datasets.fitting import SMALL, Fit, is_colored, thumbnail
from mnistgan.datasets.image_set import (
    GRAY_NOTE,
    ImageSet,
    allocate,
    class_notes,
    first_few,
    rows_at_a_time,
)
from mnistgan.errors import DataError
from mnistgan.progress import OnProgress, Progress, no_progress

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif")

_MAX_PIXELS = 80_000_000
_LARGE_PIXELS = 8_000_000
_large = threading.Lock()
"""Large pictures are decoded one at a time, whatever the number of threads."""
_BATCH = 1024


@dataclass(frozen=True)
class FolderListing:
    """The files below a folder; all paths are relative to it, as text, since there may be millions.

    Attributes:
        root: the folder.
        classes: the names of the subfolders, sorted; empty for a flat folder.
        files: the pictures, known by their suffixes, sorted within their class.
        labels: the class of each picture, or None for a flat folder.
        others: everything else.
    """

    root: Path
    classes: tuple[str, ...]
    files: list[str]
    labels: Labels | None
    others: list[str]


@dataclass(frozen=True)
class Unreadable:
    """Why a picture could not be read; ``transient`` if the next attempt may succeed."""

    reason: str
    transient: bool


@dataclass(frozen=True)
class Decoded:
    """The pictures of a folder.

    Attributes:
        images: those that could be read, fitted, N x C x size x size.
        positions: of these in the listing, N.
        bad: the names of the others, each with the reason.
        is_final: whether reading them again would give the same.
    """

    images: Images
    positions: Labels
    bad: list[str]
    is_final: bool = True


def read_folder(path: Path, fit: Fit, on_progress: OnProgress = no_progress) -> ImageSet:
    """The pictures of a folder; of an animation, the first frame.

    Files that cannot be read are left out; the notes name and count them. The fitted images of a
    large folder are cached in the user's cache folder until a file changes.

    Raises:
        DataError: the folder, or every picture in it, cannot be read.
    """
    listing = list_pictures(path)
    key = cache.CacheKey.of(path, listing.files, fit)
    if (cached := cache.load(key)) is not None:
        read = Decoded(*cached)
    else:
        read = decode(listing, fit, on_progress)
        if read.is_final:
            cache.save(key, read.images, read.positions, read.bad)
    if not len(read.images):
        count = f"{len(listing.files):,}"
        raise DataError(f"{path}: none of its {count} pictures can be read: {first_few(read.bad)}")
    labels = None if listing.labels is None else listing.labels[read.positions]
    loses_color = fit.channels == 1 and _in_color(listing, read.positions)
    notes = _notes(listing, read.bad, loses_color) + class_notes(labels, listing.classes)
    return ImageSet(read.images, labels, listing.classes, str(path), notes)


def read_picture(path: Path, fit: Fit) -> Images:
    """One picture, fitted: uint8, C x size x size.

    Raises:
        DataError: it cannot be read, or is not a picture.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path}: is not a file; give a picture ({', '.join(SUFFIXES)})")
    with _no_warnings():
        result = _decode(str(path), fit.size, fit.picture)
    if isinstance(result, Unreadable):
        raise DataError(
            f"{path}: cannot be read ({result.reason}); give a picture as PNG, JPEG, WebP or GIF"
        )
    return result


def list_pictures(path: Path) -> FolderListing:
    """List the pictures of a folder by their suffixes, without reading them.

    Raises:
        DataError: there are none, or some lie beside the class folders.
    """
    try:
        flat, others, folders = _scan(path)
        found = {name: _pictures_below(path, name, others) for name in folders}
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    by_class = {name: inside for name, inside in found.items() if inside}
    classes = tuple(by_class)
    if flat and classes:
        raise DataError(
            f"{path}: has pictures beside its class folders ({flat[0]}, {classes[0]}/); put "
            "every picture into the folder of its class, or all into one folder"
        )
    files = flat + list(chain.from_iterable(by_class.values()))
    if not files:
        raise DataError(f"{path}: has no pictures ({', '.join(SUFFIXES)}){_advice(path)}")
    counts = [len(inside) for inside in by_class.values()]
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), counts) if classes else None
    return FolderListing(path, classes, files, labels, others)


def _scan(path: Path | str) -> tuple[list[str], list[str], list[str]]:
    """The names of a folder's pictures, other files and subfolders, each sorted."""
    pictures: list[str] = []
    others: list[str] = []
    folders: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith((".", "__MACOSX")):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                pictures.append(entry.name)
            else:
                others.append(entry.name)
    return sorted(pictures), sorted(others), sorted(folders)


def _pictures_below(root: Path, inside: str, others: list[str]) -> list[str]:
    """The pictures at any depth below a class folder; everything else is added to ``others``."""
    if root.resolve().is_relative_to((root / inside).resolve()):
        others.append(inside)  # a link that leads back here
        return []
    pictures: list[str] = []
    # A loop, because os.walk before Python 3.12 calls itself for every level of folders, and fails
    # where they are deeper than Python's recursion limit.
    waiting = [inside]
    while waiting:
        folder = waiting.pop()
        found, strange, folders = _scan(root / folder)
        pictures += [f"{folder}/{name}" for name in found]
        others += [f"{folder}/{name}" for name in strange]
        for name in reversed(folders):
            if (root / folder / name).is_symlink():
                others.append(f"{folder}/{name}")  # it may lead back here
            else:
                waiting.append(f"{folder}/{name}")
    return pictures


def _advice(path: Path) -> str:
    if any((path / name).is_dir() for name in ("MNIST", "FashionMNIST", "EMNIST", "KMNIST")):
        return "; name the folder that holds the published data sets with --data-root"
    return "; give a folder of pictures, or one with a subfolder per class"


# Reading ---------------------------------------------------------------------------------------


def decode(listing: FolderListing, fit: Fit, on_progress: OnProgress = no_progress) -> Decoded:
    """Read and fit every picture."""
    count = len(listing.files)
    images, is_good = allocate(count, fit), np.zeros(count, bool)
    bad: list[str] = []
    paths = (f"{listing.root}/{name}" for name in listing.files)
    filled, seen, is_final = 0, 0, True
    at_a_time = min(_BATCH, rows_at_a_time(0, fit))
    decode_one = partial(_decode, size=fit.size, use=fit.picture)
    with _no_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        while batch := list(islice(paths, at_a_time)):
            for result in threads.map(decode_one, batch):
                if isinstance(result, Unreadable):
                    bad.append(f"{listing.files[seen]} ({result.reason})")
                    is_final = is_final and not result.transient
                else:
                    images[filled] = result
                    filled, is_good[seen] = filled + 1, True
                seen += 1
            on_progress(Progress(f"reading {listing.root.name}", seen, count))
    return Decoded(images[:filled], np.flatnonzero(is_good), bad, is_final)


def _decode(path: str, size: int, use: Callable[[Image.Image], Images]) -> Images | Unreadable:
    """What ``use`` makes of a picture's first frame, rotated as its Exif data says."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            pixels = image.width * image.height
            if pixels > _MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            # A JPEG can be decoded at a smaller size, which saves time and memory.
            image.draft(None, (4 * size, 4 * size))
            with _large if pixels > _LARGE_PIXELS else contextlib.nullcontext():
                return use(_turned(image))
    except MemoryError:
        raise
    except Exception as error:  # a decoder may raise anything for a broken file
        system = isinstance(error, OSError) and error.strerror
        text = system or str(error).replace(path, "it") or type(error).__name__
        return Unreadable(text.splitlines()[0], transient=bool(system))


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the Exif data is broken; the picture may be fine
        return image


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Without Pillow's warnings about odd files, of which the user can change nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# Notes for the user ----------------------------------------------------------------------------


def _in_color(listing: FolderListing, good: Labels) -> bool:
    """Whether one of the first pictures is in color."""
    paths = (f"{listing.root}/{listing.files[number]}" for number in good[:16])
    with _no_warnings():
        small = [_decode(path, SMALL, thumbnail) for path in paths]
    return any(is_colored(one) for one in small if not isinstance(one, Unreadable))


def _notes(listing: FolderListing, bad: list[str], loses_color: bool) -> tuple[str, ...]:
    notes = []
    if bad:
        count = f"{len(bad):,} of {len(listing.files):,} pictures"
        notes.append(f"{count} cannot be read and are left out: {first_few(bad)}")
    if names := listing.others:
        are = "file is not a picture" if len(names) == 1 else "files are not pictures"
        notes.append(f"{len(names):,} {are} by name and left out: {first_few(names)}")
    right_inside = {file.partition("/")[0] for file in listing.files if file.count("/") == 1}
    too_high = set(listing.classes) - right_inside
    if too_high:
        notes.append(
            f"all pictures of the class {min(too_high)!r} lie in subfolders of it; if these are "
            "the classes, name the folder above them"
        )
    if loses_color:
        notes.append(GRAY_NOTE)
    return tuple(notes)
