"""A training as a notebook shows it: a bar, D's scores and the newest images, drawn in place.

    mnistgan.train(config, on_event=mnistgan.LiveBar())

It needs no widgets in the notebook's front end, only a display that can be updated; what stands
there last is saved with the notebook. Imports no torch.
"""

from __future__ import annotations

import time
from array import array
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.events import (
    EpochEnded,
    Evaluated,
    Event,
    RunEnded,
    RunStarted,
    StepMetrics,
    Warned,
    score_names,
)
from mnistgan.rendering import grids
from mnistgan.runs import event_lines

_SECONDS = 0.25  # between two drawings
_COLOURS = ("#1f77b4", "#ff7f0e")  # of real and of fake
_WIDTH, _HEIGHT, _POINTS = 500, 80, 125  # of the curves


class LiveBar:
    """Shows one training in the cell that runs it; called with each of its events.

    Serves ``mnistgan.train(config, on_event=LiveBar())`` and any loop over a Trainer.

    Raises:
        UsageError: this is no notebook.
    """

    def __init__(self) -> None:
        try:
            from IPython.core.getipython import get_ipython
        except ImportError as error:
            raise UsageError(
                'a LiveBar draws in a notebook; pip install "mnistgan[notebook]" and use it there'
            ) from error
        if get_ipython() is None:
            raise UsageError("a LiveBar draws in a notebook; in a program, give on_event=print")
        self._display: Any = None
        self._drawn_at = 0.0
        self._started: RunStarted | None = None
        self._metrics: StepMetrics | None = None
        self._scores = array("d")  # pairs; a list would take long to draw after many steps
        self._pictures: dict[str, Images] = {}
        self._lines: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take note of an event, and draw a few times a second."""
        match event:
            case RunStarted():
                self._started = event
                self._pictures["real"] = event.real_images
            case StepMetrics():
                self._metrics = event
                self._scores.extend((event.d_real, event.d_fake_before))
            case EpochEnded():
                self._pictures["generated"] = event.images
            case Evaluated():
                self._lines.append(event_lines.evaluated(event))
            case Warned():
                self._lines.append(f"warning: {event.message}")
            case RunEnded():
                self._lines.append(f"{event.reason} at step {event.step} (epoch {event.epoch})")
        is_due = time.monotonic() - self._drawn_at >= _SECONDS
        if is_due or isinstance(event, RunStarted | RunEnded):
            self._draw()
            self._drawn_at = time.monotonic()

    def _draw(self) -> None:
        from IPython.display import display

        frame = {"text/html": "\n".join(self._html()), "text/plain": self._where()}
        if self._display is None:
            self._display = display(frame, raw=True, display_id=True)
        else:
            self._display.update(frame, raw=True)

    def _where(self) -> str:
        """Epoch, step, rate and time left."""
        if self._started is None or self._metrics is None:
            return event_lines.FIRST_STEP
        return ", ".join(event_lines.progress(self._started, self._metrics))

    def _html(self) -> Iterator[str]:
        yield '<div style="max-width: 500px; font-variant-numeric: tabular-nums">'
        if self._started is not None and self._metrics is not None:
            step, total = self._metrics.step, self._started.total_steps
            yield f'<progress value="{step}" max="{total}" style="width: 100%"></progress>'
        yield f"<div>{self._where()}</div>"
        if self._started is not None and self._metrics is not None:
            names = score_names(self._started.config.train.score_kind)
            yield _numbers(self._metrics, names)
            yield _curves(np.array(self._scores).reshape(-1, 2))
        yield '<div style="display: flex; gap: 8px">'
        for name, images in self._pictures.items():
            yield _figure(name, images)
        yield "</div>"
        for line in self._lines:
            yield f"<div>{escape(line)}</div>"
        yield "</div>"


def _numbers(metrics: StepMetrics, names: tuple[str, str]) -> str:
    """The latest step's, the scores in the colours of their curves."""
    cells = [
        (names[0], metrics.d_real, f"color: {_COLOURS[0]}"),
        (names[1], metrics.d_fake_before, f"color: {_COLOURS[1]}"),
        ("loss_D", metrics.loss_d, ""),
        ("loss_G", metrics.loss_g, ""),
    ]
    return " &nbsp; ".join(
        f'<span style="{style}">{name} <b>{value:.3f}</b></span>' for name, value, style in cells
    )


def _curves(scores: npt.NDArray[np.float64]) -> str:
    """D's scores from the first step to the latest, as the means of a hundred stretches or so."""
    stretches = np.array_split(scores, min(len(scores), _POINTS))
    means = np.array([stretch.mean(axis=0) for stretch in stretches])
    low, high = min(0.0, means.min()), max(1.0, means.max())
    x = np.linspace(0, _WIDTH, len(means))
    y = _HEIGHT * (high - means) / (high - low)
    lines = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="'
        + " ".join(f"{a:.0f},{b:.1f}" for a, b in zip(x, column, strict=True))
        + '"/>'
        for colour, column in zip(_COLOURS, y.T, strict=True)
    )
    return (
        f'<svg viewBox="0 -1 {_WIDTH} {_HEIGHT + 2}" width="{_WIDTH}" height="{_HEIGHT + 2}" '
        f'style="display: block; max-width: 100%">{lines}</svg>'
    )


def _figure(name: str, images: Images) -> str:
    png = b64encode(grids.to_png(grids.grid(images))).decode()
    return (
        f'<figure style="margin: 0"><img src="data:image/png;base64,{png}" alt="{name}" '
        f'width="242"><figcaption>{name}</figcaption></figure>'
    )
