"""Checking every file of a data set."""

from __future__ import annotations

from pathlib import Path

from mnistgan import catalog, datasets
from mnistgan.catalog import DataSet
from mnistgan.config import DataConfig
from mnistgan.datasets import archives, folder
from mnistgan.datasets.archives import LocalArchive
from mnistgan.datasets.fitting import Fit
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs


def verify(config: DataConfig, on_progress: OnProgress = no_progress) -> tuple[list[str], bool]:
    """Compare a published set with its checksums, or read every image of the user's own.

    Returns:
        Lines for the user, and whether every file can be used.

    Raises:
        DataError: the user's own images cannot be read at all.
    """
    if config.name in catalog.DATA_SETS:
        return _published(catalog.DATA_SETS[config.name], user_dirs.data_root(config.root))
    path = user_dirs.expand(config.name)
    if path.is_dir():
        return _folder(path, config, on_progress)
    loaded = datasets.load(config, on_progress=on_progress)
    return [*loaded.notes, _count(len(loaded), loaded.classes)], True


def _published(data_set: DataSet, root: Path) -> tuple[list[str], bool]:
    if not data_set.archives:
        return [f"{data_set.name} is embedded: there is nothing to verify"], True
    found = [archives.inspect(archive, data_set, root) for archive in data_set.archives]
    bad = any(one.trouble for one in found)
    lines = [f"{one.path}: {_state(one)}" for one in found]
    advice = [f"download it again: mnistgan data fetch {data_set.name}"] if bad else []
    return lines + advice, not bad


def _state(found: LocalArchive) -> str:
    if found.state == "missing":
        return "is missing"
    if found.state == "damaged":
        return f"is damaged: {found.trouble}"
    if found.state == "unpacked" and not found.archive.unpacked_md5:
        return "is unpacked; no checksum is published for it"
    return "is as published"


def _folder(path: Path, config: DataConfig, on_progress: OnProgress) -> tuple[list[str], bool]:
    listing = folder.list_pictures(path)
    read = folder.decode(listing, Fit.of(config), on_progress)
    lines = [f"cannot be read: {name}" for name in read.bad]
    lines += [f"not a picture by name: {name}" for name in listing.others]
    return [*lines, _count(len(read.images), listing.classes)], not read.bad


def _count(count: int, classes: tuple[str, ...]) -> str:
    return f"{count:,} images" + (f" in {len(classes)} classes" if classes else "")
