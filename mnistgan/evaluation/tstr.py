"""Classification accuracy scores: training on synthetic images, testing on real ones."""

from dataclasses import dataclass

from mnistgan.arrays import Images, Labels
from mnistgan.datasets import ImageSet
from mnistgan.evaluation import classifier
from mnistgan.evaluation.reference import Reference
from mnistgan.models import noise
from mnistgan.progress import OnProgress, no_progress


@dataclass(frozen=True)
class Scores:
    """Accuracies, in [0, 1], of classifiers trained on the same number of images.

    Attributes:
        tstr: trained on synthetic, tested on real images (Ravuri & Vinyals 2019, "Classification
            accuracy score", section 3): low if the fakes lack variety or clarity.
        trts: trained on real, tested on synthetic images: low if fakes do not show their label.
        trtr: trained and tested on real images: the value that perfect fakes would reach.
        labels: source of the synthetic images' labels.
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
        images: synthetic images, uint8 N x C x H x W.
        labels: their labels, int64 N; if None, the reference classifier's predictions.
        real: the real images.
        seed: seed of the training and of the choice of real images.
        on_progress: called with the number of training steps.
    """
    labeled = "its own"
    if labels is None:
        labels = real.classifier.network.predict(images, "labeling the images", on_progress).labels
        labeled = f"by {real.classifier.name}"
    synthetic = ImageSet(images, labels, real.train.classes, "synthetic")
    # As many real as synthetic images: more images alone would make a better classifier.
    rows = noise.rng(seed, noise.Stream.SUBSET, 1).permutation(len(real.train))[: len(images)]
    from_synthetic = classifier.fit(synthetic, seed, on_progress)
    from_real = classifier.fit(real.train.take(rows), seed, on_progress)
    return Scores(
        tstr=classifier.accuracy(from_synthetic, real.test),
        trts=classifier.accuracy(from_real, synthetic),
        trtr=classifier.accuracy(from_real, real.test),
        labels=labeled,
    )
