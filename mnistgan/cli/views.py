"""What a terminal shows during training: a live view, or lines if stderr is not a terminal."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mnistgan import events
from mnistgan.arrays import Images
from mnistgan.cli.preview import preview
from mnistgan.cli.wording import for_shell
from mnistgan.runs import event_lines

if TYPE_CHECKING:
    from mnistgan.training.trainer import Trainer

# Minimum time between previews. Each one runs G on the fixed noise. With this interval, a run with
# all outputs and this view makes 0.97 of the bare trainer's steps per second, for the preset fast
# (benchmarks/results/recording.json).
_PREVIEW_SECONDS = 2.0


@contextlib.contextmanager
def training_view(trainer: Trainer, directory: Path, *, quiet: bool) -> Iterator[QuietView]:
    """A live view if stderr is a terminal, else plain lines; warnings only if quiet."""
    console = Console(stderr=True, highlight=False)
    if quiet:
        yield QuietView(console)
    elif console.is_terminal:
        with LiveView(console, trainer, directory) as view:
            yield view
    else:
        yield PlainView(console, trainer, directory)


class QuietView:
    """Shows only warnings."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def handle(self, event: events.Event) -> None:
        """Show the event if it is a warning."""
        if isinstance(event, events.Warned):
            self._print(for_shell(f"mnistgan: warning: {event.message}"))

    def _print(self, line: str) -> None:
        # If the program that reads stderr has ended, Rich raises SystemExit. Training continues.
        # soft_wrap: without a terminal, Rich would break lines at 80 columns.
        with contextlib.suppress(OSError, SystemExit):
            self.console.print(line, markup=False, soft_wrap=True)


class PlainView(QuietView):
    """Prints one line per epoch, or about 20 lines for a long run."""

    def __init__(self, console: Console, trainer: Trainer, directory: Path) -> None:
        super().__init__(console)
        self.directory = directory
        self._trainer = trainer
        self._config = trainer.config
        self._metrics: events.StepMetrics | None = None

    def handle(self, event: events.Event) -> None:
        """Show a line for the start, epochs, measurements and the end."""
        super().handle(event)
        match event:
            case events.RunStarted():
                self._print(event_lines.started(event, self.directory))
            case events.StepMetrics():
                self._metrics = event
            case events.Evaluated():
                self._print(event_lines.evaluated(event))
            case events.EpochEnded() if self._metrics is not None and self._is_shown(event.epoch):
                epochs = self._config.train.epochs
                numbers = event_lines.metrics(self._metrics, self._config)
                self._print(f"epoch {event.epoch}/{epochs}  step {event.step}  {numbers}")
            case events.RunEnded():
                self._print(event_lines.ended(event, self.directory, self._config))

    def _is_shown(self, epoch: int) -> bool:
        epochs = self._config.train.epochs
        return epoch in (1, epochs) or epoch % math.ceil(epochs / 20) == 0


class LiveView(PlainView):
    """Shows a progress bar, the latest numbers, and a preview of G's images."""

    def __init__(self, console: Console, trainer: Trainer, directory: Path) -> None:
        super().__init__(console, trainer, directory)
        self._drawn_at = -math.inf
        self._preview: RenderableType = ""
        self._evaluated = Text()
        self._closing = ""
        self._started: events.RunStarted | None = None
        # Rendered twice per second in a thread of Rich, from the values stored here: training
        # must not wait for the terminal.
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=2)

    def __enter__(self) -> LiveView:
        """Start drawing at the bottom of the terminal."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing, and print below the last picture how the run ended."""
        self._live.stop()
        if self._closing:
            self._print(self._closing)

    def handle(self, event: events.Event) -> None:
        """Store the latest numbers; draw a preview every two seconds and after each epoch."""
        match event:
            case events.RunStarted():
                self._started = event
                super().handle(event)
            case events.StepMetrics():
                self._metrics = event
                if time.monotonic() - self._drawn_at > _PREVIEW_SECONDS:
                    self._show(self._trainer.fixed_images())
            case events.EpochEnded():
                self._show(event.images)
            case events.Evaluated():
                self._evaluated = Text(event_lines.evaluated(event))
            case events.RunEnded():
                self._closing = event_lines.ended(event, self.directory, self._config)
            case _:
                super().handle(event)

    def _show(self, images: Images) -> None:
        console = self._live.console
        # The last line is the cursor's. Rich cuts off what is higher than the terminal.
        used = len(console.render_lines(self._numbers(), pad=False)) + 1
        self._preview = preview(images, console, console.height - used)
        self._drawn_at = time.monotonic()

    def _render(self) -> RenderableType:
        return Group(self._numbers(), self._preview)

    def _numbers(self) -> RenderableType:
        """All that is shown above the preview."""
        if self._started is None or self._metrics is None:
            return Text(event_lines.FIRST_STEP)
        progress = _progress_line(self._started, self._metrics, self._live.console.width)
        numbers = Text(event_lines.metrics(self._metrics, self._config))
        return Group(progress, numbers, *([self._evaluated] if self._evaluated else []))


def _progress_line(
    run: events.RunStarted, latest: events.StepMetrics, width: int
) -> RenderableType:
    """The progress, with a bar if the line has room for one."""
    epoch, numbers = event_lines.progress(run, latest)
    room = min(40, width - len(epoch) - len(numbers) - 2)
    if room < 8:
        return Text(f"{epoch} {numbers}")
    row = Table.grid(padding=(0, 1))
    row.add_row(epoch, ProgressBar(run.total_steps, latest.step, width=room), numbers)
    return row


def describe(trainer: Trainer, metrics: events.StepMetrics) -> None:
    """Print the result of a dry run: networks, device, data, and the numbers of one step."""
    console = Console(stderr=True, highlight=False)
    acceleration = event_lines.acceleration(trainer.acceleration)
    for line in (
        f"G: {trainer.generator}\nD: {trainer.discriminator}",
        f"on {trainer.device} in {trainer.precision}{acceleration}",
        f"{len(trainer.data):,} images from {trainer.data.source}",
        f"step {metrics.step}: {event_lines.metrics(metrics, trainer.config)}",
        *(f"mnistgan: warning: {note}" for note in trainer.data.notes),
    ):
        console.print(for_shell(line), markup=False, soft_wrap=True)
