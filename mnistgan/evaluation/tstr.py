"""Classification accuracy scores: are synthetic images as good to learn from as real ones?"""

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
    """Accuracies in [0, 1] of classifiers trained on as many images each.

    Attributes:
        tstr: trained on synthetic, tested on real images (Ravuri & Vinyals 2019, "Classification
            accuracy score", section 3): low where the fakes lack variety or clarity.
        trts: trained on real, tested on synthetic images: low where fakes are not what their label
            says.
        trtr: trained and tested on real images: what perfect fakes would reach.
        labels: whose labels the synthetic images have.
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
    """Train one classifier on the synthetic and one on real images, and test each on the other.

    Args:
        images: synthetic, uint8 N x C x H x W.
        labels: theirs, N; where there are none, the reference classifier's verdicts.
        real: what to compare with.
        seed: of the training, and of which real images are taken.
        on_progress: called with the steps of the training.
    """
    named = "its own"
    if labels is None:
        labels = real.classifier.network.predict(images, "labeling the images", on_progress).labels
        named = f"by {real.classifier.name}"
    assert real.test.labels is not None
    synthetic = ImageSet(images, labels, real.train.classes, "synthetic")
    rows = noise.rng(seed, Stream.SUBSET, 1).permutation(len(real.train))[: len(images)]
    from_synthetic = reference.fit(synthetic, on_progress, seed)
    from_real = reference.fit(real.train.take(rows), on_progress, seed)
    return Scores(
        tstr=classifier.accuracy(from_synthetic, real.test.images, real.test.labels),
        trts=classifier.accuracy(from_real, images, labels),
        trtr=classifier.accuracy(from_real, real.test.images, real.test.labels),
        labels=named,
    )
