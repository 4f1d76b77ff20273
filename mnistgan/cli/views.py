"""What a person sees while a run trains: a live view in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mnistgan.arrays import Images
from mnistgan.cli.preview import preview
from mnistgan.config import RunConfig
from mnistgan.errors import printable
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

if TYPE_CHECKING:
    from mnistgan.training.trainer import Trainer


Draw: TypeAlias = Callable[[], Images]


class View(Protocol):
    """Something that shows a run's events."""

    def handle(self, event: Event) -> None:
        """Show one event."""


@contextlib.contextmanager
def training_view(directory: Path, draw: Draw, *, quiet: bool) -> Iterator[View]:
    """The view that suits where stderr goes; ``draw`` gives the fixed-noise images as they are."""
    console = Console(stderr=True, highlight=False)
    if quiet:
        yield WarningsOnly(console)
    elif console.is_terminal:
        with LiveView(console, directory, draw) as view:
            yield view
    else:
        yield PlainView(console, directory)


class WarningsOnly:
    """Shows nothing but warnings."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def handle(self, event: Event) -> None:
        """Show a warning."""
        if isinstance(event, Warned):
            self._print(printable(f"mnistgan: warning: {event.message}"))

    def _print(self, line: str) -> None:
        # A reader that has left (rich then exits) is no reason to stop training.
        with contextlib.suppress(OSError, SystemExit):
            self.console.print(line, markup=False, soft_wrap=True)


class PlainView(WarningsOnly):
    """A line an epoch, or every few epochs of a long run."""

    def __init__(self, console: Console, directory: Path) -> None:
        super().__init__(console)
        self.directory = directory
        self._config = RunConfig()
        self._metrics: StepMetrics | None = None

    def handle(self, event: Event) -> None:
        """Show the start, each epoch, and the end."""
        super().handle(event)
        match event:
            case RunStarted():
                self._config = event.config
                self._print(headline(event, self.directory))
            case StepMetrics():
                self._metrics = event
            case Evaluated():
                self._print(measured_line(event))
            case EpochEnded() if self._metrics is not None and self._is_shown(event.epoch):
                epochs = self._config.train.epochs
                numbers = metrics_line(self._metrics, self._config)
                self._print(f"epoch {event.epoch}/{epochs}  step {event.step}  {numbers}")
            case RunEnded():
                self._print(closing_line(event, self.directory, self._config))

    def _is_shown(self, epoch: int) -> bool:
        epochs = self._config.train.epochs
        return epoch in (1, epochs) or epoch % math.ceil(epochs / 20) == 0


class LiveView(PlainView):
    """A progress bar with the latest step's numbers, and a few digits as they are now."""

    def __init__(self, console: Console, directory: Path, draw: Draw) -> None:
        super().__init__(console, directory)
        self._draw = draw
        self._drawn_at = -math.inf
        self._preview: Text | None = None
        self._measured: Evaluated | None = None
        self._closing = ""
        self._started: RunStarted | None = None
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4)

    def __enter__(self) -> LiveView:
        """Take the bottom of the terminal."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last picture there, and say below it how it ended."""
        self._live.stop()
        if self._closing:
            self._print(self._closing)

    def handle(self, event: Event) -> None:
        """Take note of the numbers; draw the digits now and then, at once when an epoch ends."""
        match event:
            case RunStarted():
                self._started = event
                super().handle(event)
            case StepMetrics():
                self._metrics = event
                if time.monotonic() - self._drawn_at > _SECONDS_BETWEEN_PREVIEWS:
                    self._show(self._draw())
            case EpochEnded():
                self._show(event.images)
            case Evaluated():
                self._measured = event
            case RunEnded():
                self._closing = closing_line(event, self.directory, self._config)
            case _:
                super().handle(event)

    def _show(self, images: Images) -> None:
        self._preview = preview(images, self._live.console)
        self._drawn_at = time.monotonic()

    def _render(self) -> RenderableType:
        if self._started is None or self._metrics is None:
            return Text("the first step ...")
        parts: list[RenderableType] = [
            progress_line(self._started, self._metrics, self._live.console.width),
            Text(metrics_line(self._metrics, self._config)),
        ]
        if self._measured is not None:
            parts.append(Text(measured_line(self._measured)))
        if self._preview is not None:
            parts.append(self._preview)
        return Group(*parts)


_SECONDS_BETWEEN_PREVIEWS = 2.0


def progress_line(started: RunStarted, metrics: StepMetrics, width: int) -> RenderableType:
    """Epoch, bar, step, rate and time left; the bar takes what room there is."""
    train = started.config.train
    rate = metrics.images_per_second / (train.batch_size * train.d_steps)
    left = timedelta(seconds=round((started.total_steps - metrics.step) / max(rate, 1e-9)))
    epoch = f"epoch {metrics.epoch}/{train.epochs} "
    numbers = f" {metrics.step}/{started.total_steps}  {rate:,.0f} step/s  {left} left"
    room = max(8, min(40, width - len(epoch) - len(numbers)))
    bar = ProgressBar(total=started.total_steps, completed=metrics.step, width=room)
    row = Table.grid()
    row.add_row(epoch, bar, numbers)
    fits = len(epoch) + room + len(numbers) <= width
    return row if fits else Text(epoch + numbers.strip())


def headline(event: RunStarted, directory: Path) -> str:
    """What is about to be trained, on what, where."""
    config = event.config
    size, channels = config.data.image_size, config.data.channels
    together = f"; {event.ranks} ranks" if event.ranks > 1 else ""
    if together and getattr(config.model.generator, "norm", "batch") == "batch":
        together += ", BatchNorm over each one's part of a batch"
    begin = f"going on after step {event.step}" if event.step else f"writing to {directory}"
    conditional = "conditional " if config.model.conditional else ""
    return (
        f"{conditional}{config.model.family}, {config.train.loss}: G {event.parameters_g:,} and "
        f"D {event.parameters_d:,} weights, on "
        f"{event.device} in {event.precision}{_accelerated(event.acceleration)}{together}\n"
        f"{event.data_count:,} images of {size}x{size}x{channels} from {event.data_source}\n"
        f"{_count(config.train.epochs, 'epoch')} of "
        f"{_count(event.steps_per_epoch, 'step')}; {begin}"
    )


def metrics_line(metrics: StepMetrics, config: RunConfig) -> str:
    """One step's numbers; D(G(z)) before and after D's update."""
    real, fake = score_names(config.train.score_kind)
    return (
        f"loss_D {_brief(metrics.loss_d)}  loss_G {_brief(metrics.loss_g)}  "
        f"{real} {_brief(metrics.d_real)}  "
        f"{fake} {_brief(metrics.d_fake_before)}/{_brief(metrics.d_fake_after)}"
    )


def measured_line(event: Evaluated) -> str:
    """A measurement's main figures."""
    names = ("precision", "recall", "coverage", "agreement")
    others = "  ".join(
        f"{name} {event.figures[name]:.3f}" for name in names if name in event.figures
    )
    best = "  best so far" if event.is_best else ""
    distance = f"{event.figures['frechet_distance']:.3g}"
    return (
        f"epoch {event.epoch}: Frechet distance {distance} ({event.measured_with})  {others}{best}"
    )


def _accelerated(way: str) -> str:
    return ", recorded as a CUDA graph" if way == "graph" else ""


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _brief(number: float) -> str:
    return f"{number:.3g}" if abs(number) >= 100 else f"{number:.3f}"


def closing_line(event: RunEnded, directory: Path, config: RunConfig) -> str:
    """How it ended, and what to do next."""
    at = f"at step {event.step} (epoch {event.epoch} of {config.train.epochs})"
    go_on = f"go on with: mnistgan train --resume {directory}"
    if event.reason == "finished":
        next_command = f"mnistgan sample --ckpt {directory / 'g.pt'} -n 100"
        return f"finished {at}; next: {next_command}"
    if not event.step:
        return "stopped before the first step; nothing was trained"
    if event.reason == "collapsed":
        return f"stopped by the watch {at}; saved; {go_on} --set watch.action=warn"
    if event.reason == "max_minutes":
        return f"time is up {at}; saved; {go_on}"
    return f"stopped {at}; saved; {go_on}"


def describe(trainer: Trainer, metrics: StepMetrics) -> None:
    """Print what a dry run found: both networks, the device, the data, and one step's numbers."""
    console = Console(stderr=True, highlight=False)
    config = trainer.config
    for line in (
        f"G: {trainer.generator}\nD: {trainer.discriminator}",
        f"on {trainer.device} in {trainer.precision}{_accelerated(trainer.acceleration)}",
        f"{len(trainer.data):,} images from {trainer.data.source}",
        f"step {metrics.step}: {metrics_line(metrics, config)}",
        *(f"mnistgan: warning: {note}" for note in trainer.data.notes),
    ):
        console.print(printable(line), markup=False, soft_wrap=True)
