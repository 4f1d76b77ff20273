"""The output ``animation``: a run's sample grids as one animation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mnistgan.events import Event, RunEnded
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory


class Animation(Output):
    """Writes training.gif (or .webp, .mp4) from the sample grids when the run ends."""

    needs = ("samples",)

    class Options(OutputOptions):
        """Format and speed."""

        format: Literal["gif", "webp", "mp4"] = "gif"
        """"gif", "webp" or "mp4"."""
        fps: Annotated[float, Field(gt=0, le=60)] | None = None
        """Frames per second; by default chosen so that the animation lasts about ten seconds."""

    options: Options

    def handle(self, event: Event) -> None:
        """Write the animation when the run ends, if there are grids."""
        if isinstance(event, RunEnded):
            from mnistgan.rendering import animations

            run = RunDirectory(self.directory)
            if tables.existing_samples(run.samples):
                path = run.path / f"training.{self.options.format}"
                animations.animate_training(run, path, self.options.fps)
