"""The output ``report``: a page about the whole run."""

from __future__ import annotations

from mnistgan.events import Event, RunEnded
from mnistgan.outputs.base import Output
from mnistgan.storage.run_directory import RunDirectory


class Report(Output):
    """Writes report.html, a self-contained page about the run, when the run ends."""

    needs = ("metrics", "samples")

    def handle(self, event: Event) -> None:
        """Write the page when the run ends, if a step was taken."""
        if isinstance(event, RunEnded) and event.step:
            # Here, because planning a run imports its outputs, and must not import torch.
            from mnistgan.report import page

            run = RunDirectory(self.directory)
            page.write(run, run.report_file)
