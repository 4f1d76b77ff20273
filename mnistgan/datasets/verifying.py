"""Reading every file of a data set, and saying which are not as they should be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnistgan import catalog, datasets
from mnistgan.catalog import DataSet
from mnistgan.config import DataConfig
from mnistgan.datasets import archives, folder
from mnistgan.datasets.archives import Found
from mnistgan.datasets.fitting import Fit
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        lines: what there is to say, for people.
        whole: whether everything is as it should be.
    """

    lines: list[str]
    whole: bool


def verify(config: DataConfig, on_progress: OnProgress = no_progress) -> Verdict:
    """Hold a published set against its checksums, or read every image of one's own.

    Raises:
        DataError: images of one's own that cannot be read at all.
    """
    if config.name in catalog.DATA_SETS:
        return _published(catalog.DATA_SETS[config.name], user_dirs.data_root(config.root))
    path = user_dirs.expand(config.name)
    if path.is_dir():
        return _folder(path, config, on_progress)
    loaded = datasets.load(config, on_progress=on_progress)
    return Verdict([*loaded.notes, _count(len(loaded), loaded.classes)], whole=True)


def _published(data_set: DataSet, root: Path) -> Verdict:
    if not data_set.archives:
        return Verdict([f"{data_set.name} is embedded: there is nothing to verify"], whole=True)
    found = [archives.inspect(archive, data_set, root) for archive in data_set.archives]
    bad = any(one.state in ("missing", "damaged") for one in found)
    lines = [f"{one.path}: {_state(one)}" for one in found]
    advice = [f"fetch it anew: mnistgan data fetch {data_set.name}"] if bad else []
    return Verdict(lines + advice, whole=not bad)


def _state(found: Found) -> str:
    if found.state == "missing":
        return "is missing"
    if found.state == "damaged":
        return f"is damaged: {found.trouble}"
    if found.state == "unpacked" and not found.archive.unpacked_md5:
        return "is there unpacked, for which no checksum is published"
    return "is as published"


def _folder(path: Path, config: DataConfig, on_progress: OnProgress) -> Verdict:
    listing = folder.list_pictures(path)
    read = folder.decode(listing, Fit.of(config), on_progress)
    lines = [f"cannot be read: {name}" for name in read.bad]
    lines += [f"no picture by name: {name}" for name in listing.others]
    return Verdict([*lines, _count(len(read.images), listing.classes)], whole=not read.bad)


def _count(count: int, classes: tuple[str, ...]) -> str:
    return f"{count:,} images" + (f" in {len(classes)} classes" if classes else "")
