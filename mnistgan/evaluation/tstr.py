"""Classification accuracy scores: training on synthetic images, testing on real ones."""

from __future__ import annotations

from dataclasses import dataclass

from mnistgan.arrays import Images, Labels
from mnistgan.datasets import ImageSet
from mnistgan.evaluation import classifier, reference
from mnistgan.evaluation.reference import Reference
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, no_progress


@dataclass(frozen=True)
class Scores:
    """Accuracies, in [0, 1], of classifiers trained on the same number of images.

    Attributes:
        tstr: trained on synthetic, tested on real images (Ravuri & Vinyals 2019, "Classification
            accuracy score", section 3): low if the fakes lack variety or clarity.
        trts: trained on real, tested on synthetic images: low if fakes do not show their label.
        trtr: trained and tested on real images: what perfect fakes would reach.
        labels: where the labels of the synthetic images come from.
    """

    tstr: float
    trts: float
    trtr: float
    labels: str


def score(
    images: Images,
    labels: Labels | None,
    real: Reference,
    seed: int = 0,
    on_progress: OnProgress = no_progress,
) -> Scores:
    """Train one classifier on synthetic and one on real images, and test each on the other.

    Args:
        images: synthetic, uint8 N x C x H x W.
        labels: their labels, int64 N; if None, the reference classifier's predictions.
        real: the real images.
        seed: of the training, and of the choice of real images.
        on_progress: called with the steps of the training.
    """
    labeled = "its own"
    if labels is None:
        labels = real.classifier.network.predict(images, "labeling the images", on_progress).labels
        labeled = f"by {real.classifier.name}"
    assert real.test.labels is not None
    synthetic = ImageSet(images, labels, real.train.classes, "synthetic")
    # As many real as synthetic images: with more, a classifier would be better for that alone.
    rows = noise.rng(seed, Stream.SUBSET, 1).permutation(len(real.train))[: len(images)]
    from_synthetic = reference.fit(synthetic, on_progress, seed)
    from_real = reference.fit(real.train.take(rows), on_progress, seed)
    return Scores(
        tstr=classifier.accuracy(from_synthetic, real.test.images, real.test.labels),
        trts=classifier.accuracy(from_real, images, labels),
        trtr=classifier.accuracy(from_real, real.test.images, real.test.labels),
        labels=labeled,
    )
