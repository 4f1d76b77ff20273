"""Cache of large picture folders, as one array each, until a file in the folder changes."""

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistgan.arrays import Images, Labels
from mnistgan.datasets.fitting import Fit
from mnistgan.errors import MnistganError
from mnistgan.storage import user_dirs
from mnistgan.storage.atomic import atomic_path, make_folder

WORTH_KEEPING = 5_000
"""Folders with fewer pictures are not cached: reading them takes a second or two."""

_MOST_BYTES = 2**32
_FORMAT = 2
_BROKEN = (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class CacheKey:
    """Identifies the content of a folder.

    Attributes:
        file: cache file; one per folder and options of fitting.
        listing: digest of the pictures' names, sizes and times of change.
    """

    file: Path
    listing: str

    @classmethod
    def of(cls, root: Path, files: Sequence[str], fit: Fit) -> "CacheKey":
        """The key for the current pictures of a folder."""
        digest = hashlib.sha256()
        for name in files:
            with contextlib.suppress(OSError):  # deleted in the meantime: reading reports that
                # os.stat with a string: a Path takes three times as long, for maybe millions.
                status = os.stat(f"{root}/{name}")  # noqa: PTH116
                entry = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n"
                digest.update(entry.encode(errors="surrogateescape"))
        source = f"{_FORMAT}\0{root.resolve()}\0{fit}".encode(errors="surrogateescape")
        name = hashlib.sha256(source).hexdigest()[:16]
        return cls(user_dirs.cache() / "pictures" / f"{name}.npz", digest.hexdigest())


def load(key: CacheKey) -> tuple[Images, Labels, list[str]] | None:
    """Cached images, their positions in the listing, and unreadable files; None if missing."""
    # The cache is a file that others may have changed: a damaged one counts as missing.
    with contextlib.suppress(*_BROKEN), key.file.open("rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if str(file["listing"]) == key.listing:
            images, good = file["images"], file["good"]
            if (images.dtype, good.dtype, len(images)) == (np.uint8, np.int64, len(good)):
                return images, good, file["bad"].tolist()
    return None


def save(key: CacheKey, images: Images, good: Labels, bad: list[str]) -> None:
    """Cache the pictures of a large folder. A full or read-only disk is not an error."""
    if len(good) + len(bad) < WORTH_KEEPING or images.nbytes > _MOST_BYTES:
        return
    with contextlib.suppress(OSError, MnistganError):
        make_folder(key.file.parent)
        with atomic_path(key.file) as temporary, temporary.open("wb") as stream:
            names = np.array(bad) if bad else np.empty(0, "U1")
            np.savez(stream, listing=np.array(key.listing), images=images, good=good, bad=names)
