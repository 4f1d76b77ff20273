"""All measures of some images against real ones, in one report."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistgan.arrays import Images, Labels
from mnistgan.errors import DataError
from mnistgan.evaluation import figures, measures
from mnistgan.evaluation.classifier import Classifier, Predictions
from mnistgan.evaluation.measures import Moments, Nearest
from mnistgan.evaluation.reference import Reference
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, no_progress

_FEWEST = 50
_MISSING = 0.1
"""A class with less than this part of its share among the training images is called missing."""


@dataclass(frozen=True)
class Figures:
    """The measures of some images, and for each what perfect looks like.

    Attributes:
        frechet_distance: see :func:`measures.frechet_distance`; 0 is perfect.
        kernel_distance: mean over subsets, see :func:`measures.kernel_distance`; 0 is perfect.
        kernel_distance_std: over those subsets.
        precision: in [0, 1], see :func:`measures.manifold`; 1 is perfect.
        recall: in [0, 1]; 1 is perfect.
        density: 1 is as dense as real images.
        coverage: in [0, 1]; 1 is perfect.
        classifier_score: from 1 to the number of classes, see :func:`measures.classifier_score`.
        shares: of each class among the images, by the classifier's verdict, in [0, 1].
        missing: classes that have less than a tenth of their share among the training images.
        kl_to_labels: KL of the shares to those of the training labels, nats; 0 is perfect.
        kl_to_uniform: KL of the shares to equal ones, nats.
        confidence: mean of the classifier's highest probability, in [0, 1].
        nearest_distance: mean distance to the nearest training image, root mean square of the
            pixels' difference, in [0, 1]. None where it was not asked for.
        copies: share of images that repeat a training image, see :class:`measures.Nearest`.
        agreement: share of images that the classifier sees as the class that was asked for; of real
            images its accuracy. None of images without labels.
        class_distances: Frechet distance of the images of each class that was asked for to the
            training images of that class. None of images without labels.
    """

    frechet_distance: float
    kernel_distance: float
    kernel_distance_std: float
    precision: float
    recall: float
    density: float
    coverage: float
    classifier_score: float
    shares: dict[str, float]
    missing: tuple[str, ...]
    kl_to_labels: float
    kl_to_uniform: float
    confidence: float
    nearest_distance: float | None = None
    copies: float | None = None
    agreement: float | None = None
    class_distances: dict[str, float] | None = None

    def numbers(self) -> dict[str, float]:
        """What is a single number, by name; of the missing classes how many."""
        return figures.numbers(asdict(self))


@dataclass(frozen=True)
class EvaluationResult:
    """The measures of some images beside those of real ones.

    Attributes:
        n: how many images were measured.
        seed: of the subsets, and of the noise where a generator made the images.
        data: what they were held against.
        classifier: that saw them.
        figures: of the images.
        floor_n: how many held-out real images the floor was measured on.
        floor: the same measures of real images that were held back.
        predictions: of the classifier for the images.
        nearest: the images' nearest training images.
    """

    n: int
    seed: int
    data: str
    classifier: Classifier
    figures: Figures
    floor_n: int
    floor: Figures
    predictions: Predictions
    nearest: Nearest

    @property
    def measured_with(self) -> str:
        """What must stand beside a Frechet distance: ``mnistgan-lenet-v1, n=10000``."""
        return f"{self.classifier.name}, n={self.n}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "n": self.n,
            "seed": self.seed,
            "data": self.data,
            "features": {
                "name": self.classifier.name,
                "sha256": self.classifier.sha256,
                "accuracy": self.classifier.accuracy,
            },
            "metrics": _plain(self.figures),
            "floor": {"n": self.floor_n, **_plain(self.floor)},
        }


def _plain(figures: Figures) -> dict[str, Any]:
    """The figures for JSON, which knows no infinity."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(figures).items()
    }


def evaluate(
    images: Images,
    reference: Reference,
    seed: int = 0,
    on_progress: OnProgress = no_progress,
    labels: Labels | None = None,
) -> EvaluationResult:
    """Measure images, uint8 N x C x H x W, against real ones of the same shape.

    Args:
        images: to be measured.
        reference: the real ones.
        seed: of the subsets.
        on_progress: called while they are looked at.
        labels: what the images are meant to be, N, if somebody said so.

    Raises:
        DataError: there are fewer than 50, of which no figure would mean anything, or the labels
            are not those of the real images.
    """
    if len(images) < _FEWEST:
        raise DataError(f"there are {len(images)} images to measure; give at least {_FEWEST}")
    classes = len(reference.train.classes)
    if labels is not None and not (labels.min() >= 0 and labels.max() < classes):
        raise DataError(
            f"the labels run from {labels.min()} to {labels.max()}, and {reference.name} has "
            f"{classes} classes; name the images' own data set by --data"
        )
    chosen = noise.rng(seed, Stream.SUBSET, 2).permutation(len(reference.test))
    test = reference.test.take(np.sort(chosen[: len(images)]))
    test_labels = None if labels is None else test.labels
    predictions, nearest = _look_at(images, "the images", reference, on_progress)
    test_predictions, test_nearest = _look_at(test.images, "the floor", reference, on_progress)
    return EvaluationResult(
        n=len(images),
        seed=seed,
        data=reference.name,
        classifier=reference.classifier,
        figures=measure(predictions, reference, seed, nearest, labels),
        floor_n=len(test),
        floor=measure(test_predictions, reference, seed, test_nearest, test_labels),
        predictions=predictions,
        nearest=nearest,
    )


def _look_at(
    images: Images, what: str, reference: Reference, on_progress: OnProgress
) -> tuple[Predictions, Nearest]:
    network = reference.classifier.network
    predictions = network.predict(images, f"classifying {what}", on_progress)
    return predictions, measures.nearest(reference.train.images, images, on_progress)


def measure(
    predictions: Predictions,
    reference: Reference,
    seed: int = 0,
    nearest: Nearest | None = None,
    labels: Labels | None = None,
) -> Figures:
    """The measures of what the classifier saw in some images.

    The Frechet distance is to all training images; the kernel distance, and what needs nearest
    neighbours, to as many of them as there are images, chosen by the seed.
    """
    real = reference.train_features
    rng = noise.rng(seed, Stream.SUBSET)
    subset = real[rng.permutation(len(real))[: len(predictions.features)]]
    kernel, kernel_std = measures.kernel_distance(subset, predictions.features, rng)
    classes = reference.train.classes
    assert reference.train.labels is not None
    wanted = _shares(reference.train.labels, len(classes))
    shares = _shares(predictions.labels, len(classes))
    return Figures(
        frechet_distance=measures.frechet_distance(
            Moments.of(real), Moments.of(predictions.features)
        ),
        kernel_distance=kernel,
        kernel_distance_std=kernel_std,
        **asdict(measures.manifold(subset, predictions.features)),
        classifier_score=measures.classifier_score(predictions.probabilities),
        shares=dict(zip(classes, shares.tolist(), strict=True)),
        missing=tuple(
            name
            for name, share, due in zip(classes, shares, wanted, strict=True)
            if share < _MISSING * due
        ),
        kl_to_labels=measures.kl_divergence(shares, wanted),
        kl_to_uniform=measures.kl_divergence(shares, np.full(len(classes), 1 / len(classes))),
        confidence=float(predictions.confidences.mean()),
        nearest_distance=None if nearest is None else float(nearest.distance.mean()),
        copies=None if nearest is None else nearest.copies,
        agreement=None if labels is None else float((predictions.labels == labels).mean()),
        class_distances=None
        if labels is None
        else _class_distances(predictions, labels, reference),
    )


def _class_distances(
    predictions: Predictions, labels: Labels, reference: Reference
) -> dict[str, float]:
    """Of the classes that have two images or more on either side."""
    distances = {}
    for label, name in enumerate(reference.train.classes):
        real = reference.train_features[reference.train.labels == label]
        fake = predictions.features[labels == label]
        if min(len(real), len(fake)) >= 2:
            distances[name] = measures.frechet_distance(Moments.of(real), Moments.of(fake))
    return distances


def _shares(labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float64]:
    return np.bincount(labels, minlength=classes) / len(labels)
