"""The output ``metrics``: metrics.csv with one row per step, evaluations.csv per measurement."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, TextIO

from mnistgan.events import Evaluated, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.outputs.base import Output
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory


class Metrics(Output):
    """Writes losses and scores of every step to metrics.csv, measurements to evaluations.csv."""

    _file: TextIO
    _writer: Any
    _columns: Sequence[str] = tables.EVALUATIONS_COLUMNS

    def handle(self, event: Event) -> None:
        """Open metrics.csv at the start, add a row per event, and close it at the end."""
        match event:
            case RunStarted():
                run = RunDirectory(self.directory)
                self._file = tables.continue_table(
                    run.metrics_file, tables.METRICS_COLUMNS, event.step
                )
                self._writer = csv.writer(self._file, lineterminator="\n")
                if event.config.model.conditional:
                    self._columns = tables.LABELED_COLUMNS
                if event.config.evaluate.every or run.evaluations_file.exists():
                    tables.continue_table(run.evaluations_file, self._columns, event.step).close()
            case StepMetrics():
                self._writer.writerow(tables.metrics_row(event))
            case Evaluated():
                path = RunDirectory(self.directory).evaluations_file
                # A run that stopped between measuring and saving has already written a row for this
                # step, and measures again when it is resumed.
                with tables.continue_table(path, self._columns, event.step - 1) as file:
                    row = tables.evaluation_row(event, self._columns)
                    csv.writer(file, lineterminator="\n").writerow(row)
            case RunEnded():
                self._file.close()
