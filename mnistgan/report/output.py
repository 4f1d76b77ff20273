"""The output ``report``: the whole run on one page."""

from __future__ import annotations

from mnistgan.events import Event, RunEnded
from mnistgan.outputs.base import Output
from mnistgan.storage.run_directory import RunDirectory


class Report(Output):
    """Writes report.html, a page that needs no other file, when the run ends."""

    needs = ("metrics", "samples")

    def handle(self, event: Event) -> None:
        """Make it once, at the end, where there is a step to tell of."""
        if isinstance(event, RunEnded) and event.step:
            from mnistgan.report import page

            run = RunDirectory(self.directory)
            page.write(run, run.report_file)
