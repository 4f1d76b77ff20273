"""The output ``animation``: the grids of a run as one moving picture."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mnistgan.events import Event, RunEnded
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory


class Animation(Output):
    """Writes training.gif (or .webp, .mp4) from the samples when the run ends."""

    needs = ("samples",)

    class Options(OutputOptions):
        """Format and speed."""

        format: Literal["gif", "webp", "mp4"] = "gif"
        """"gif", "webp" or "mp4"."""
        fps: Annotated[float, Field(gt=0, le=60)] | None = None
        """Frames a second; without it, such that the whole lasts about ten seconds."""

    options: Options

    def handle(self, event: Event) -> None:
        """Draw once, at the end."""
        if isinstance(event, RunEnded):
            from mnistgan.rendering import animations

            run = RunDirectory(self.directory)
            if tables.read_samples(run.samples):
                path = run.path / f"training.{self.options.format}"
                animations.animate_training(run, path, self.options.fps)
