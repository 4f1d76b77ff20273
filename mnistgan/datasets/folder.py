"""A folder of pictures: one subfolder a class, or flat."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mnistgan.datasets import cache
from mnistgan.datasets.fitting import Array, Fit, is_coloured
from mnistgan.datasets.image_set import ImageSet, Labels, allocate
from mnistgan.datasets.own import GREY_NOTE
from mnistgan.errors import DataError
from mnistgan.progress import OnProgress, Progress, no_progress

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")

_MAX_PIXELS = 100_000_000
_NAMED = 5  # files that a note names before it only counts
_BATCH = 1024


@dataclass(frozen=True)
class Listing:
    """The files below a folder; all paths are relative to it, as text, since there may be millions.

    Attributes:
        root: the folder.
        classes: the subfolders' names, sorted; empty for a flat folder.
        files: pictures by their names, sorted within their class.
        labels: the class of each, or None for a flat folder.
        others: what is no picture by its name, or no file.
    """

    root: Path
    classes: tuple[str, ...]
    files: list[str]
    labels: Labels | None
    others: list[str]


@dataclass(frozen=True)
class Unreadable:
    """Why a picture could not be read."""

    reason: str


def read_folder(path: Path, fit: Fit, on_progress: OnProgress = no_progress) -> ImageSet:
    """The pictures of a folder; animations by their first frame.

    Files that cannot be read are left out, counted and named in the notes. What took long to read
    is kept, fitted, in the user's cache folder until a file of the folder changes.

    Raises:
        DataError: the folder cannot be read, or holds no picture that can.
    """
    listing = list_pictures(path)
    key = cache.Key.of(path, listing.files, fit)
    if (kept := cache.load(key)) is not None:
        images, good, bad = kept
    else:
        images, good, bad = decode(listing, fit, on_progress)
        cache.save(key, images, good, bad)
    if not len(images):
        raise DataError(
            f"{path}: none of its {len(listing.files):,} pictures can be read: {_some(bad)}"
        )
    labels = None if listing.labels is None else listing.labels[good]
    grey = fit.channels == 1 and _in_colour(listing, good)
    return ImageSet(images, labels, listing.classes, str(path), _notes(listing, bad, grey))


def list_pictures(path: Path) -> Listing:
    """The pictures of a folder, by their names.

    Raises:
        DataError: there are none, or some lie beside the class folders.
    """
    try:
        flat, others, folders = _scan(path)
        classes: list[str] = []
        files, labels = list(flat), [0] * len(flat)
        for name in folders:
            inside: list[str] = []
            _walk(path, name, inside, others)
            if inside:
                files += inside
                labels += [len(classes)] * len(inside)
                classes.append(name)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    if flat and classes:
        raise DataError(
            f"{path}: has pictures beside its class folders ({flat[0]}, {classes[0]}/); put "
            "every picture into the folder of its class, or all into one folder"
        )
    if not files:
        raise DataError(f"{path}: holds no picture ({', '.join(SUFFIXES)}){_advice(path)}")
    by_class = np.array(labels, np.int64) if classes else None
    return Listing(path, tuple(classes), files, by_class, others)


def _scan(path: Path | str) -> tuple[list[str], list[str], list[str]]:
    """The names of a folder's pictures, of other things, and of its subfolders, each sorted."""
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


def _walk(root: Path, inside: str, pictures: list[str], others: list[str]) -> None:
    """Add what lies at any depth below a class folder."""
    found, strange, folders = _scan(root / inside)
    pictures += [f"{inside}/{name}" for name in found]
    others += [f"{inside}/{name}" for name in strange]
    for name in folders:
        if (root / inside / name).is_symlink():
            others.append(f"{inside}/{name}")  # it may lead back here
        else:
            _walk(root, f"{inside}/{name}", pictures, others)


def _advice(path: Path) -> str:
    if any((path / name).is_dir() for name in ("MNIST", "FashionMNIST", "EMNIST", "KMNIST")):
        return "; the folder that holds the published data sets is given by --data-root"
    return "; give a folder of pictures, or of one subfolder a class"


# Reading ---------------------------------------------------------------------------------------


def decode(
    listing: Listing, fit: Fit, on_progress: OnProgress = no_progress
) -> tuple[Array, Labels, list[str]]:
    """Read every picture.

    Returns:
        The pictures that could be read, fitted, N x C x size x size; their places in the listing,
        N; and the names of the others, each with the reason.
    """
    count = len(listing.files)
    images, is_good = allocate(count, fit), np.zeros(count, bool)
    bad: list[str] = []
    paths = (f"{listing.root}/{name}" for name in listing.files)
    filled, seen = 0, 0
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        warnings.simplefilter("ignore")  # Pillow's about odd files: they are read or they are not
        while batch := list(islice(paths, _BATCH)):
            for result in threads.map(partial(_decode, fit=fit), batch):
                if isinstance(result, Unreadable):
                    bad.append(f"{listing.files[seen]} ({result.reason})")
                else:
                    images[filled] = result
                    filled, is_good[seen] = filled + 1, True
                seen += 1
            on_progress(Progress(f"reading {listing.root.name}", seen, count))
    return images[:filled], np.flatnonzero(is_good), bad


def _decode(path: str, fit: Fit) -> Array | Unreadable:
    """A picture as a person would see it: its first frame, turned as the camera was held."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            # A large JPEG need not be unpacked whole.
            image.draft(None, (4 * fit.size, 4 * fit.size))
            return fit.picture(ImageOps.exif_transpose(image))
    except Exception as error:
        return Unreadable((str(error).replace(path, "it") or type(error).__name__).splitlines()[0])


# What people should know -----------------------------------------------------------------------


def _in_colour(listing: Listing, good: Labels) -> bool:
    """Whether one of the first pictures is in colour."""
    fit = Fit(16, 3)
    pictures = (_decode(f"{listing.root}/{listing.files[number]}", fit) for number in good[:16])
    arrays = [one for one in pictures if not isinstance(one, Unreadable)]
    return any(is_coloured(np.moveaxis(one, 0, -1)[None]) for one in arrays)


def _notes(listing: Listing, bad: list[str], grey: bool) -> tuple[str, ...]:
    notes = []
    if bad:
        notes.append(
            f"{len(bad):,} of {len(listing.files):,} pictures cannot be read and are left out: "
            f"{_some(bad)}"
        )
    if listing.others:
        names = listing.others
        are = "file is no picture" if len(names) == 1 else "files are no pictures"
        notes.append(f"{len(names):,} {are} by name and left out: {_some(names)}")
    if len(listing.classes) == 1:
        notes.append(f"there is a single class, {listing.classes[0]!r}: its labels tell nothing")
    if grey:
        notes.append(GREY_NOTE)
    return tuple(notes)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
