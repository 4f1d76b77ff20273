"""Data sets: load images and labels by a name or a path.

The result is always an :class:`ImageSet`: uint8 images N x C x H x W with the size and channels of
the config. torch and torchvision are imported only for torchvision's data sets, and if the user's
own images have to be resized or converted between gray and color.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnistgan import arguments
from mnistgan.catalog import DATA_SETS, SplitName
from mnistgan.config import DataConfig, data_kind
from mnistgan.config.sections import TORCHVISION
from mnistgan.datasets import archives, array_files, download, folder, published, torchvision_sets
from mnistgan.datasets.fitting import Fit
from mnistgan.datasets.image_set import ImageSet
from mnistgan.errors import DataError, UsageError, did_you_mean
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs

__all__ = ["ImageSet", "fetch", "from_torchvision", "load"]


def load(
    config: DataConfig, split: SplitName = "train", on_progress: OnProgress = no_progress
) -> ImageSet:
    """Load the data set named in a config, with its image size and channels.

        digits = datasets.load(DataConfig(name="digits"))
        digits.images.shape  # (1797, 1, 28, 28)

    Missing files of a published data set are downloaded first.

    Args:
        config: data set, and options for fitting its images.
        split: training or held-out images; the user's own images have no ``test`` split.
        on_progress: called while files are downloaded and images read.

    Raises:
        DataError: the data is missing and cannot be downloaded, is damaged, or has no images.
        OSError: the disk has no room for a download.
    """
    arguments.instance("config", config, DataConfig, "a DataConfig")
    if not isinstance(split, str) or split not in ("train", "test"):
        raise arguments.wrong("split", "'train' or 'test'", split)
    arguments.function("on_progress", on_progress)
    fit = Fit.of(config)
    # Judged by the name alone, not by what exists: a folder "mnist" must not change what a config
    # means. Its path is "./mnist".
    kind = data_kind(config.name)
    if kind == "unnamed":
        raise DataError(
            "the images that the generator was trained on are needed, and its file does not name "
            "them; give its run directory in place of the file"
        )
    if kind == "published":
        data_set, root = DATA_SETS[config.name], user_dirs.data_root(config.root)
        for archive in archives.missing(data_set, root):
            download.fetch(data_set, archive, root / data_set.folder, on_progress)
        return published.read(data_set, split, root, fit, on_progress)
    if kind == "torchvision":
        root = user_dirs.data_root(config.root)
        return torchvision_sets.read(config.name, split, root, fit, on_progress)
    if split == "test":
        raise DataError(f"{config.name}: has no test split; only data sets with a name have one")
    return _read_own(config, fit, on_progress)


def _read_own(config: DataConfig, fit: Fit, on_progress: OnProgress) -> ImageSet:
    """Read a folder of pictures, an .npz or an IDX file."""
    path = user_dirs.expand(config.name)
    if data_kind(config.name) == "npz":
        return array_files.read_npz(path, fit, on_progress)
    if path.is_dir():
        if config.labels:
            raise DataError(f"{path}: its subfolders are the labels; remove data.labels")
        return folder.read_folder(path, fit, on_progress)
    if not path.is_file():
        raise DataError(f"{path}: does not exist; give a folder of pictures, an .npz or IDX file")
    if path.suffix.lower() in folder.SUFFIXES:
        raise DataError(f"{path}: is a single picture; give the folder that contains it")
    labels = user_dirs.expand(config.labels) if config.labels else None
    return array_files.read_idx_pair(path, labels, fit, on_progress)


def from_torchvision(
    dataset: Any,
    config: DataConfig = DataConfig(),  # noqa: B008 - frozen
    on_progress: OnProgress = no_progress,
) -> ImageSet:
    """Read a map-style data set of (PIL image or tensor, label), such as torchvision's.

        fakes = torchvision.datasets.FakeData(20, (1, 28, 28))
        datasets.from_torchvision(fakes).images.shape  # (20, 1, 28, 28)

    Args:
        dataset: an object with ``len`` and items; tensors are C x H x W, uint8 or float in [0, 1],
            so its transform must not normalize. Its attribute ``classes`` has the class names.
        config: size and channels of the result, and options for fitting.
        on_progress: called with the number of images read.

    Raises:
        DataError: it is not such a data set, or one of its items cannot be read.
    """
    arguments.instance("config", config, DataConfig, "a DataConfig")
    arguments.function("on_progress", on_progress)
    return torchvision_sets.convert(dataset, Fit.of(config), type(dataset).__name__, on_progress)


def fetch(
    name: str,
    root: Path | str | None = None,
    mirrors: Sequence[str] = (),
    on_progress: OnProgress = no_progress,
) -> Path | None:
    """Download a data set by its name; existing files with the right checksum are kept.

        datasets.fetch("digits")  # None: these are embedded

    Args:
        name: name of a published data set, or ``torchvision:NAME``.
        root: the data root; by default $MNISTGAN_DATA or the user's data folder.
        mirrors: addresses to try first, for a published data set.
        on_progress: called with the number of bytes received.

    Returns:
        The folder of the files; None for embedded data.

    Raises:
        UsageError: the name or an address is unknown, or the folder cannot be written.
        DataError: a file could not be downloaded.
    """
    arguments.instance("name", name, str, "the name of a data set")
    arguments.instance("mirrors", mirrors, (list, tuple), "a list of addresses")
    arguments.function("on_progress", on_progress)
    root = user_dirs.data_root() if root is None else arguments.path("root", root)
    if data_kind(name) == "torchvision":
        if mirrors:
            raise UsageError(f"`mirrors`: torchvision downloads {name} from its own addresses only")
        torchvision_sets.fetch(name, root, on_progress)
        return root
    if name not in DATA_SETS:
        hint = did_you_mean(name, DATA_SETS)
        raise UsageError(f"{name!r} is not a data set{hint}; see: mnistgan data")
    for address in mirrors:
        if not isinstance(address, str) or not re.match(r"https?://[^/]", address):
            raise UsageError(f"`mirrors`: {address!r} must start with http:// or https://")
    first = tuple(address.rstrip("/") + "/" for address in mirrors)
    data_set = replace(DATA_SETS[name], mirrors=first + DATA_SETS[name].mirrors)
    for archive in data_set.archives:
        if archives.inspect(archive, data_set, root).trouble:
            download.fetch(data_set, archive, root / data_set.folder, on_progress)
    if not data_set.archives:
        return None
    return archives.inspect(data_set.archives[0], data_set, root).path.parent


def is_here(config: DataConfig) -> bool:
    """Whether loading a published data set would download nothing, judged by file names."""
    data_set = DATA_SETS.get(config.name)
    return data_set is not None and not archives.missing(data_set, user_dirs.data_root(config.root))


def has_test(config: DataConfig) -> bool:
    """Whether a data set has held-out images, so that ``load(config, "test")`` can succeed.

    Raises:
        DataError: there is no such data set.
    """
    if data_set := DATA_SETS.get(config.name):
        return data_set.test is not None
    return data_kind(config.name) == "torchvision" and torchvision_sets.has_test(config.name)


def stem(name: str) -> str:
    """A name for files about a data set: its name, or the last part of its path."""
    if name in DATA_SETS or data_kind(name) == "torchvision":
        return name.removeprefix(TORCHVISION)
    return user_dirs.expand(name).resolve().stem or "data"
