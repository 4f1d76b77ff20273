"""What is measured: images from files, or out of a generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistgan import datasets
from mnistgan.arrays import Images, Labels
from mnistgan.config import DataConfig, toml
from mnistgan.progress import OnProgress, no_progress
from mnistgan.sampling import sampler
from mnistgan.sampling.generator import load_generator


@dataclass(frozen=True)
class Subject:
    """Images to be measured.

    Attributes:
        images: uint8, N x C x H x W.
        labels: theirs, or None where nobody said; a conditional generator's are those that it was
            asked for.
        classes: the name of each label, in order.
        data: the real images to hold them against.
    """

    images: Images
    labels: Labels | None
    classes: tuple[str, ...]
    data: DataConfig

    def labels_among(self, classes: Sequence[str]) -> Labels | None:
        """The labels as the real images count them, whose classes these are.

        Classes are matched by name; those that have numbers for names, as in an ``.npz``, by number
        where the real ones are named otherwise. None where there are labels of another kind.
        """
        if self.labels is None or self.classes == tuple(classes):
            return self.labels
        if set(self.classes) <= set(classes):
            return np.array([classes.index(name) for name in self.classes], np.int64)[self.labels]
        are_numbers = self.classes == tuple(map(str, range(len(self.classes))))
        return self.labels if are_numbers else None


def from_files(
    path: Path, data: DataConfig, count: int, on_progress: OnProgress = no_progress
) -> Subject:
    """The first images of an ``.npz`` or a folder, fitted to the shape of the real ones.

    Raises:
        DataError: they cannot be read.
    """
    name = str(path) if path.suffix == ".npz" else f"{path}/"
    config = data.model_copy(update={"name": name, "labels": None})
    loaded = datasets.load(config, on_progress=on_progress)
    labels = None if loaded.labels is None else loaded.labels[:count]
    return Subject(loaded.images[:count], labels, loaded.classes, data)


def from_generator(
    path: Path,
    count: int,
    seed: int,
    *,
    data: str | None = None,
    root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> Subject:
    """Images out of a generator file, a checkpoint, or a run directory's generator.

    Args:
        path: of it.
        count: how many images.
        seed: of the noise.
        data: the real images to hold them against; by default those that it was trained on.
        root: folder of the data sets; by default that of the training.
        on_progress: called with the images drawn.

    Raises:
        UsageError: there is no generator.
        ConfigError: the data has no such name.
    """
    generator = load_generator(path)
    table = generator.config.data.model_dump(exclude_none=True)
    changes = {"name": data, "root": None if root is None else str(root)}
    given = {key: value for key, value in changes.items() if value is not None}
    config = toml.validate({"data": table | given}, "").data
    options = sampler.SamplingOptions(seed)
    images, labels = sampler.sample_labeled(generator, count, options, on_progress)
    return Subject(images, labels, generator.classes, config)
