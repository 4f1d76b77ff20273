"""The output ``metrics``: metrics.csv, a row a step; evaluations.csv, a row a measurement."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, TextIO

from mnistgan import history
from mnistgan.events import Evaluated, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.outputs.base import Output
from mnistgan.rundir import RunDirectory


class Metrics(Output):
    """Writes every step's losses and scores to metrics.csv, and measurements to evaluations.csv."""

    _file: TextIO
    _writer: Any
    _columns: Sequence[str] = history.EVALUATIONS_COLUMNS

    def handle(self, event: Event) -> None:
        """Open at the start, write each step, close at the end."""
        match event:
            case RunStarted():
                run = RunDirectory(self.directory)
                self._file = history.continue_table(
                    run.metrics_file, history.METRICS_COLUMNS, event.step
                )
                self._writer = csv.writer(self._file, lineterminator="\n")
                if event.config.model.conditional:
                    self._columns = history.LABELLED_COLUMNS
                if event.config.evaluate.every or run.evaluations_file.exists():
                    history.continue_table(run.evaluations_file, self._columns, event.step).close()
            case StepMetrics():
                self._writer.writerow(history.metrics_row(event))
            case Evaluated():
                path = RunDirectory(self.directory).evaluations_file
                # A run that was stopped between measuring and saving has the row already.
                with history.continue_table(path, self._columns, event.step - 1) as file:
                    row = history.evaluation_row(event, self._columns)
                    csv.writer(file, lineterminator="\n").writerow(row)
            case RunEnded():
                self._file.close()
