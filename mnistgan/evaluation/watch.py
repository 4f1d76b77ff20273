"""Warnings if training seems to have collapsed.

They use the metrics of each step and the 64 images that are generated after each epoch anyway, so
they cost almost no time. Imports torch only if there is a classifier for the images.
"""

import math
from collections.abc import Callable

import numpy as np

from mnistgan.arrays import Images, Labels
from mnistgan.config import RunConfig, ScoreKind
from mnistgan.events import EpochEnded, Event, RunStarted, StepMetrics

WINDOW = 300  # a sign in the metrics must last this many steps

_PATIENCE = 2  # a sign in the images must last this many epochs
_PINNED = 0.002  # a probability nearer than this to 0 or 1 is pinned
_NO_LOSS = 0.005  # a smaller loss of D counts as zero
_ALIKE = 0.05  # images are alike below this root mean square difference of the pixels, in [0, 1]
_FEW = 0.5  # fewer distinct images than this part of those among as many real ones are few

_WEAKEN_D = "lower train.lr_d, or set train.r1 = 1"
# Signs in the metrics, and the settings that usually help.
_SIGNS = {
    "D's loss has been zero": f"G learns nothing from it; {_WEAKEN_D}",
    "D(G(z)) has been pinned at 0 and D(x) at 1": f"D has won; {_WEAKEN_D}",
    "D(G(z)) has been pinned at 1": "D is blind; raise train.lr_d, or widen model.discriminator",
}


class Watch:
    """Watches the events of one run for signs of collapse.

    Args:
        score_kind: kind of D(x) and D(G(z)).
        classify: a function from images, uint8 N x C x H x W, to their classes, int64 N; None if
            there is no classifier.
        classes: names of the classes.
    """

    def __init__(
        self,
        score_kind: ScoreKind,
        classify: Callable[[Images], Labels] | None = None,
        classes: tuple[str, ...] = (),
    ) -> None:
        self._kind = score_kind
        self._classify = classify
        self._classes = classes
        self._distinct_real = 0
        # The step or epoch at which each present sign began; infinity once it was reported.
        self._since: dict[str, float] = {}

    def begin(self, real_images: Images) -> None:
        """Set the real images to compare with, uint8 N x C x H x W, as many as an epoch shows."""
        self._distinct_real = distinct(real_images)

    def look(self, event: Event) -> list[str]:
        """Return the new warnings after an event; each appears once while its sign lasts.

        A warning says what is wrong, since when, and which setting usually helps.
        """
        match event:
            case RunStarted():
                self.begin(event.real_images)
            case StepMetrics():
                return self._at_step(event)
            case EpochEnded():
                return self._at_epoch(event)
        return []

    def _at_step(self, now: StepMetrics) -> list[str]:
        if self._kind == "critic":  # a critic's scores have no scale to compare with
            return []
        no_loss = now.loss_d < _NO_LOSS
        is_probability = self._kind == "probability" and not no_loss
        won = now.d_fake_before < _PINNED and now.d_real > 1 - _PINNED
        blind = now.d_fake_before > 1 - _PINNED
        present = (no_loss, is_probability and won, is_probability and blind)
        return [
            f"{what} since step {since}: {cure}"
            for is_present, (what, cure) in zip(present, _SIGNS.items(), strict=True)
            if (since := self._lasting(what, is_present, now.step, WINDOW))
        ]

    def _at_epoch(self, event: EpochEnded) -> list[str]:
        drawn, epoch = len(event.images), event.epoch
        count, warnings = distinct(event.images), []
        # Not in epoch 1, whose images are not digits yet.
        few = epoch > 1 and count < max(2, _FEW * self._distinct_real)
        if since := self._lasting("alike", few, epoch, _PATIENCE):
            warnings.append(
                f"of {drawn} images only {count} differ since epoch {since}: G has collapsed onto "
                "few outputs; lower train.lr_g, or set train.r1 = 1"
            )
        if self._classify is None:
            return warnings
        present = set(self._classify(event.images).tolist())
        absent = [name for number, name in enumerate(self._classes) if number not in present]
        # Among 64 images of ten equally likely classes, one class is missing by chance in 1 of 85
        # epochs, two classes in 1 of 35,000. So one missing class is not a sign.
        many = epoch > 1 and len(absent) > 1
        if since := self._lasting("classes", many, epoch, _PATIENCE):
            warnings.append(
                f"no {' and no '.join(absent)} among {drawn} images since epoch {since}: G leaves "
                "classes out; lower train.lr_g, or set train.r1 = 1"
            )
        return warnings

    def _lasting(self, sign: str, is_present: bool, now: int, patience: int) -> float | None:
        """Return the start of a sign once, when it has lasted long enough; otherwise None."""
        if not is_present:
            self._since.pop(sign, None)
            return None
        since = self._since.setdefault(sign, now)
        if now - since + 1 < patience:
            return None
        self._since[sign] = math.inf
        return since


def distinct(images: Images) -> int:
    """The number of images, uint8 N x C x H x W, that differ visibly from all before them."""
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
    """Create the watch for a run, with the shipped classifier if it is for the run's data."""
    from mnistgan.evaluation import classifier, reference  # imports torch

    kind = config.train.score_kind
    if not reference.is_shipped_for(config.data):
        return Watch(kind)
    network = classifier.shipped().network
    return Watch(
        kind, lambda images: network.predict_batch(images).labels, classifier.SHIPPED_CLASSES
    )
