"""The images to evaluate, from files or from a generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistgan import datasets
from mnistgan.arrays import Images, Labels
from mnistgan.config import DataConfig, toml
from mnistgan.config.sections import UNNAMED
from mnistgan.errors import UsageError
from mnistgan.progress import OnProgress, no_progress
from mnistgan.sampling import blocks
from mnistgan.sampling.generator import load_generator


@dataclass(frozen=True)
class Candidates:
    """Images to evaluate, and the real images to compare them with.

    Attributes:
        images: uint8, N x C x H x W.
        labels: int64, N, or None if unknown; for a conditional generator, its input.
        classes: the name of each label, in order.
        data: the real images to compare with.
    """

    images: Images
    labels: Labels | None
    classes: tuple[str, ...]
    data: DataConfig

    def labels_among(self, classes: Sequence[str]) -> Labels | None:
        """The labels as indices into the classes of the real images.

        Classes are matched by name; if our names are only numbers, as in an ``.npz``, by number.
        Returns None if there are no labels, or if they cannot be matched.
        """
        if self.labels is None or self.classes == tuple(classes):
            return self.labels
        if set(self.classes) <= set(classes):
            return np.array([classes.index(name) for name in self.classes], np.int64)[self.labels]
        are_numbers = self.classes == tuple(map(str, range(len(self.classes))))
        return self.labels if are_numbers else None


def load(
    source: Path,
    are_images: bool,
    count: int,
    seed: int,
    *,
    data: str | None = None,
    root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> Candidates:
    """Read images from files, fitted to the shape of the real ones, or draw them from a generator.

    Args:
        source: a generator file, checkpoint or run directory; or, with ``are_images``, an ``.npz``
            file or a folder of images.
        are_images: whether the source contains images.
        count: number of images to generate, or maximum number to read.
        seed: seed of the noise.
        data: the real images; by default the generator's training data, or ``mnist``.
        root: folder of the data sets; by default the one that a run directory names.
        on_progress: called with the number of images.

    Raises:
        UsageError: the source does not hold a generator, or one that does not name its data.
        DataError: the images cannot be read.
        ConfigError: ``data`` is not a valid name.
    """
    if are_images:
        real = toml.replace_data(DataConfig(), name=data, root=root)
        # data_kind recognizes a path by its slash; without one, a folder "mnist" would be a name.
        name = str(source) if source.suffix == ".npz" else f"{source}/"
        loaded = datasets.load(toml.replace_data(real, name=name), on_progress=on_progress)
        first = loaded.take(slice(count))
        return Candidates(first.images, first.labels, first.classes, real)
    generator = load_generator(source)
    if data is None and generator.config.data.name == UNNAMED:
        raise UsageError(
            f"{source}: does not name the images that it was trained on; give them with --data"
        )
    # Size and channels are the generator's, so that the real images are fitted to them.
    real = toml.replace_data(generator.config.data, name=data, root=root)
    options = blocks.SamplingOptions(seed)
    images, labels = blocks.sample_labeled(generator, count, options, on_progress)
    return Candidates(images, labels, generator.classes, real)
