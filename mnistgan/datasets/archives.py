"""The files of the published data sets on the disk.

A data set is complete with its archives or with the files that torchvision unpacks from them. A
complete folder is never written to.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mnistgan.catalog import Archive, DataSet


@dataclass(frozen=True)
class LocalArchive:
    """What the data root holds of one archive.

    Attributes:
        archive: as in the catalog.
        state: ``archive`` or ``unpacked`` if its checksum is right, as far as one is published.
        path: the file found, or where it should be.
        trouble: why it cannot be used; empty if it can.
    """

    archive: Archive
    state: Literal["archive", "unpacked", "missing", "damaged"]
    path: Path
    trouble: str


def folder(data_set: DataSet, root: Path) -> Path:
    """The folder of a data set's files; the same as torchvision's."""
    return root / data_set.folder


def missing(data_set: DataSet, root: Path) -> list[Archive]:
    """The archives that are neither there nor unpacked, by their file names alone."""
    files = folder(data_set, root)
    return [
        archive
        for archive in data_set.archives
        if not (files / archive.name).is_file() and not _unpacked(archive, data_set, files)
    ]


def inspect(archive: Archive, data_set: DataSet, root: Path) -> LocalArchive:
    """Look for one archive of a data set, and compare what is there with its checksum."""
    path = folder(data_set, root) / archive.name
    if path.is_file():
        return _compare(archive, "archive", path, archive.md5)
    if unpacked := _unpacked(archive, data_set, path.parent):
        return _compare(archive, "unpacked", unpacked[0], archive.unpacked_md5)
    return LocalArchive(archive, "missing", path, "it is missing")


def _compare(
    archive: Archive, state: Literal["archive", "unpacked"], path: Path, md5: str | None
) -> LocalArchive:
    trouble = checksum_trouble(path, md5) if md5 else ""
    return LocalArchive(archive, "damaged" if trouble else state, path, trouble)


def _unpacked(archive: Archive, data_set: DataSet, files: Path) -> list[Path]:
    """The files that torchvision unpacks from an archive, or nothing if one is missing."""
    if data_set.form == "emnist":
        splits = [split for split in (data_set.train, data_set.test) if split]
        paths = [files / name for split in splits for name in (split.images, split.labels)]
    elif data_set.form == "idx":
        paths = [(files / archive.name).with_suffix("")]
    else:
        return []
    return paths if all(path.is_file() for path in paths) else []


def checksum_trouble(path: Path, md5: str) -> str:
    """Why a file differs from the published one; empty if it does not."""
    try:
        status = path.stat()
        if _digest(path, status.st_size, status.st_mtime_ns) == md5:
            return ""
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return f"its {status.st_size:,} bytes do not have the published checksum"


@functools.lru_cache(maxsize=16)
def _digest(path: Path, _size: int, _changed: int) -> str:
    """The MD5 of a file, cached: EMNIST's images and labels lie in one archive of 562 MB."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()
