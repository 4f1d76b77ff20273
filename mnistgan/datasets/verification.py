"""Verification of the files of a data set."""

from pathlib import Path

from mnistgan import datasets
from mnistgan.catalog import DATA_SETS, DataSet
from mnistgan.config import DataConfig
from mnistgan.datasets import archives, folder
from mnistgan.datasets.fitting import Fit
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs


def verify(config: DataConfig, on_progress: OnProgress = no_progress) -> tuple[list[str], bool]:
    """Compare a published data set with its checksums, or read all of the user's own images.

    Returns:
        Lines about the files, and whether all of them can be used.

    Raises:
        DataError: none of the user's own images can be read.
    """
    if data_set := DATA_SETS.get(config.name):
        return _published(data_set, user_dirs.data_root(config.root))
    path, bad = user_dirs.expand(config.name), []
    if path.is_dir():
        listing = folder.list_pictures(path)
        fit = Fit.of(config)
        read = folder.decode(listing, fit, on_progress)
        count, classes, bad = len(read.images), listing.classes, read.bad
        lines = [f"cannot be read: {name}" for name in bad]
        lines += [f"not a picture by name: {name}" for name in listing.others]
        lines += folder.sameness_notes(listing, read, fit)
    else:
        loaded = datasets.load(config, on_progress=on_progress)
        count, classes, lines = len(loaded), loaded.classes, list(loaded.notes)
    in_classes = f" in {len(classes)} classes" if classes else ""
    return [*lines, f"{count:,} images{in_classes}"], not bad


def _published(data_set: DataSet, root: Path) -> tuple[list[str], bool]:
    if not data_set.archives:
        return [f"{data_set.name} is embedded: there is nothing to verify"], True
    found = [archives.inspect(archive, data_set, root) for archive in data_set.archives]
    usual = {True: "is as published", False: "is unpacked; no checksum is published for it"}
    lines = [f"{one.path}: {one.trouble or usual[one.has_checksum]}" for one in found]
    if bad := any(one.trouble for one in found):
        lines.append(f"download it again: {archives.fetch_call(data_set, root)}")
    return lines, not bad
