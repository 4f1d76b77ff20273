"""A picture of a data set: the first images of each class, fitted as for training."""

from pathlib import Path

from mnistgan import datasets
from mnistgan.catalog import SplitName
from mnistgan.config import DataConfig, data_kind
from mnistgan.errors import UsageError
from mnistgan.progress import OnProgress, no_progress
from mnistgan.rendering import grids
from mnistgan.storage import user_dirs
from mnistgan.storage.atomic import check_target


def save(
    config: DataConfig,
    split: SplitName = "train",
    columns: int = 10,
    target: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> tuple[Path, tuple[str, ...]]:
    """Load a data set and draw it as PNG, one row per class.

    Args:
        config: data set, and options for fitting its images.
        split: split of a published data set.
        columns: images per class.
        target: the file to write; by default named after the data set.
        on_progress: called while files are downloaded and images read.

    Returns:
        The file, and notes about the data.

    Raises:
        UsageError: the file cannot be written, or would be in the folder of the data set.
        DataError: the data cannot be loaded.
    """
    path = target or Path(f"{datasets.stem(config.name)}.png")
    check_target(path, ".png")
    source = user_dirs.expand(config.name).resolve()
    # A picture in the folder would become part of the data set.
    is_folder = data_kind(config.name) == "path" and source.is_dir()
    if is_folder and path.resolve().is_relative_to(source):
        raise UsageError(f"{path}: is in the folder of the data set; choose another --out")
    data = datasets.load(config, split, on_progress)
    grids.save_png(path, grids.class_grid(data.images, data.labels, data.classes, columns))
    return path, tuple(data.notes)
