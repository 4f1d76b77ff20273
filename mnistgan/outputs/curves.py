"""The output ``curves``: losses and D's scores as a picture."""

from __future__ import annotations

from typing import Literal

from mnistgan import history
from mnistgan.config import ScoreKind
from mnistgan.events import Event, RunEnded, RunStarted
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.rundir import RunDirectory


class Curves(Output):
    """Writes curves.png (or .svg, .pdf) from metrics.csv when the run ends."""

    needs = ("metrics",)

    class Options(OutputOptions):
        """Format."""

        format: Literal["png", "svg", "pdf"] = "png"
        """"png", "svg" or "pdf"."""

    options: Options
    _scores: ScoreKind = "probability"

    def handle(self, event: Event) -> None:
        """Draw once, at the end, where there is a step to draw."""
        match event:
            case RunStarted():
                self._scores = event.config.train.score_kind
            case RunEnded() if event.step:
                from mnistgan import rendering

                run = RunDirectory(self.directory)
                path = run.path / f"curves.{self.options.format}"
                metrics = history.read_metrics(run.metrics_file)
                rendering.save_curves(path, {run.path.name: metrics}, [self._scores])
