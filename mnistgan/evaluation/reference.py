"""What fakes are held against: real images, split in two, and the classifier that sees them."""

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

_HELD_OUT = 6  # of a set without a test part, every sixth image
_FIT_EPOCHS = 6
_FIT_STEPS = 2000  # at least: small sets are gone through more often


@dataclass(frozen=True)
class Reference:
    """Real images and what the classifier sees in them.

    Attributes:
        name: of the data set, as a config names it: no folder of this machine's.
        train: what GANs are trained on, and fakes are held against.
        test: real images held back, for the floor.
        classifier: that sees both.
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
    """Real images of a data set, and a classifier for them: the shipped one, or one of its own.

    What takes long, a classifier that had to be trained and the features of the training images, is
    kept in the user's cache folder, by the data's checksum.

    Args:
        config: which data.
        on_progress: called while images are read, and while the classifier is trained.
        train: the data set's training part, if it is at hand already.

    Raises:
        DataError: the data cannot be loaded, or has no labels to learn from.
    """
    train, test = split(config, on_progress, train)
    if train.labels is None or len(train.classes) < 2:
        raise DataError(
            f"{train.source}: has no classes, so no classifier can learn to see it; measure with "
            "--data NAME of a set that has, or sort the images into a folder a class"
        )
    chosen = classifier.shipped() if is_shipped_for(config) else _own(train, test, on_progress)
    return Reference(config.name, train, test, chosen, _features(chosen, train, on_progress))


def is_shipped_for(config: DataConfig) -> bool:
    """Whether the classifier that comes with the package knows these images."""
    return (config.name, config.image_size, config.channels) == ("mnist", 28, 1)


def split(
    config: DataConfig, on_progress: OnProgress = no_progress, train: ImageSet | None = None
) -> tuple[ImageSet, ImageSet]:
    """The training and the held-out images of a data set.

    A set without a test part of its own gives up a sixth of its images, chosen at random by a seed
    that never changes.

    Raises:
        DataError: the data cannot be loaded, or is too small to be split.
    """
    train = train or datasets.load(config, on_progress=on_progress)
    if datasets.has_test(config):
        return train, datasets.load(config, "test", on_progress)
    if len(train) < 2 * _HELD_OUT:
        raise DataError(f"{train.source}: has {len(train)} images, too few to hold some back")
    order = noise.rng(0, Stream.SUBSET).permutation(len(train))
    held = len(train) // _HELD_OUT
    return train.take(np.sort(order[held:])), train.take(np.sort(order[:held]))


def _features(chosen: Classifier, train: ImageSet, on_progress: OnProgress) -> Array:
    """Of the training images, kept from the last time if possible."""
    path = user_dirs.cache() / "features" / f"{train.digest[:16]}-{chosen.sha256[:16]}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):
        kept = np.load(path, allow_pickle=False)
        if kept.shape == (len(train), classifier.FEATURES) and kept.dtype == np.float32:
            return np.asarray(kept, np.float64)
    features = chosen.network.predict(train.images, "classifying real images", on_progress).features
    with contextlib.suppress(OSError, MnistganError):  # a disk that cannot take it stops nothing
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, features.astype(np.float32))  # which they were computed in
    return features


# A classifier of the data's own ----------------------------------------------------------------


def folder() -> Path:
    """Where classifiers are kept."""
    return user_dirs.cache() / "classifiers"


def _own(train: ImageSet, test: ImageSet, on_progress: OnProgress) -> Classifier:
    name = f"{classifier.SHIPPED}-{train.digest[:8]}"
    path = folder() / f"{name}.pt"
    try:
        return classifier.load(path, name)
    except FileFormatError:
        pass  # not there yet, or damaged
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
    """Train a classifier on a set with labels, for as long as its size calls for."""
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
