"""The real images that others are compared with, in two splits, and their classifier."""

import contextlib
from dataclasses import dataclass

import numpy as np

from mnistgan import arguments, datasets
from mnistgan.config import DataConfig
from mnistgan.datasets import ImageSet
from mnistgan.errors import DataError, FileFormatError, MnistganError
from mnistgan.evaluation import classifier
from mnistgan.evaluation.classifier import Classifier
from mnistgan.evaluation.measures import Array
from mnistgan.models import noise
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import atomic, user_dirs

_HELD_OUT = 6  # one sixth of a data set without a test split is held out


@dataclass(frozen=True)
class Reference:
    """Real images and the classifier's features of them.

    Attributes:
        name: name of the data set, as in a config.
        train: training images; fakes are compared with them.
        test: held-out images, for the floor.
        classifier: the classifier for these images.
        train_features: features of the training images, float64, N x 128.
    """

    name: str
    train: ImageSet
    test: ImageSet
    classifier: Classifier
    train_features: Array


def load(
    config: DataConfig, on_progress: OnProgress = no_progress, train: ImageSet | None = None
) -> Reference:
    """Load the real images of a data set, and the shipped classifier or one trained on them.

        real = reference.load(DataConfig(name="digits"))
        real.classifier.name

    A trained classifier and the features of the training images are cached in the user's cache
    folder, under the digest of the data.

    Args:
        config: the data set.
        on_progress: called while images are read and a classifier is trained.
        train: the training split, if it is already loaded.

    Raises:
        DataError: the data cannot be loaded, or has no labels to train a classifier on.
    """
    train, test = split(config, on_progress, train)
    if train.labels is None or len(train.classes) < 2:
        raise DataError(
            f"{train.source}: has no classes, which a classifier needs; sort the images into one "
            "folder per class"
        )
    chosen = classifier.shipped() if is_shipped_for(config) else _trained(train, test, on_progress)
    return Reference(config.name, train, test, chosen, _features(chosen, train, on_progress))


def is_shipped_for(config: DataConfig) -> bool:
    """Whether the classifier that ships with the package was trained on these images.

        reference.is_shipped_for(DataConfig(name="mnist"))  # True

    Raises:
        UsageError: the config is not a DataConfig.
    """
    arguments.instance("config", config, DataConfig, "a DataConfig")
    return (config.name, config.image_size, config.channels) == ("mnist", 28, 1)


def split(
    config: DataConfig, on_progress: OnProgress = no_progress, train: ImageSet | None = None
) -> tuple[ImageSet, ImageSet]:
    """Load the training and the held-out images of a data set.

        train, test = reference.split(DataConfig(name="digits"))
        len(train), len(test)  # 1498, 299

    If there is no test split, a sixth of the images is held out at random, with a fixed seed.

    Raises:
        DataError: the data cannot be loaded, or is too small to be split.
    """
    if train is None:
        train = datasets.load(config, on_progress=on_progress)
    arguments.instance("config", config, DataConfig, "a DataConfig")
    arguments.function("on_progress", on_progress)
    arguments.instance("train", train, ImageSet, "an ImageSet")
    if datasets.has_test(config):
        return train, datasets.load(config, "test", on_progress)
    if len(train) < 2 * _HELD_OUT:
        raise DataError(f"{train.source}: has {len(train)} images, too few to hold some out")
    order = noise.rng(0, noise.Stream.SUBSET).permutation(len(train))
    held = len(train) // _HELD_OUT
    return train.take(np.sort(order[held:])), train.take(np.sort(order[:held]))


def _features(chosen: Classifier, train: ImageSet, on_progress: OnProgress) -> Array:
    """The features of the training images, from the cache if possible."""
    path = user_dirs.cache() / "features" / f"{train.digest[:16]}-{chosen.sha256[:16]}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):
        kept = np.load(path, allow_pickle=False)
        if kept.shape == (len(train), classifier.FEATURES) and kept.dtype == np.float32:
            return np.asarray(kept, np.float64)
    features = chosen.network.predict(train.images, "classifying real images", on_progress).features
    with contextlib.suppress(OSError, MnistganError):  # the cache is optional
        atomic.make_folder(path.parent)
        with atomic.atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, features.astype(np.float32))  # exact: computed in float32
    return features


def _trained(train: ImageSet, test: ImageSet, on_progress: OnProgress) -> Classifier:
    """The classifier for other data than MNIST, from the cache if possible."""
    name = f"{classifier.SHIPPED}-{train.digest[:8]}"
    path = user_dirs.cache() / "classifiers" / f"{name}.pt"
    with contextlib.suppress(FileFormatError):  # missing or damaged
        return classifier.load(path, name)
    network = classifier.fit(train, on_progress=on_progress)
    atomic.make_folder(path.parent)
    classifier.save(path, network, classifier.accuracy(network, test))
    return classifier.load(path, name)
