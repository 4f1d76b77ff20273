"""Images of a run's generator, sorted by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistgan.arrays import Images, Labels
from mnistgan.config import RunConfig
from mnistgan.errors import UsageError
from mnistgan.evaluation import classifier, reference
from mnistgan.rendering import grids
from mnistgan.report import embedded_images
from mnistgan.report.embedded_images import Still
from mnistgan.sampling import blocks
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage.run_directory import RunDirectory

_EACH = 10  # images per class
_DRAWN = 4 * blocks.BLOCK  # images to classify: about a hundred of each of ten classes
_MOST_CLASSES = 62  # of the data sets with a name, EMNIST has the most
_MOST_LENGTH = 1_000_000  # of a picture's data: URL, in characters
_MOST_VALUES = 30_000_000  # of a picture: encoding a larger one would take long and not fit anyway


@dataclass(frozen=True)
class ByClass:
    """Images by class, or the reason for their absence.

    Attributes:
        note: how the images were sorted, or what to do to get them.
        rows: for each class, its name, the number of images shown, and their picture.
        whole: one picture of all classes, instead of rows.
    """

    note: str
    rows: Sequence[tuple[str, int, Still | None]] = ()
    whole: Still | None = None


def by_class(run: RunDirectory, config: RunConfig) -> ByClass:
    """Draw images from g.pt with the run's seed, and sort them by class.

    A conditional generator draws the requested classes. Images of other generators are classified
    if the classifier included in mnistgan is for this data. If not, the picture of ``mnistgan
    evaluate`` is used.
    """
    if not run.generator_file.is_file():
        return ByClass("The run has no generator file (g.pt) from which images could be drawn.")
    try:
        generator = load_generator(run.generator_file)
    except UsageError:
        return ByClass("The run's g.pt cannot be loaded. For the reason, run: mnistgan info g.pt.")
    if generator.classes:
        return _as_requested(generator, config.seed)
    if not reference.is_shipped_for(generator.config.data):
        return _as_evaluated(run)
    # The page must be quick to make, so no classifier is trained for other data.
    images = blocks.sample(generator, _DRAWN, config.seed)
    labels = classifier.shipped().network.predict(images).labels
    return ByClass(
        f"The first images of each class among {_DRAWN:,}, classified by {classifier.SHIPPED}.",
        _rows(images, labels, classifier.SHIPPED_CLASSES),
    )


def _as_requested(generator: Generator, seed: int) -> ByClass:
    classes = generator.classes[:_MOST_CLASSES]
    class_sequence = ClassSequence(tuple(range(len(classes))), repeat=_EACH)
    count = _EACH * len(classes)
    images, labels = blocks.sample_labeled(
        generator, count, blocks.SamplingOptions(seed, class_sequence)
    )
    assert labels is not None
    return ByClass(
        "The generator is conditional. It drew the requested classes.",
        _rows(images, labels, classes),
    )


def _as_evaluated(run: RunDirectory) -> ByClass:
    """The picture of ``mnistgan evaluate``, whose classifier was trained on the same data."""
    path = run.figures_file.with_name("classes.png")
    if not embedded_images.is_own_file(path):
        return ByClass(
            "The classifier included in mnistgan is only for MNIST's digits. To sort these images, "
            "run mnistgan evaluate, which trains a classifier for this data, then mnistgan report."
        )
    picture = grids.read_png(path)
    whole = embedded_images.still(picture) if picture.size <= _MOST_VALUES else None
    if whole is None or len(whole.source) > _MOST_LENGTH:
        return ByClass(f"Too large for this page; see evaluation/{path.name} in the run directory.")
    return ByClass("Classified by mnistgan evaluate.", whole=whole)


def _rows(
    images: Images, labels: Labels, classes: tuple[str, ...]
) -> list[tuple[str, int, Still | None]]:
    rows = []
    for number, name in enumerate(classes):
        found = images[labels == number][:_EACH]
        picture = embedded_images.still(grids.grid(found, _EACH)) if len(found) else None
        rows.append((name, len(found), picture))
    return rows
