"""Folders of pictures, with one subfolder per class or without subfolders."""

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from mnistgan.arrays import Images, Labels
from mnistgan.catalog import DATA_SETS
from mnistgan.datasets import archives, cache, class_names, image_set
from mnistgan.datasets.fitting import (
    SMALL,
    Fit,
    alpha_extrema,
    is_colored,
    mend_transparency,
    thumbnail,
)
from mnistgan.datasets.image_set import ImageSet, first_few
from mnistgan.errors import DataError, one_of
from mnistgan.progress import OnProgress, Progress

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif")

_IDX = ("-ubyte", "-ubyte.gz", ".idx")

# Decoded, a picture takes 3 to 4 bytes per pixel, in each thread. So there is a limit, and large
# pictures are decoded one at a time.
_MAX_PIXELS = 80_000_000
_LARGE_PIXELS = 8_000_000
_large = threading.Lock()
_BATCH = 1024  # pictures per progress report


class FolderListing(NamedTuple):
    """The files below a folder, with paths relative to it.

    Attributes:
        root: the folder.
        classes: names of the subfolders, in the order of :func:`class_names.in_order`; empty for
            a folder without subfolders.
        files: pictures, recognized by their extensions, sorted within their class.
        labels: class of each picture, int64 N; None for a folder without subfolders.
        others: all other files.
    """

    # Paths are strings, not Path objects, because there may be millions.

    root: Path
    classes: tuple[str, ...]
    files: list[str]
    labels: Labels | None
    others: list[str]


class Unreadable(NamedTuple):
    """The reason why a picture cannot be read; ``transient`` if another attempt may succeed."""

    reason: str
    transient: bool


class Decoded(NamedTuple):
    """The pictures of a folder.

    Attributes:
        images: the readable pictures, fitted, uint8 N x C x size x size.
        positions: position of each of these in the listing, int64 N.
        bad: names of the others, each with the reason.
        is_final: whether reading again would give the same result.
    """

    images: Images
    positions: Labels
    bad: list[str]
    is_final: bool = True


def read_folder(path: Path, fit: Fit, on_progress: OnProgress) -> ImageSet:
    """Read the pictures of a folder, and the first frame of animations.

    Files that cannot be read are skipped; the notes list them. The fitted images of a large folder
    are cached in the user's cache folder until a file changes.

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
        raise DataError(f"{path}: none of its pictures can be read: {first_few(read.bad)}")
    labels = None if listing.labels is None else listing.labels[read.positions]
    classes = class_names.of_folders(listing.classes, path)
    notes = _notes(listing, read.bad)
    if fit.channels == 1 and _in_color(listing, read.positions):
        notes.append(image_set.GRAY_NOTE)
    notes += image_set.class_notes(labels, classes)
    notes += sameness_notes(listing, read, fit)
    return ImageSet(read.images, labels, classes, str(path), tuple(notes))


def read_picture(path: Path, fit: Fit) -> Images:
    """Read and fit one picture: uint8, C x size x size.

    Raises:
        DataError: the file cannot be read, or is not a picture.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path}: is not a file; give a picture ({', '.join(SUFFIXES)})")
    with _no_warnings():
        result = _decode(str(path), fit.size, fit.picture)
    if isinstance(result, Unreadable):
        raise DataError(f"{path}: cannot be read ({result.reason}); give {one_of(_FORMATS)}")
    return result


def list_pictures(path: Path) -> FolderListing:
    """List the pictures of a folder by their extensions, without reading them.

    Raises:
        DataError: there are none, or some are beside the class folders.
    """
    try:
        flat, others, folders = _scan(path)
        found = [(name, _pictures_below(path, name, others)) for name in folders]
        with_pictures = {name: inside for name, inside in found if inside}
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    by_class = {name: with_pictures[name] for name in class_names.in_order(with_pictures)}
    classes = tuple(by_class)
    if flat and classes:
        raise DataError(
            f"{path}: has pictures beside its class folders ({flat[0]}, {classes[0]}/); move "
            "every picture into the folder of its class"
        )
    files = flat + list(chain.from_iterable(by_class.values()))
    if not files:
        raise DataError(f"{path}: has no pictures ({', '.join(SUFFIXES)}){_advice(path)}")
    counts = [len(inside) for inside in by_class.values()]
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), counts) if classes else None
    return FolderListing(path, classes, files, labels, others)


def _scan(path: Path | str) -> tuple[list[str], list[str], list[str]]:
    """The names of a folder's pictures, other files and subfolders, each sorted."""
    with os.scandir(path) as entries:
        found = [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
    folders = {one.name for one in found if one.is_dir()}
    pictures = {one.name for one in found if one.name.lower().endswith(SUFFIXES) and one.is_file()}
    others = {one.name for one in found} - folders - pictures
    return sorted(pictures), sorted(others), sorted(folders)


def _pictures_below(root: Path, inside: str, others: list[str]) -> list[str]:
    """The pictures at any depth below a class folder; all other files are added to ``others``."""
    if root.resolve().is_relative_to((root / inside).resolve()):
        others.append(inside)  # a link to a folder above
        return []
    pictures: list[str] = []
    # A loop instead of os.walk, which before Python 3.12 is recursive and fails for folders deeper
    # than Python's recursion limit.
    waiting = [inside]
    while waiting:
        folder = waiting.pop()
        found, strange, folders = _scan(root / folder)
        pictures += [f"{folder}/{name}" for name in found]
        others += [f"{folder}/{name}" for name in strange]
        for name in reversed(folders):
            if (root / folder / name).is_symlink():
                others.append(f"{folder}/{name}")  # may lead to a folder above: an endless loop
            else:
                waiting.append(f"{folder}/{name}")
    return pictures


def _advice(path: Path) -> str:
    """What to do about a folder without pictures."""
    for name, data_set in DATA_SETS.items():
        if data_set.archives and not archives.missing(data_set, path):
            table = {"name": name, "root": str(path)}
            return f"; it has the files of {name}: use `data = {table}`"
    if any((path / name).is_dir() for name in ("MNIST", "FashionMNIST", "EMNIST", "KMNIST")):
        return "; for the published data sets in it, set `data.root` to this folder"
    files = sorted(one for one in path.iterdir() if one.name.endswith(_IDX) and one.is_file())
    if files:
        images = next((one for one in files if "images" in one.name), files[0])
        return f"; it has IDX files: use `data.name = {str(images.absolute())!r}`"
    return "; give a folder of pictures, or one with a subfolder per class"


# Reading ---------------------------------------------------------------------------------------


def decode(listing: FolderListing, fit: Fit, on_progress: OnProgress) -> Decoded:
    """Read and fit every picture."""
    count = len(listing.files)
    images = image_set.allocate(count, fit)
    good: list[int] = []
    bad: list[str] = []
    is_final = True
    at_a_time = min(_BATCH, image_set.rows_at_a_time(0, fit))

    def read(name: str) -> Images | Unreadable:
        return _decode(f"{listing.root}/{name}", fit.size, fit.picture)

    with _no_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, count, at_a_time):
            batch = listing.files[start : start + at_a_time]
            for number, result in enumerate(threads.map(read, batch), start):
                if isinstance(result, Unreadable):
                    bad.append(f"{listing.files[number]} ({result.reason})")
                    is_final = is_final and not result.transient
                else:
                    images[len(good)] = result
                    good.append(number)
            on_progress(Progress(f"reading {listing.root.name}", start + len(batch), count))
    return Decoded(images[: len(good)], np.array(good, np.int64), bad, is_final)


def _decode(path: str, size: int, use: Callable[[Image.Image], Images]) -> Images | Unreadable:
    """Apply ``use`` to a picture's first frame, rotated according to its Exif data."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            pixels = image.width * image.height
            if pixels > _MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            mend_transparency(image)
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
    """Suppress Pillow's warnings about unusual files, which do not help the user."""
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


def sameness_notes(listing: FolderListing, read: Decoded, fit: Fit) -> list[str]:
    """A note with the likely cause and its cure, if nearly all images are flat or equal."""
    same = image_set.sameness(read.images)
    if not same:
        return []
    paths = (f"{listing.root}/{listing.files[number]}" for number in read.positions[:16])
    with _no_warnings():
        found = [_decode(path, SMALL, alpha_extrema) for path in paths]
    varying = [one for one in found if not isinstance(one, Unreadable) and one[0] < one[1]]
    if varying and fit.alpha == "blend":
        other = "black" if sum(fit.background) > 3 * 127 else "white"
        cure = (
            'their drawing is in the alpha channel; set data.alpha = "ink", or '
            f'data.background = "{other}"'
        )
    elif varying:
        cure = 'their drawing is white on a bright data.background; set it to "black"'
    else:
        show = image_set.show_command(listing.root)
        cure = f"check the pictures, and look at them as training sees them with: {show}"
    return [f"{same}; {cure}"]


def _notes(listing: FolderListing, bad: list[str]) -> list[str]:
    notes = []
    if bad:
        count = f"{len(bad):,} of {len(listing.files):,} pictures"
        notes.append(f"{count} cannot be read and are skipped: {first_few(bad)}")
    if names := listing.others:
        notes.append(f"files skipped, not pictures by name: {first_few(names)}")
    right_inside = {file.partition("/")[0] for file in listing.files if file.count("/") == 1}
    if too_high := set(listing.classes) - right_inside:
        notes.append(
            f"all pictures of the class {min(too_high)!r} are in its subfolders; if those are the "
            "classes, give the folder of this class as the data set"
        )
    return notes
