"""Warnings if training seems to have collapsed.

They use the metrics of each step and the 64 images that are generated after each epoch anyway, so
they cost almost no time. Imports torch only if there is a classifier for the images.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from mnistgan.arrays import Images, Labels
from mnistgan.config import RunConfig, ScoreKind
from mnistgan.evaluation.verdict import missing_classes
from mnistgan.events import EpochEnded, Event, RunStarted, StepMetrics

WINDOW = 300  # a sign in the metrics must show in most of this many steps

# A few steps of a collapsed run look healthy: in lab 4, 1 of 100 after D has won.
_MOST = 0.95  # share of the window that must show the sign
_ENDED = 0.5  # below this share the sign has ended
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
        self._epochs = 0
        self._bad_steps: dict[str, deque[int]] = {sign: deque() for sign in _SIGNS}
        self._since: dict[str, int] = {}  # the first epoch of each sign in the images
        self._present: dict[str, str] = {}  # the report of each sign that lasts

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
        warnings = []
        for is_present, (what, cure) in zip(present, _SIGNS.items(), strict=True):
            since = self._often(what, is_present, now.step)
            if since is not None:
                warnings.append(self._report(what, f"{what} since step {since}", cure))
        return warnings

    def _at_epoch(self, event: EpochEnded) -> list[str]:
        drawn, epoch = len(event.images), event.epoch
        count, warnings = distinct(event.images), []
        self._epochs += 1
        cure = "lower train.lr_g, or set train.r1 = 1"
        # Not in epoch 1, whose images are not digits yet.
        few = epoch > 1 and count < max(2, _FEW * self._distinct_real)
        if since := self._lasting("alike", few, epoch):
            what = f"of {drawn} images only {count} differ since epoch {since}"
            cause = "G has collapsed onto few outputs"
            warnings.append(self._report("alike", what, cause, cure))
        if self._classify is None:
            return warnings
        found = set(self._classify(event.images).tolist())
        present = [name for number, name in enumerate(self._classes) if number in found]
        absent = [name for number, name in enumerate(self._classes) if number not in found]
        # Among 64 images of ten equally likely classes, one class is missing by chance in 1 of 85
        # epochs, two classes in 1 of 35,000. So one missing class is not a sign.
        many = epoch > 1 and len(absent) > 1
        if since := self._lasting("classes", many, epoch):
            what = f"{missing_classes(present, absent)} ({drawn} images, since epoch {since})"
            warnings.append(self._report("classes", what, "G leaves classes out", cure))
        return warnings

    def finding(self) -> str:
        """The result of the watch at the end of a run: one sentence, or empty.

        It names the first sign that lasts. After fewer than three epochs, the images cannot show a
        sign yet, so the sentence is left out unless the metrics show one.
        """
        signs = ("alike", "classes", *_SIGNS)
        lasting = [self._present[sign] for sign in signs if sign in self._present]
        if lasting:
            return f"Not measured; {lasting[0]}."
        enough = self._epochs > _PATIENCE
        return "Not measured; the watch found no sign of a collapse." if enough else ""

    def _report(self, sign: str, what: str, *advice: str) -> str:
        self._present[sign] = what
        return f"{what}: {'; '.join(advice)}"

    def _often(self, sign: str, is_present: bool, step: int) -> int | None:
        """When a sign of the steps began, once: when most of the last steps have it."""
        bad = self._bad_steps[sign]
        if is_present:
            bad.append(step)
        while bad and bad[0] <= step - WINDOW:
            bad.popleft()
        if len(bad) < _ENDED * WINDOW:
            self._present.pop(sign, None)
        is_new = sign not in self._present and len(bad) >= _MOST * WINDOW
        return bad[0] if is_new else None

    def _lasting(self, sign: str, is_present: bool, epoch: int) -> int | None:
        """When a sign of the images began, once: when it has lasted long enough."""
        if not is_present:
            self._since.pop(sign, None)
            self._present.pop(sign, None)
            return None
        since = self._since.setdefault(sign, epoch)
        is_new = sign not in self._present and epoch - since + 1 >= _PATIENCE
        return since if is_new else None


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
