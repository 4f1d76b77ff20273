"""The output ``tensorboard``: event files for TensorBoard."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from mnistgan.arrays import Images
from mnistgan.config import ScoreKind, toml
from mnistgan.events import EpochEnded, Evaluated, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.outputs.tracking import Scalars, measures, step_scalars


class TensorBoard(Output):
    """Writes curves, grids, measures and the config to the folder tensorboard/.

    To view them: tensorboard --logdir RUN (or --logdir runs, for all runs at once).
    """

    libraries: ClassVar = {"tensorboard": "mnistgan[tensorboard]"}

    class Options(OutputOptions):
        """How often to write."""

        every: Annotated[int, Field(ge=1)] = 1
        """Steps between two points of the curves."""

    options: Options
    _writer: Any  # a SummaryWriter, whose file_writer has no type in torch
    _kind: ScoreKind

    def handle(self, event: Event) -> None:
        """Open the event file, add scalars and images, and close it."""
        match event:
            case RunStarted():
                self._open(event)
            case StepMetrics() if event.step % self.options.every == 0:
                self._add_scalars(step_scalars(event, self._kind), event.step)
            case EpochEnded():
                self._add_grid("samples", event.images, event.step)
                # A checkpoint may follow. If the run is killed after it, the file must not be
                # behind.
                self._writer.flush()
            case Evaluated():
                self._add_scalars(measures(event.figures), event.step)
                self._writer.add_text("measured with", event.measured_with, event.step)
                self._writer.flush()
            case RunEnded():
                self._writer.close()

    def _open(self, event: RunStarted) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # purge_step hides events that a killed run wrote after its last checkpoint. Entries that
        # belong to no step get the number of the next one, so that they are purged with it.
        first = event.step + 1
        self._writer = SummaryWriter(str(self.folder("tensorboard")), purge_step=first)
        self._kind = event.config.train.score_kind
        text = toml.to_toml(toml.for_others(event.config))
        self._writer.add_text("config", f"```toml\n{text}```", first)
        self._add_hparams(event)
        self._add_grid("real", event.real_images, first)
        self._writer.flush()

    def _add_hparams(self, event: RunStarted) -> None:
        # Not SummaryWriter.add_hparams, which creates another run in a subfolder.
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        table = toml.flatten(toml.to_table(toml.for_others(event.config)))
        plain = {
            key: value if isinstance(value, str | int | float) else str(value)
            for key, value in table.items()
            if not key.startswith("outputs.")
        }
        self._writer.file_writer.add_summary(hparams_pb(plain), event.step + 1)

    def _add_scalars(self, scalars: Scalars, step: int) -> None:
        """Add all scalars as one event."""
        # SummaryWriter.add_scalar would write one event each, which takes four times as long.
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
        self._writer.file_writer.add_summary(Summary(value=values), step)

    def _add_grid(self, name: str, images: Images, step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        from mnistgan.rendering import grids

        picture = grids.grid(images)
        height, width = picture.shape[:2]
        # SummaryWriter.add_image would turn a gray image into three equal channels.
        image = Summary.Image(
            height=height,
            width=width,
            colorspace=1 if picture.ndim == 2 else 3,
            encoded_image_string=grids.to_png(picture),
        )
        summary = Summary(value=[Summary.Value(tag=name, image=image)])
        self._writer.file_writer.add_summary(summary, step)
