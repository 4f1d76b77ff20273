"""The output ``curves``: losses, D's scores and measurements as a plot."""

from __future__ import annotations

from typing import Literal

from mnistgan.events import Event, RunEnded
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.storage.run_directory import RunDirectory


class Curves(Output):
    """Writes curves.png (or .svg, .pdf) from metrics.csv when the run ends."""

    needs = ("metrics",)

    class Options(OutputOptions):
        """Format."""

        format: Literal["png", "svg", "pdf"] = "png"
        """"png", "svg" or "pdf"."""

    options: Options

    def handle(self, event: Event) -> None:
        """Draw the plot when the run ends, if a step was taken."""
        if isinstance(event, RunEnded) and event.step:
            from mnistgan.rendering import curves

            run = RunDirectory(self.directory)
            curves.plot_runs([run], run.path / f"curves.{self.options.format}")
