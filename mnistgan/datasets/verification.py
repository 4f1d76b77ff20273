"""Verification of the files of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistgan import datasets
from mnistgan.catalog import DATA_SETS, DataSet
from mnistgan.config import DataConfig
from mnistgan.datasets import archives, folder
from mnistgan.datasets.archives import LocalArchive
from mnistgan.datasets.fitting import Fit
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs


@dataclass(frozen=True)
class Verification:
    """What was found in a data set.

    Attributes:
        name: name or path of the data set.
        is_usable: whether all of its files can be used.
        archives: the files of a published data set.
        unreadable: names of the images that cannot be read, each with the reason.
        others: names of the files in a folder that are not images by their names.
        notes: further sentences, such as a warning that all images are alike.
        images: number of the user's own images; None for a published data set.
        classes: names of the classes of the user's own images, in the order of the labels.
    """

    name: str
    is_usable: bool
    archives: Sequence[LocalArchive] = ()
    unreadable: Sequence[str] = ()
    others: Sequence[str] = ()
    notes: Sequence[str] = ()
    images: int | None = None
    classes: Sequence[str] = ()

    def lines(self) -> list[str]:
        """One line for each file and note, and one with the number of images."""
        usual = {True: "is as published", False: "is unpacked; no checksum is published for it"}
        lines = [f"{one.path}: {one.trouble or usual[one.has_checksum]}" for one in self.archives]
        lines += [f"cannot be read: {name}" for name in self.unreadable]
        lines += [f"not a picture by name: {name}" for name in self.others]
        lines += self.notes
        if self.images is not None:
            in_classes = f" in {len(self.classes)} classes" if self.classes else ""
            lines.append(f"{self.images:,} images{in_classes}")
        return lines


def verify(config: DataConfig, on_progress: OnProgress = no_progress) -> Verification:
    """Compare a published data set with its checksums, or read all of the user's own images.

    Raises:
        DataError: none of the user's own images can be read.
    """
    if data_set := DATA_SETS.get(config.name):
        return _published(data_set, user_dirs.data_root(config.root))
    path = user_dirs.expand(config.name)
    if not path.is_dir():
        loaded = datasets.load(config, on_progress=on_progress)
        return Verification(
            config.name, True, notes=loaded.notes, images=len(loaded), classes=loaded.classes
        )
    listing = folder.list_pictures(path)
    fit = Fit.of(config)
    read = folder.decode(listing, fit, on_progress)
    return Verification(
        config.name,
        not read.bad,
        unreadable=read.bad,
        others=listing.others,
        notes=folder.sameness_notes(listing, read, fit),
        images=len(read.images),
        classes=listing.classes,
    )


def _published(data_set: DataSet, root: Path) -> Verification:
    if not data_set.archives:
        note = f"{data_set.name} is embedded: there is nothing to verify"
        return Verification(data_set.name, True, notes=[note])
    found = [archives.inspect(archive, data_set, root) for archive in data_set.archives]
    bad = any(one.trouble for one in found)
    advice = [f"download it again: {archives.fetch_call(data_set, root)}"] if bad else []
    return Verification(data_set.name, not bad, found, notes=advice)
