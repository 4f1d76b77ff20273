"""What a person sees while a run trains: a live view in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from mnistgan.cli.preview import preview
from mnistgan.config import RunConfig
from mnistgan.events import (
    EpochEnded,
    Event,
    Images,
    RunEnded,
    RunStarted,
    StepMetrics,
    Warned,
    brief,
    score_names,
)

if TYPE_CHECKING:
    from mnistgan.training import Trainer


class View(Protocol):
    """Something that shows a run's events."""

    def handle(self, event: Event) -> None:
        """Show one event."""


@contextlib.contextmanager
def training_view(directory: Path, *, quiet: bool) -> Iterator[View]:
    """The view that suits where stderr goes."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if quiet:
        yield WarningsOnly(console)
    elif console.is_terminal:
        view = LiveView(console, directory)
        with view.live:
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
            self.console.print(f"mnistgan: warning: {event.message}", markup=False)


class PlainView(WarningsOnly):
    """A line an epoch, or every few epochs of a long run."""

    def __init__(self, console: Console, directory: Path) -> None:
        super().__init__(console)
        self.directory = directory
        self._config = RunConfig()
        self._metrics: StepMetrics | None = None
        self._started: RunStarted | None = None

    def handle(self, event: Event) -> None:
        """Show the start, each epoch, and the end."""
        super().handle(event)
        match event:
            case RunStarted():
                self._started, self._config = event, event.config
                self._print(headline(event, self.directory))
            case StepMetrics():
                self._metrics = event
            case EpochEnded() if self._metrics is not None and self._is_shown(event.epoch):
                epochs = self._config.train.epochs
                numbers = metrics_line(self._metrics, self._config)
                self._print(f"epoch {event.epoch}/{epochs}  step {event.step}  {numbers}")
            case RunEnded():
                self._print(closing_line(event, self.directory, self._config))

    def _is_shown(self, epoch: int) -> bool:
        epochs = self._config.train.epochs
        return epoch in (1, epochs) or epoch % math.ceil(epochs / 20) == 0

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False)


class LiveView(PlainView):
    """A progress bar with the latest step's numbers, and a few digits as they are now."""

    def __init__(self, console: Console, directory: Path) -> None:
        super().__init__(console, directory)
        self._progress = Progress(*_columns(console.width), console=console, expand=False)
        self._task = TaskID(0)
        self._images: Images | None = None
        self.live = Live(
            get_renderable=self._render, console=console, refresh_per_second=8, transient=True
        )

    def handle(self, event: Event) -> None:
        """Move the bar; print what should stay above it."""
        match event:
            case RunStarted():
                super().handle(event)
                self._task = self._progress.add_task(
                    "", total=event.total_steps, completed=event.step, epoch="", rate=""
                )
            case StepMetrics():
                self._metrics = event
                per_step = self._config.train.batch_size * self._config.train.d_steps
                self._progress.update(
                    self._task,
                    completed=event.step,
                    epoch=f"epoch {event.epoch}/{self._config.train.epochs}",
                    rate=f"{event.images_per_second / per_step:,.0f} step/s",
                )
            case EpochEnded():
                self._images = event.images
            case _:
                super().handle(event)

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [self._progress]
        if self._metrics is not None:
            parts.append(Text(metrics_line(self._metrics, self._config)))
        if self._images is not None:
            parts.append(preview(self._images, self.live.console))
        return Group(*parts)


def _columns(width: int) -> list[TextColumn | BarColumn | TimeRemainingColumn]:
    """As many as the terminal has room for; the most useful first."""
    columns: list[TextColumn | BarColumn | TimeRemainingColumn] = [
        TextColumn("{task.fields[epoch]}"),
        BarColumn(bar_width=max(10, min(40, width - 70))),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
    ]
    if width >= 60:
        columns.append(TextColumn("{task.fields[rate]}"))
    if width >= 72:
        columns += [TimeRemainingColumn(), TextColumn("left")]
    return columns


def headline(event: RunStarted, directory: Path) -> str:
    """What is about to be trained, on what, where."""
    config = event.config
    size, channels = config.data.image_size, config.data.channels
    begin = f"going on after step {event.step}" if event.step else f"writing to {directory}"
    return (
        f"{config.model.family}, {config.train.loss}: G {event.parameters_g:,} and "
        f"D {event.parameters_d:,} weights, on {event.device}\n"
        f"{event.data_count:,} images of {size}x{size}x{channels} from {event.data_source}\n"
        f"{config.train.epochs} epochs of {event.steps_per_epoch} steps; {begin}"
    )


def metrics_line(metrics: StepMetrics, config: RunConfig) -> str:
    """One step's numbers; D(G(z)) before and after D's update."""
    real, fake = score_names(config.train.loss)
    return (
        f"loss_D {brief(metrics.loss_d)}  loss_G {brief(metrics.loss_g)}  "
        f"{real} {brief(metrics.d_real)}  "
        f"{fake} {brief(metrics.d_fake_before)}/{brief(metrics.d_fake_after)}"
    )


def closing_line(event: RunEnded, directory: Path, config: RunConfig) -> str:
    """How it ended, and what to do next."""
    at = f"at step {event.step} (epoch {event.epoch} of {config.train.epochs})"
    go_on = f"go on with: mnistgan train --resume {directory}"
    if event.reason == "finished":
        next_command = f"mnistgan sample --ckpt {directory / 'g.pt'} -n 100"
        return f"finished {at}; next: {next_command}"
    if not event.step:
        return "stopped before the first step; nothing was trained"
    if event.reason == "max_minutes":
        return f"time is up {at}; saved; {go_on}"
    return f"stopped {at}; saved; {go_on}"


def describe_networks(trainer: Trainer) -> None:
    """Print both networks, layer by layer."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"G: {trainer.generator}\nD: {trainer.discriminator}", markup=False)
    console.print(f"device {trainer.device}, {trainer.data.source}", markup=False)


def describe_step(metrics: StepMetrics, config: RunConfig) -> None:
    """Print one step's numbers."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"step {metrics.step}: {metrics_line(metrics, config)}", markup=False)
