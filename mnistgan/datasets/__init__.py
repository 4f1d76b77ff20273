"""Data sets: a name or a path becomes images and labels, held as one array.

Whatever the source, the result is an :class:`ImageSet`: uint8 images N x C x H x W at the size and
with the channels asked for. torch and torchvision are imported only for torchvision's data sets and
where images of one's own must be scaled or recoloured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnistgan import catalog
from mnistgan.catalog import SplitName
from mnistgan.config import DataConfig, data_kind
from mnistgan.config.sections import TORCHVISION
from mnistgan.datasets import archives, array_files, download, folder, published, torchvision_sets
from mnistgan.datasets.fitting import Fit
from mnistgan.datasets.image_set import ImageSet
from mnistgan.errors import DataError, UsageError
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs

__all__ = ["ImageSet", "fetch", "from_torchvision", "load"]


def load(
    config: DataConfig, split: SplitName = "train", on_progress: OnProgress = no_progress
) -> ImageSet:
    """Load the data set that a config names, at its size and with its channels.

    What is missing of a published set is downloaded first.

    Args:
        config: which images, and what to make of them.
        split: of a published set, the images to train on or those held back.
        on_progress: called while files are fetched and images read.

    Raises:
        DataError: the data is missing and cannot be downloaded, is damaged, or holds no images.
        OSError: the disk has no room for a download.
    """
    fit = Fit.of(config)
    kind = data_kind(config.name)
    if kind == "published":
        data_set, root = catalog.DATA_SETS[config.name], user_dirs.data_root(config.root)
        for archive in archives.missing(data_set, root):
            download.fetch(data_set, archive, archives.folder(data_set, root), on_progress)
        return published.read(data_set, split, root, fit, on_progress)
    if kind == "torchvision":
        root = user_dirs.data_root(config.root)
        return torchvision_sets.read(config.name, split, root, fit, on_progress)
    if split == "test":
        raise DataError(f"{config.name}: has no test part; only data sets with a name have")
    path = user_dirs.expand(config.name)
    if kind == "npz":
        return array_files.read_npz(path, fit, on_progress)
    if path.is_dir():
        if config.labels:
            raise DataError(
                f"{path}: is a folder, whose labels are its subfolders; leave data.labels out"
            )
        return folder.read_folder(path, fit, on_progress)
    if not path.is_file():
        raise DataError(f"{path}: is not there; give a folder of pictures, an .npz or an IDX file")
    if path.suffix.lower() in folder.SUFFIXES:
        raise DataError(f"{path}: is a single picture; name the folder that it lies in")
    labels = user_dirs.expand(config.labels) if config.labels else None
    return array_files.read_idx_pair(path, labels, fit, on_progress)


def from_torchvision(
    dataset: Any,
    config: DataConfig = DataConfig(),  # noqa: B008 - frozen
    on_progress: OnProgress = no_progress,
) -> ImageSet:
    """Read a map-style data set of (PIL image or tensor, label), such as torchvision's.

    Args:
        dataset: anything with ``len`` and items; tensors are C x H x W, uint8 or float in [0, 1],
            so a transform may not normalize. Its attribute ``classes`` names the classes.
        config: at what size and with which channels, and what to do to get there.
        on_progress: called with the images read.

    Raises:
        DataError: it is no such data set, or one of its items cannot be read.
    """
    return torchvision_sets.convert(dataset, Fit.of(config), type(dataset).__name__, on_progress)


def fetch(
    name: str,
    root: Path,
    mirrors: Sequence[str] = (),
    on_progress: OnProgress = no_progress,
) -> Path | None:
    """Download a data set by its name; files that are there and undamaged stay.

    Args:
        name: of a published data set, or ``torchvision:NAME``.
        root: the data root.
        mirrors: addresses to ask first, for a published data set.
        on_progress: called with the bytes that are there.

    Returns:
        The folder of the files; None for embedded data.

    Raises:
        UsageError: the name or an address is not one, or the folder cannot be written.
        DataError: a file could not be downloaded.
    """
    if data_kind(name) != "torchvision":
        return download.fetch_all(name, root, mirrors, on_progress)
    if mirrors:
        raise UsageError(f"--mirror: torchvision downloads {name} from its own addresses only")
    torchvision_sets.fetch(name, root, on_progress)
    return root


def has_test(config: DataConfig) -> bool:
    """Whether a data set holds images back: whether ``load(config, "test")`` has any to give.

    Raises:
        DataError: there is no such data set.
    """
    kind = data_kind(config.name)
    if kind == "published":
        return catalog.DATA_SETS[config.name].test is not None
    return kind == "torchvision" and torchvision_sets.has_test(config.name)


def stem(name: str) -> str:
    """What files about a data set are named after."""
    kind = data_kind(name)
    if kind == "torchvision":
        return name.removeprefix(TORCHVISION)
    return name if kind == "published" else user_dirs.expand(name).resolve().stem or "data"
