"""The output ``samples``: a grid of fixed-noise images per epoch, and one of real images."""

from __future__ import annotations

import csv
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mnistgan.arrays import Images
from mnistgan.events import EpochEnded, Event, RunStarted
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory

_FIELD = r"\{(epoch|step)(:0\dd)?\}"


def _safe_pattern(pattern: str) -> str:
    # No slashes, and no other format fields: "{epoch.__class__}" would read attributes.
    if not re.fullmatch(rf"(?=.*{_FIELD})([\w .-]|{_FIELD}){{1,80}}\.png", pattern):
        raise ValueError("must be a file name like 'epoch_{epoch:03d}.png' with {epoch} or {step}")
    return pattern


class Samples(Output):
    """Writes samples/real.png, a PNG grid per epoch, and index.csv, which lists the grids."""

    class Options(OutputOptions):
        """Which epochs, and the file names."""

        epochs: Literal["every"] | list[Annotated[int, Field(ge=1)]] = "every"
        """"every", or a list such as [1, 5, 50]."""
        pattern: Annotated[str, AfterValidator(_safe_pattern)] = "epoch_{epoch:03d}.png"
        """File name of a grid; {epoch} and {step} are filled in."""

    options: Options

    def handle(self, event: Event) -> None:
        """Start or continue the index; then add a grid for each selected epoch."""
        match event:
            case RunStarted():
                folder = RunDirectory(self.directory).samples
                folder.mkdir(exist_ok=True)
                index = folder / "index.csv"
                tables.continue_table(index, tables.SAMPLES_COLUMNS, event.step).close()
                self._save("real.png", event.real_images)
            case EpochEnded() if (
                self.options.epochs == "every" or event.epoch in self.options.epochs
            ):
                name = self.options.pattern.format(epoch=event.epoch, step=event.step)
                # First the grid, then its row: the index never names a file that does not exist.
                self._save(name, event.images)
                index = RunDirectory(self.directory).samples / "index.csv"
                with index.open("a", encoding="utf-8", newline="") as file:
                    row = (event.epoch, event.step, name)
                    csv.writer(file, lineterminator="\n").writerow(row)

    def _save(self, name: str, images: Images) -> None:
        from mnistgan.rendering import grids

        grids.save_png(RunDirectory(self.directory).samples / name, grids.grid(images))
