"""Data sets: a name or a path becomes images and labels, held as one array.

Whatever the source, the result is an :class:`ImageSet`: uint8 images N x C x H x W at the size and
with the channels asked for. Imports no torch.
"""

from __future__ import annotations

from mnistgan import catalog
from mnistgan.catalog import SplitName
from mnistgan.config import DataConfig, data_kind
from mnistgan.datasets import archives, array_files, download, folder, published
from mnistgan.datasets.fitting import Fit
from mnistgan.datasets.image_set import ImageSet
from mnistgan.errors import DataError
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs

__all__ = ["ImageSet", "load"]


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
    if split == "test":
        raise DataError(f"{config.name}: has no test part; only published data sets have")
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
