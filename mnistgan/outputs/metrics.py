"""The output ``metrics``: metrics.csv, a row a step."""

from __future__ import annotations

import csv
from typing import Any, TextIO

from mnistgan import history
from mnistgan.events import Event, RunEnded, RunStarted, StepMetrics
from mnistgan.outputs.base import Output
from mnistgan.rundir import RunDirectory


class Metrics(Output):
    """Writes every step's losses and scores to metrics.csv."""

    _file: TextIO
    _writer: Any

    def handle(self, event: Event) -> None:
        """Open at the start, write each step, close at the end."""
        match event:
            case RunStarted():
                path = RunDirectory(self.directory).metrics_file
                self._file = history.continue_table(path, history.METRICS_COLUMNS, event.step)
                self._writer = csv.writer(self._file, lineterminator="\n")
            case StepMetrics():
                self._writer.writerow(history.metrics_row(event))
            case RunEnded():
                self._file.close()
