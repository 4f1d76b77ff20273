"""Warnings about a training that looks as if it had collapsed.

They cost next to nothing: they come from the metrics of each step, and from the 64 images that are
drawn after each epoch anyway. Imports torch only if there is a classifier for the images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from mnistgan.arrays import Images, Labels
from mnistgan.config import RunConfig, ScoreKind
from mnistgan.events import EpochEnded, Event, RunStarted, StepMetrics

Classify: TypeAlias = Callable[[Images], Labels]
"""Images, uint8 N x C x H x W, to their classes, int64 N."""

WINDOW = 300
"""The number of steps that metrics must look bad for."""

_PINNED = 0.002  # how near to 0 or 1 a probability is pinned
_NO_LOSS = 0.005
_ALIKE = 0.05  # root mean square difference of the pixels, in [0, 1]
_PATIENCE = 2  # the number of epochs that images must look bad for
_FEW = 0.5  # of the number of distinct images among as many real ones


_SIGNS = {
    "no loss": (
        "D's loss has been zero",
        "G learns nothing from it; lower train.lr_d, or set train.r1 = 1",
    ),
    "D has won": (
        "D(G(z)) has been pinned at 0 and D(x) at 1",
        "D has won, and G learns little from it; lower train.lr_d, or set train.r1 = 1",
    ),
    "D is blind": (
        "D(G(z)) has been pinned at 1",
        "D cannot tell real from fake; raise train.lr_d, or widen model.discriminator",
    ),
}
"""What metrics can show, and the settings that usually help."""


class Watch:
    """Watches one training.

    Args:
        score_kind: what D(x) and D(G(z)) are.
        classify: classifies images, if there is a classifier for them.
        classes: the names of the classes.
    """

    def __init__(
        self,
        score_kind: ScoreKind,
        classify: Classify | None = None,
        classes: tuple[str, ...] = (),
    ) -> None:
        self._kind = score_kind
        self._classify = classify
        self._classes = classes
        self._distinct_real = 0
        self._since: dict[str, int] = {}  # when each present sign began: a step or an epoch
        self._reported: set[str] = set()

    def begin(self, real_images: Images) -> None:
        """Take real images, uint8 N x C x H x W, as many as an epoch draws, for comparison."""
        self._distinct_real = distinct(real_images)

    def look(self, event: Event) -> list[str]:
        """The new warnings after an event; each is given once while its sign lasts.

        A warning says what is wrong, since when, and which setting usually helps.
        """
        match event:
            case RunStarted():
                self.begin(event.real_images)
                return []
            case StepMetrics():
                return self._at_step(event)
            case EpochEnded():
                return [*self._at_images(event), *self._at_classes(event)]
            case _:
                return []

    def _lasting(self, sign: str, is_present: bool, now: int, patience: int) -> int | None:
        """When a sign began, at the moment when it has lasted long enough; otherwise None."""
        if not is_present:
            self._since.pop(sign, None)
            self._reported.discard(sign)
            return None
        since = self._since.setdefault(sign, now)
        if sign in self._reported or now - since + 1 < patience:
            return None
        self._reported.add(sign)
        return since

    # Metrics -----------------------------------------------------------------------------------

    def _at_step(self, now: StepMetrics) -> list[str]:
        present = self._sign(now)
        return [
            f"{what} since step {since}: {cure}"
            for sign, (what, cure) in _SIGNS.items()
            if (since := self._lasting(sign, sign == present, now.step, WINDOW)) is not None
        ]

    def _sign(self, now: StepMetrics) -> str | None:
        """The sign in one step's metrics; a critic's scores have no scale, so they show none."""
        if self._kind == "critic":
            return None
        if now.loss_d < _NO_LOSS:
            return "no loss"
        if self._kind == "output":
            return None
        if now.d_fake_before < _PINNED and now.d_real > 1 - _PINNED:
            return "D has won"
        return "D is blind" if now.d_fake_before > 1 - _PINNED else None

    # Images ------------------------------------------------------------------------------------

    def _at_images(self, event: EpochEnded) -> list[str]:
        count = distinct(event.images)
        few = count < max(2, _FEW * self._distinct_real)
        since = self._lasting("alike", few and event.epoch > 1, event.epoch, _PATIENCE)
        if since is None:
            return []
        return [
            f"of {len(event.images)} images only {count} differ since epoch {since}: G has "
            "collapsed onto few outputs; lower train.lr_g, or set train.r1 = 1"
        ]

    def _at_classes(self, event: EpochEnded) -> list[str]:
        if self._classify is None:
            return []
        present = set(self._classify(event.images).tolist())
        absent = [name for number, name in enumerate(self._classes) if number not in present]
        # In 64 fair draws from ten classes one is missing by chance in 1 of 85 epochs, two in 1 of
        # 35,000, so a single one means nothing. Epoch 1 is left out: it draws no digits yet.
        many = len(absent) > 1
        since = self._lasting("classes", many and event.epoch > 1, event.epoch, _PATIENCE)
        if since is None:
            return []
        return [
            f"no {' and no '.join(absent)} among {len(event.images)} images since epoch {since}: "
            "G leaves classes out; lower train.lr_g, or set train.r1 = 1"
        ]


def distinct(images: Images) -> int:
    """How many images, uint8 N x C x H x W, differ visibly from all images before them."""
    flat = images.reshape(len(images), -1).astype(np.float64) / 255
    squares = np.square(flat).sum(axis=1)
    distances = squares[:, None] + squares - 2 * flat @ flat.T
    near = distances / flat.shape[1] < _ALIKE**2
    kept: list[int] = []
    for number in range(len(images)):
        if not near[number, kept].any():
            kept.append(number)
    return len(kept)


def watch_for(config: RunConfig) -> Watch:
    """The watch over a run, with the classifier that ships if it suits the data."""
    from mnistgan.evaluation import classifier, reference  # imports torch

    kind = config.train.score_kind
    if not reference.is_shipped_for(config.data):
        return Watch(kind)
    network = classifier.shipped().network
    return Watch(
        kind, lambda images: network.predict_batch(images).labels, classifier.SHIPPED_CLASSES
    )
