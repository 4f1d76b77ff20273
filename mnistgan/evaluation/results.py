"""All figures of a set of images, beside those of real images."""

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mnistgan import arguments
from mnistgan.arrays import Images, Labels
from mnistgan.errors import DataError
from mnistgan.evaluation import measures
from mnistgan.evaluation.classifier import Classifier, Predictions
from mnistgan.evaluation.figures import numbers
from mnistgan.evaluation.measures import Array, Nearest
from mnistgan.evaluation.reference import Reference
from mnistgan.evaluation.verdict import Verdict, judge
from mnistgan.evaluation.watch import distinct
from mnistgan.models import noise
from mnistgan.progress import OnProgress, no_progress
from mnistgan.text import finite

_FEWEST = 50
_COMPARED = 256  # images whose pixels are compared with one another
_MISSING = 0.1  # a class with less than this part of its share in the training images is missing


@dataclass(frozen=True)
class Figures:
    """The figures of some images.

    Attributes:
        frechet_distance: see :func:`measures.frechet_distance`; 0 is perfect.
        kernel_distance: mean over subsets, see :func:`measures.kernel_distance`; 0 is perfect.
        kernel_distance_std: standard deviation over the subsets.
        precision: in [0, 1], see :func:`measures.manifold`; 1 is perfect.
        recall: in [0, 1]; 1 is perfect.
        density: 1 is as dense as real images.
        coverage: in [0, 1]; 1 is perfect.
        classifier_score: from 1 to the number of classes, see :func:`measures.classifier_score`.
        shares: share of each predicted class among the images, in [0, 1].
        missing: classes with less than a tenth of their share among the training images.
        kl_to_labels: KL of the shares to those of the training labels, nats; 0 is perfect.
        kl_to_uniform: KL of the shares to equal shares, nats; 0 is the same number per class.
        confidence: mean probability of the predicted classes, in [0, 1].
        variety: number of visibly different images, divided by that of as many real images; see
            :func:`mnistgan.evaluation.watch.distinct`. None if it was not measured.
        nearest_distance: mean distance to the nearest training image, as root mean square
            difference of the pixels, in [0, 1]. None if not measured.
        copies: share of images that repeat a training image, see :class:`measures.Nearest`. None if
            not measured.
        agreement: share of images whose predicted class is their label; for real images the
            classifier's accuracy. None without labels.
        class_distances: Frechet distance of the images with each label to the training images with
            that label. None without labels.
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
    variety: float | None = None
    nearest_distance: float | None = None
    copies: float | None = None
    agreement: float | None = None
    class_distances: dict[str, float] | None = None

    def numbers(self) -> dict[str, float]:
        """The figures that are single numbers, and the number of missing classes."""
        return numbers(asdict(self))

    def verdict(self, floor: Mapping[str, float] | None = None) -> Verdict:
        """The verdict, with the figures of held-out real images if they are known."""
        found = judge(self.numbers(), floor, self.shares, self.missing)
        assert found is not None  # precision is always measured
        return found


@dataclass(frozen=True)
class EvaluationResult:
    """The figures of some images beside those of real images.

    Attributes:
        n: number of images measured.
        seed: seed of the random subsets and of the generator's noise.
        data: name of the data set of the real images.
        classifier: the classifier used.
        figures: figures of the images.
        floor_n: number of held-out real images in the floor.
        floor: the same figures for held-out real images.
        predictions: the classifier's predictions for the images.
        nearest: the nearest training image of each image.
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
        """Classifier and number of images, such as ``mnistgan-lenet-v1, n=10000``.

        A Frechet distance depends on both, so they must be reported with it.
        """
        return f"{self.classifier.name}, n={self.n}"

    @property
    def verdict(self) -> Verdict:
        """The verdict on the images."""
        return self.figures.verdict(self.floor.numbers())

    def to_json(self) -> dict[str, Any]:
        """The content of a figures.json; its keys are the attributes, infinity and NaN are None."""
        used = self.classifier
        return {
            "verdict": str(self.verdict),
            "n": self.n,
            "seed": self.seed,
            "data": self.data,
            "classifier": {"name": used.name, "sha256": used.sha256, "accuracy": used.accuracy},
            "figures": finite(asdict(self.figures)),
            "floor_n": self.floor_n,
            "floor": finite(asdict(self.floor)),
        }


def evaluate(
    images: Images,
    reference: Reference,
    seed: int = 0,
    on_progress: OnProgress = no_progress,
    labels: Labels | None = None,
) -> EvaluationResult:
    """Compare images, uint8 N x C x H x W, with real images of the same shape.

        images = mnistgan.sample(generator, 500)
        result = mnistgan.evaluate(images, reference.load(generator.config.data))
        result.figures.frechet_distance, result.floor.frechet_distance

    Args:
        images: the images to measure.
        reference: the real images.
        seed: seed of the random subsets.
        on_progress: called while images are classified and compared.
        labels: the intended class of each image, int64 N, if known.

    Raises:
        UsageError: an argument has another type or shape.
        DataError: there are fewer than 50 images, too few for any figure, or a label is not one of
            the reference's.
    """
    arguments.images("images", images)
    arguments.instance("reference", reference, Reference, "a Reference, from reference.load()")
    seed = arguments.integer("seed", seed, 0)
    arguments.function("on_progress", on_progress)
    if labels is not None:
        arguments.labels("labels", labels, len(images))
    shape = reference.train.images.shape[1:]
    if images.shape[1:] != shape:
        what = f"of the shape of the real ones, N x {' x '.join(map(str, shape))}"
        raise arguments.wrong("images", what, images)
    if len(images) < _FEWEST:
        raise DataError(f"there are {len(images)} images to measure; give at least {_FEWEST}")
    classes = len(reference.train.classes)
    if labels is not None and not 0 <= labels.min() <= labels.max() < classes:
        raise DataError(
            f"the labels run from {labels.min()} to {labels.max()}, and {reference.name} has "
            f"{classes} classes; give the `reference` of the images' data set"
        )
    # The floor uses the same number of images if the test split has enough: the Frechet distance
    # grows with fewer images, even between real sets.
    chosen = noise.rng(seed, noise.Stream.SUBSET, 2).permutation(len(reference.test))
    test = reference.test.take(np.sort(chosen[: len(images)]))

    def measured(
        what: str, images: Images, labels: Labels | None
    ) -> tuple[Figures, Predictions, Nearest]:
        network = reference.classifier.network
        predictions = network.predict(images, f"classifying {what}", on_progress)
        nearest = measures.nearest(reference.train.images, images, on_progress)
        figures = measure(predictions, reference, seed, nearest, labels, images)
        return figures, predictions, nearest

    figures, predictions, nearest = measured("the images", images, labels)
    floor, *_ = measured("the floor", test.images, None if labels is None else test.labels)
    return EvaluationResult(
        n=len(images),
        seed=seed,
        data=reference.name,
        classifier=reference.classifier,
        figures=figures,
        floor_n=len(test),
        floor=floor,
        predictions=predictions,
        nearest=nearest,
    )


def measure(
    predictions: Predictions,
    reference: Reference,
    seed: int = 0,
    nearest: Nearest | None = None,
    labels: Labels | None = None,
    images: Images | None = None,
) -> Figures:
    """Compute the figures of images from the classifier's predictions.

    The Frechet distance is to all training images. Kernel distance, precision, recall, density and
    coverage are to a random subset of as many training images as there are images; the last four
    use at most 10,000 images of each.
    """
    # Precision, recall, density and coverage depend on the sizes of both sets, so these are equal.
    # The limit keeps them comparable with the floor, for which there are 10,000 images of MNIST,
    # and with other runs. Their time grows with the square of the number: 10 s for 20,000 images.
    real, fake = reference.train_features, predictions.features
    rng = noise.rng(seed, noise.Stream.SUBSET)
    subset = real[rng.permutation(len(real))[: len(fake)]]
    kernel, kernel_std = measures.kernel_distance(subset, fake, rng)
    some = noise.rng(seed, noise.Stream.SUBSET, 3).permutation(len(fake))[
        : measures.MANIFOLD_IMAGES
    ]
    classes = reference.train.classes
    assert reference.train.labels is not None
    wanted = _shares(reference.train.labels, len(classes))
    shares = _shares(predictions.labels, len(classes))
    is_missing = shares < _MISSING * wanted
    # The variety is drawn last: an earlier draw from rng would change the kernel distance.
    return Figures(
        frechet_distance=measures.frechet_distance(real, fake),
        kernel_distance=kernel,
        kernel_distance_std=kernel_std,
        **asdict(measures.manifold(subset[: len(some)], fake[np.sort(some)])),
        classifier_score=measures.classifier_score(predictions.probabilities),
        shares=dict(zip(classes, shares.tolist(), strict=True)),
        missing=tuple(itertools.compress(classes, is_missing)),
        kl_to_labels=measures.kl_divergence(shares, wanted),
        kl_to_uniform=measures.kl_divergence(shares, np.full(len(classes), 1 / len(classes))),
        confidence=float(predictions.confidences.mean()),
        variety=None if images is None else _variety(reference.train.images, images, rng),
        nearest_distance=None if nearest is None else float(nearest.distance.mean()),
        copies=None if nearest is None else nearest.copies,
        agreement=None if labels is None else float((predictions.labels == labels).mean()),
        class_distances=None if labels is None else _by_class(fake, labels, reference),
    )


def _variety(real: Images, fake: Images, rng: np.random.Generator) -> float:
    """Distinct images among a few fakes, divided by those among as many real images."""
    count = min(_COMPARED, len(real), len(fake))
    found = [distinct(images[rng.permutation(len(images))[:count]]) for images in (fake, real)]
    return found[0] / found[1]


def _by_class(fake: Array, labels: Labels, reference: Reference) -> dict[str, float]:
    """Frechet distance per class, for classes with two or more real and fake images."""
    # A single image has no covariance.
    distances = {}
    for label, name in enumerate(reference.train.classes):
        real_one = reference.train_features[reference.train.labels == label]
        fake_one = fake[labels == label]
        if min(len(real_one), len(fake_one)) >= 2:
            distances[name] = measures.frechet_distance(real_one, fake_one)
    return distances


def _shares(labels: Labels, classes: int) -> Array:
    return np.bincount(labels, minlength=classes) / len(labels)
