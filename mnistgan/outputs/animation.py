"""The output ``animation``: a run's sample grids as one animation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mnistgan.events import Event, RunEnded
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.rendering.formats import GIF_MAX_FPS
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
        """Frames per second; by default chosen so that the animation lasts about ten seconds.
        A GIF plays at most 50."""

        @model_validator(mode="after")
        def _gif_is_limited(self) -> Animation.Options:
            if self.format == "gif" and (self.fps or 0) > GIF_MAX_FPS:
                raise ValueError(
                    f"a GIF plays at most {GIF_MAX_FPS}; use fps = {GIF_MAX_FPS}, or "
                    'format = "webp" or "mp4"'
                )
            return self

    options: Options

    def handle(self, event: Event) -> None:
        """Write the animation when the run ends, if there are grids."""
        if isinstance(event, RunEnded):
            # Imported here: imageio and Pillow would slow down the start of every run.
            from mnistgan.rendering import animations

            run = RunDirectory(self.directory)
            if tables.existing_samples(run.samples):
                path = run.path / f"training.{self.options.format}"
                animations.animate_training(run, path, self.options.fps)
