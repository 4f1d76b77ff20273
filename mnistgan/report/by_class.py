"""A run's generator shown class by class."""

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
from mnistgan.sampling import sampler
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage.run_directory import RunDirectory

_EACH = 10  # images of a class
_DRAWN = 4 * sampler.BLOCK  # to be sorted: of ten classes each comes about a hundred times
_MOST_CLASSES = 62
_MOST_ROOM = 1_000_000  # characters
_MOST_VALUES = 30_000_000  # of a picture's pixels, before it is made smaller


@dataclass(frozen=True)
class ByClass:
    """Images by class, or why there are none.

    Attributes:
        says: who said what is on them, or what to do to have them sorted.
        rows: of each class its name, how many images of it came, at most ten, and their picture.
        whole: all of them as one picture, in the rows' place.
    """

    says: str
    rows: Sequence[tuple[str, int, Still | None]] = ()
    whole: Still | None = None


def by_class(run: RunDirectory, config: RunConfig) -> ByClass:
    """Draw from g.pt by the run's own seed.

    A picture of ``mnistgan evaluate`` stands in where nobody here can tell the classes apart.
    """
    if not run.generator_file.is_file():
        return ByClass("The run has saved no generator (g.pt) to draw images from.")
    try:
        generator = load_generator(run.generator_file)
    except UsageError:
        return ByClass("Its g.pt cannot be used; mnistgan info g.pt says why.")
    if generator.classes:
        return _as_asked(generator, config.seed)
    if not reference.is_shipped_for(generator.config.data):
        return _as_evaluated(run)
    images = sampler.sample(generator, _DRAWN, config.seed)
    labels = classifier.shipped().see(images).labels
    return ByClass(
        f"The first of {_DRAWN:,} images, sorted by the verdict of the classifier "
        f"({classifier.SHIPPED}).",
        _rows(images, labels, classifier.SHIPPED_CLASSES),
    )


def _as_asked(generator: Generator, seed: int) -> ByClass:
    classes = generator.classes[:_MOST_CLASSES]
    class_sequence = ClassSequence(tuple(range(len(classes))), repeat=_EACH)
    count = _EACH * len(classes)
    images, labels = sampler.sample_labeled(
        generator, count, sampler.SamplingOptions(seed, class_sequence)
    )
    assert labels is not None
    return ByClass(
        "Each image was asked for by its class, which this generator was trained to heed.",
        _rows(images, labels, classes),
    )


def _as_evaluated(run: RunDirectory) -> ByClass:
    """What the classifier of the data's own saw, where ``mnistgan evaluate`` has trained one."""
    path = run.figures_file.with_name("classes.png")
    if not embedded_images.is_own_file(path):
        return ByClass(
            "The classifier that ships with mnistgan knows only MNIST's digits. mnistgan evaluate "
            "trains one for this data; what that sees is shown here when the page is made again."
        )
    picture = grids.read_png(path)
    whole = embedded_images.still(picture) if picture.size <= _MOST_VALUES else None
    if whole is None or len(whole.source) > _MOST_ROOM:
        return ByClass(f"They lie beside this page, in evaluation/{path.name}.")
    return ByClass("Sorted by the verdict of the classifier of mnistgan evaluate.", whole=whole)


def _rows(
    images: Images, labels: Labels, classes: tuple[str, ...]
) -> list[tuple[str, int, Still | None]]:
    rows = []
    for number, name in enumerate(classes):
        found = images[labels == number][:_EACH]
        picture = embedded_images.still(grids.grid(found, _EACH)) if len(found) else None
        rows.append((name, len(found), picture))
    return rows
