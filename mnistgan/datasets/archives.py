"""The files of published data sets on the disk: which exist, and whether they are intact.

A data set is complete if its archives exist, or the files that torchvision unpacks from them. They
may also lie in the data root itself, or have Kaggle's names, if their checksums are the published
ones. A complete folder is never written to, so it may be shared and read-only.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

from mnistgan.catalog import DATA_SETS, Archive, DataSet
from mnistgan.storage import user_dirs

HEAD = ("name", "images", "size", "classes", "license", "here", "source")


@dataclass(frozen=True)
class LocalArchive:
    """The state of one archive in the data root.

    Attributes:
        path: the archive or the file unpacked from it; if both are missing, the archive's path.
        trouble: the reason why it cannot be used, such as ``is missing``; empty if it can.
        has_checksum: whether a checksum is published for this file.
    """

    path: Path
    trouble: str
    has_checksum: bool = True


def rows(root: Path) -> list[tuple[str, ...]]:
    """One row per data set with the columns :data:`HEAD`; ``here``: whether its files exist."""
    return [_row(data_set, root) for data_set in DATA_SETS.values()]


def _row(data_set: DataSet, root: Path) -> tuple[str, ...]:
    test = f" + {data_set.test.count:,}" if data_set.test else ""
    megabytes = sum(archive.megabytes for archive in data_set.archives)
    return (
        data_set.name,
        f"{data_set.train.count:,}{test}",
        f"{data_set.side}x{data_set.side}",
        str(len(data_set.classes)),
        data_set.license,
        f"no ({megabytes:,.0f} MB)" if missing(data_set, root) else "yes",
        f"{data_set.about}; {data_set.source}",
    )


def missing(data_set: DataSet, root: Path) -> list[Archive]:
    """The archives that are missing, both packed and unpacked.

    Files in the usual place are judged by name alone; in other places, by their checksums, too.
    """
    return [
        archive
        for archive in data_set.archives
        if not (root / data_set.folder / archive.name).is_file()
        and not _unpacked(archive, data_set, root)
        and not _elsewhere(archive, data_set, root)
    ]


def inspect(archive: Archive, data_set: DataSet, root: Path) -> LocalArchive:
    """Find one archive of a data set, and compare its checksum."""
    path = root / data_set.folder / archive.name
    if path.is_file():
        return LocalArchive(path, checksum_trouble(path, *_checksums(archive)))
    if unpacked := _unpacked(archive, data_set, root):
        path, md5 = unpacked[0], archive.unpacked_md5
        return LocalArchive(path, checksum_trouble(path, md5) if md5 else "", bool(md5))
    elsewhere = _elsewhere(archive, data_set, root)
    return LocalArchive(elsewhere or path, "" if elsewhere else "is missing")


def _checksums(archive: Archive) -> tuple[str, ...]:
    """The checksums of the archive and of its content."""
    # Some browsers unpack a download and keep its name.
    return tuple(md5 for md5 in (archive.md5, archive.unpacked_md5) if md5)


def _elsewhere(archive: Archive, data_set: DataSet, root: Path) -> Path | None:
    """An undamaged file in the root itself, in its folder ``raw``, or under Kaggle's names.

    Several data sets have files of the same names, so only a checksum shows whether they belong to
    this one.
    """
    names = {archive.name}
    if data_set.form == "idx":
        plain = archive.name.removesuffix(".gz")
        # Kaggle has train-images.idx3-ubyte, and train-images-idx3-ubyte in a folder of that name.
        stems = (plain, plain.replace("-idx", ".idx"), f"{plain}/{plain}")
        names |= {f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz")}
    folders = (root / data_set.folder, root, root / "raw")
    paths = [folder / name for folder in folders for name in sorted(names)]
    md5s = _checksums(archive)
    found = (path for path in paths if path.is_file() and not checksum_trouble(path, *md5s))
    return next(found, None)


def _unpacked(archive: Archive, data_set: DataSet, root: Path) -> list[Path]:
    """The files that torchvision unpacks from an archive; empty if one is missing."""
    names = []
    if data_set.form == "emnist":
        splits = [split for split in (data_set.train, data_set.test) if split]
        names = [name for split in splits for name in (split.images, split.labels)]
    elif data_set.form == "idx":
        names = [archive.name.removesuffix(".gz")]
    paths = [root / data_set.folder / name for name in names]
    return paths if all(path.is_file() for path in paths) else []


def checksum_trouble(path: Path, *md5s: str) -> str:
    """The reason why a file has none of the published checksums; empty if it has one."""
    try:
        status = path.stat()
        if _digest(path, status.st_size, status.st_mtime_ns) in md5s:
            return ""
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return f"is damaged: its {status.st_size:,} bytes do not have the published checksum"


@functools.lru_cache(maxsize=16)
def _digest(path: Path, _size: int, _changed: int) -> str:
    """The MD5 of a file."""
    # Cached by size and time: EMNIST's images and labels are in one archive of 562 MB, and reading
    # both would compute it twice. usedforsecurity=False: FIPS builds of Python refuse MD5
    # otherwise.
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def fetch_call(data_set: DataSet, root: Path) -> str:
    """How to download a data set to this data root, for messages."""
    argument = "" if root == user_dirs.data_root() else f", {str(root)!r}"
    return f"`datasets.fetch({data_set.name!r}{argument})`"
