"""A live view of training in a notebook: progress bar, D's scores, and the latest images.

    mnistgan.train(config, on_event=mnistgan.LiveBar())

It updates an ordinary display of IPython instead of a widget, so that it needs no extension, and
the last state is saved with the notebook.
Imports no torch.
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

_SECONDS = 0.25  # minimum time between two updates
_COLORS = ("#1f77b4", "#ff7f0e")  # of the scores of real and fake images
_WIDTH, _HEIGHT, _POINTS = 500, 80, 125  # of the curves: pixels, pixels, number of points


class LiveBar:
    """A live view of one run, in the notebook cell that trains it.

    Call it with each event: ``mnistgan.train(config, on_event=LiveBar())``, or in a loop over a
    :class:`~mnistgan.training.trainer.Trainer`.

    Raises:
        UsageError: this is not a notebook.
    """

    def __init__(self) -> None:
        try:
            from IPython.core.getipython import get_ipython
        except ImportError as error:
            raise UsageError(
                'LiveBar needs a notebook; run: pip install "mnistgan[notebook]"'
            ) from error
        if get_ipython() is None:
            raise UsageError("LiveBar needs a notebook; in a program, use on_event=print")
        self._display: Any = None
        self._drawn_at = 0.0
        self._started: RunStarted | None = None
        self._metrics: StepMetrics | None = None
        self._scores = array("d")  # pairs, flat: a list of tuples is slow to convert to an array
        self._pictures: dict[str, Images] = {}
        self._lines: list[str] = []

    def __call__(self, event: Event) -> None:
        """Show an event. The display is updated at most four times per second."""
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
                if event.verdict:
                    self._lines.append(event.verdict)
                self._lines.append(f"{event.reason} at step {event.step} (epoch {event.epoch})")
        # Each frame contains all images as PNG: drawing one per step would slow down training.
        is_due = time.monotonic() - self._drawn_at >= _SECONDS
        if is_due or isinstance(event, RunStarted | RunEnded):
            self._draw()
            self._drawn_at = time.monotonic()

    def _draw(self) -> None:
        from IPython.display import display

        frame = {"text/html": "\n".join(self._html()), "text/plain": self._where()}
        if self._display is None:
            # Later frames replace this one. With clear_output() the cell would flicker.
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
    """The numbers of the latest step; the scores have the colors of their curves."""
    cells = [
        (names[0], metrics.d_real, f"color: {_COLORS[0]}"),
        (names[1], metrics.d_fake_before, f"color: {_COLORS[1]}"),
        ("loss_D", metrics.loss_d, ""),
        ("loss_G", metrics.loss_g, ""),
    ]
    return " &nbsp; ".join(
        f'<span style="{style}">{name} <b>{value:.3f}</b></span>' for name, value, style in cells
    )


def _curves(scores: npt.NDArray[np.float64]) -> str:
    """D's scores over all steps as an SVG, averaged to at most 125 points."""
    # Not with rendering/curves.py, because this is drawn four times per second: for 20,000 steps,
    # Matplotlib took 0.5 s on a busy machine, and this takes 1 ms.
    parts = np.array_split(scores, min(len(scores), _POINTS))
    means = np.array([part.mean(axis=0) for part in parts])
    low, high = min(0.0, means.min()), max(1.0, means.max())
    x = np.linspace(0, _WIDTH, len(means))
    y = _HEIGHT * (high - means) / (high - low)
    lines = "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="'
        + " ".join(f"{a:.0f},{b:.1f}" for a, b in zip(x, column, strict=True))
        + '"/>'
        for color, column in zip(_COLORS, y.T, strict=True)
    )
    return (
        f'<svg viewBox="0 -1 {_WIDTH} {_HEIGHT + 2}" width="{_WIDTH}" height="{_HEIGHT + 2}" '
        f'style="display: block; max-width: 100%">{lines}</svg>'
    )


def _figure(name: str, images: Images) -> str:
    png = b64encode(grids.to_png(grids.grid(images, ground=grids.BETWEEN))).decode()
    return (
        f'<figure style="margin: 0"><img src="data:image/png;base64,{png}" alt="{name}" '
        f'width="242"><figcaption>{name}</figcaption></figure>'
    )
