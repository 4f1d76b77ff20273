"""A run's generator shown class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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

EACH = 10
"""Images of a class."""

_DRAWN = 4 * sampler.BLOCK  # to be sorted: of ten classes each comes about a hundred times
_MOST_CLASSES = 62
_MOST_ROOM = 1_000_000  # characters
_MOST_VALUES = 30_000_000  # of a picture's pixels, before it is made smaller


@dataclass(frozen=True)
class ClassRow:
    """Images of one class; fewer than :data:`EACH` where no more came, and then perhaps none."""

    name: str
    count: int
    picture: Still | None


@dataclass(frozen=True)
class ByClass:
    """Images by class, or why there are none.

    Attributes:
        rows: a class each.
        whole: all of them as one picture, in the rows' place.
        says: who said what is on them, or what to do to have them sorted.
    """

    rows: list[ClassRow]
    whole: Still | None
    says: str


def by_class(run: RunDirectory, config: RunConfig) -> ByClass:
    """Draw from g.pt by the run's own seed.

    A picture of ``mnistgan evaluate`` stands in where nobody here can tell the classes apart.
    """
    if not run.generator_file.is_file():
        return _none("The run has saved no generator (g.pt) to draw images from.")
    try:
        generator = load_generator(run.generator_file)
    except UsageError:
        return _none("Its g.pt cannot be used; mnistgan info g.pt says why.")
    if generator.classes:
        return _as_asked(generator, config.seed)
    if not reference.is_shipped_for(generator.config.data):
        return _as_evaluated(run)
    images = sampler.sample(generator, _DRAWN, config.seed)
    labels = classifier.shipped().network.predict(images).labels
    return ByClass(
        _rows(images, labels, classifier.SHIPPED_CLASSES),
        None,
        f"The first of {_DRAWN:,} images, sorted by the verdict of the classifier "
        f"({classifier.SHIPPED}).",
    )


def _as_asked(generator: Generator, seed: int) -> ByClass:
    classes = generator.classes[:_MOST_CLASSES]
    class_sequence = ClassSequence(tuple(range(len(classes))), repeat=EACH)
    count = EACH * len(classes)
    images, labels = sampler.sample_labeled(
        generator, count, sampler.SamplingOptions(seed, class_sequence)
    )
    assert labels is not None
    return ByClass(
        _rows(images, labels, classes),
        None,
        "Each image was asked for by its class, which this generator was trained to heed.",
    )


def _none(why: str) -> ByClass:
    return ByClass([], None, why)


def _as_evaluated(run: RunDirectory) -> ByClass:
    """What the classifier of the data's own saw, where ``mnistgan evaluate`` has trained one."""
    path = run.figures_file.with_name("classes.png")
    if not path.is_file() or path.is_symlink():  # a stranger's link may lead anywhere
        return _none(
            "The classifier that ships with mnistgan knows only MNIST's digits. mnistgan evaluate "
            "trains one for this data; what that sees is shown here when the page is made again."
        )
    picture = grids.read_png(path)
    whole = embedded_images.still(picture) if picture.size <= _MOST_VALUES else None
    if whole is None or len(whole.source) > _MOST_ROOM:
        return _none(f"They lie beside this page, in evaluation/{path.name}.")
    return ByClass([], whole, "Sorted by the verdict of the classifier of mnistgan evaluate.")


def _rows(images: Images, labels: Labels, classes: tuple[str, ...]) -> list[ClassRow]:
    rows = []
    for number, name in enumerate(classes):
        found = images[np.flatnonzero(labels == number)[:EACH]]
        picture = embedded_images.still(grids.grid(found, EACH)) if len(found) else None
        rows.append(ClassRow(name, len(found), picture))
    return rows
