"""The files of the published data sets, as they lie on the disk.

An archive and what torchvision unpacks from it serve equally; a folder that is complete is never
written to.
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
    """One archive's place in a folder.

    Attributes:
        archive: what was looked for.
        state: ``archive`` or ``unpacked`` where it is there and whole.
        path: the file that is there, or should be.
        trouble: why it cannot be used; empty if it can.
    """

    archive: Archive
    state: Literal["archive", "unpacked", "missing", "damaged"]
    path: Path
    trouble: str


def folder(data_set: DataSet, root: Path) -> Path:
    """Where the files of a data set lie, as torchvision puts them."""
    return root / data_set.folder


def missing(data_set: DataSet, root: Path) -> list[Archive]:
    """The archives that are not there in any form, by their names alone."""
    place = folder(data_set, root)
    return [
        archive
        for archive in data_set.archives
        if not (place / archive.name).is_file() and not _unpacked(archive, data_set, place)
    ]


def inspect(archive: Archive, data_set: DataSet, root: Path) -> LocalArchive:
    """Look for one of a data set's archives, and hold what is there against its checksum."""
    place = folder(data_set, root)
    path = place / archive.name
    if path.is_file():
        return _compare(archive, "archive", path, archive.md5)
    if unpacked := _unpacked(archive, data_set, place):
        return _compare(archive, "unpacked", unpacked[0], archive.unpacked_md5)
    return LocalArchive(archive, "missing", path, "it is missing")


def _compare(
    archive: Archive, state: Literal["archive", "unpacked"], path: Path, md5: str | None
) -> LocalArchive:
    trouble = checksum_trouble(path, md5) if md5 else ""
    return LocalArchive(archive, "damaged" if trouble else state, path, trouble)


def _unpacked(archive: Archive, data_set: DataSet, place: Path) -> list[Path]:
    """The files that torchvision unpacked from an archive, or nothing unless all are there."""
    if data_set.form == "emnist":
        parts = [part for part in (data_set.train, data_set.test) if part]
        paths = [place / name for part in parts for name in (part.images, part.labels)]
    elif data_set.form == "idx":
        paths = [(place / archive.name).with_suffix("")]
    else:
        return []
    return paths if all(path.is_file() for path in paths) else []


def checksum_trouble(path: Path, md5: str) -> str:
    """Why a file is not the published one; empty where it is."""
    try:
        status = path.stat()
        if _digest(path, status.st_size, status.st_mtime_ns) == md5:
            return ""
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return f"its {status.st_size:,} bytes do not have the published checksum"


@functools.lru_cache(maxsize=16)
def _digest(path: Path, _size: int, _changed: int) -> str:
    """The MD5 of a file, once for each of its states: images and labels may share an archive."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()
