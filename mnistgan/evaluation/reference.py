"""What images are compared with: real ones, split in two, and the classifier for them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.datasets import ImageSet
from mnistgan.errors import DataError, FileFormatError, MnistganError
from mnistgan.evaluation import classifier
from mnistgan.evaluation.classifier import Classifier
from mnistgan.evaluation.measures import Array
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import user_dirs
from mnistgan.storage.atomic import atomic_path

_HELD_OUT = 6  # one sixth of a set without a test split
_FIT_EPOCHS = 6
_FIT_STEPS = 2000  # at least: a small set gets more epochs


@dataclass(frozen=True)
class Reference:
    """Real images and the classifier's features of them.

    Attributes:
        name: of the data set, as in a config; it names no folder of this machine.
        train: the images GANs are trained on, and fakes are compared with.
        test: held-out images, for the floor.
        classifier: for both.
        train_features: of the training images, float64, N x 128.
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

    A trained classifier and the features of the training images are cached in the user's cache
    folder, under the digest of the data.

    Args:
        config: the data set.
        on_progress: called while images are read and a classifier is trained.
        train: the training split, if it is loaded already.

    Raises:
        DataError: the data cannot be loaded, or has no labels to train a classifier on.
    """
    train, test = split(config, on_progress, train)
    if train.labels is None or len(train.classes) < 2:
        raise DataError(
            f"{train.source}: has no classes, so no classifier can be trained on it; name a data "
            "set that has classes with --data, or sort the images into one folder per class"
        )
    chosen = classifier.shipped() if is_shipped_for(config) else _trained(train, test, on_progress)
    return Reference(config.name, train, test, chosen, _features(chosen, train, on_progress))


def is_shipped_for(config: DataConfig) -> bool:
    """Whether the classifier that ships with the package was trained on these images."""
    return (config.name, config.image_size, config.channels) == ("mnist", 28, 1)


def split(
    config: DataConfig, on_progress: OnProgress = no_progress, train: ImageSet | None = None
) -> tuple[ImageSet, ImageSet]:
    """The training and the held-out images of a data set.

    Without a test split, a sixth of the images is held out, chosen at random with a fixed seed.

    Raises:
        DataError: the data cannot be loaded, or is too small to be split.
    """
    train = train or datasets.load(config, on_progress=on_progress)
    if datasets.has_test(config):
        return train, datasets.load(config, "test", on_progress)
    if len(train) < 2 * _HELD_OUT:
        raise DataError(f"{train.source}: has {len(train)} images, too few to hold some out")
    order = noise.rng(0, Stream.SUBSET).permutation(len(train))
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
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, features.astype(np.float32))  # exact: they were computed in it
    return features


# A classifier for other data -------------------------------------------------------------------


def folder() -> Path:
    """The folder of the trained classifiers."""
    return user_dirs.cache() / "classifiers"


def _trained(train: ImageSet, test: ImageSet, on_progress: OnProgress) -> Classifier:
    name = f"{classifier.SHIPPED}-{train.digest[:8]}"
    path = folder() / f"{name}.pt"
    try:
        return classifier.load(path, name)
    except FileFormatError:
        pass  # missing or damaged
    network = fit(train, on_progress)
    assert test.labels is not None
    tested = classifier.accuracy(network, test.images, test.labels)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        classifier.save(path, network, tested)
    except OSError as error:
        raise MnistganError(
            f"{path}: cannot be written ({error.strerror}); free some space"
        ) from error
    return classifier.load(path, name)


def fit(data: ImageSet, on_progress: OnProgress = no_progress, seed: int = 0) -> classifier.LeNet:
    """Train a classifier on labeled images, with more epochs the fewer there are."""
    assert data.labels is not None
    epochs = max(_FIT_EPOCHS, min(60, _FIT_STEPS * classifier.TRAIN_BATCH // len(data)))
    return classifier.fit(
        data.images,
        data.labels,
        len(data.classes),
        epochs=epochs,
        seed=seed,
        on_progress=on_progress,
    )
