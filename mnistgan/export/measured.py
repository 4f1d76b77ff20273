"""The figures of a generator that is exported, from the files of an evaluation. Imports no torch.

``mnistgan.evaluation`` reads these files for tables and pages; this package is below it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnistgan.config.sections import UNNAMED, data_kind
from mnistgan.errors import UsageError
from mnistgan.storage import run_directory, tables
from mnistgan.storage.atomic import read_bytes
from mnistgan.storage.figures_file import is_outdated
from mnistgan.storage.run_directory import RunDirectory


@dataclass(frozen=True)
class Measured:
    """The figures of a generator.

    Attributes:
        n: number of images measured.
        figures: the figures that are finite numbers, by name.
        floor: the same figures for held-out real images; empty if they are unknown.
        floor_n: number of held-out images.
        data: name of the real images; ``unnamed`` in place of a path.
        classifier: name of the classifier; empty if it is unknown.
        verdict: the verdict in one sentence; empty if it is unknown.
    """

    n: int
    figures: Mapping[str, float]
    floor: Mapping[str, float] = field(default_factory=dict)
    floor_n: int = 0
    data: str = UNNAMED
    classifier: str = ""
    verdict: str = ""


def find(source: Path, data: str, step: int) -> Measured | None:
    """The figures of the generator that a path stands for; None if it was not measured.

    They are in the folder ``evaluation`` of a run directory or hub folder, which ``mnistgan
    evaluate`` wrote, or in the row of evaluations.csv with the generator's step.

    Args:
        source: run directory, folder of a model hub, or a file of one of these.
        data: name of the training data, with which evaluations.csv was made.
        step: step of the generator.

    Raises:
        UsageError: a file with figures cannot be read.
    """
    file = run_directory.generator_path(source)
    run = RunDirectory(file.parent.parent if file.parent.name == "checkpoints" else file.parent)
    # Without --out, an evaluation of any file writes to `evaluation` in the current folder, so this
    # folder is trusted only where an evaluation of the directory itself would write it.
    of_directory = source.is_dir() or (run.exists() and file.name == run.generator_file.name)
    path = run.figures_file
    if of_directory and path.is_file() and not is_outdated(path):
        return read(path)
    table = tables.read_evaluations(run.evaluations_file)
    rows = [row for row, one in enumerate(table["step"].tolist()) if one == step]
    if not rows:
        return None
    last = {name: float(column[rows[-1]]) for name, column in table.items()}
    return Measured(n=int(last["n"]), figures=_numbers(last), data=_public(data))


def read(path: Path) -> Measured:
    """Read a JSON file of ``mnistgan evaluate``.

    Raises:
        UsageError: the file cannot be read, or is another one.
    """
    try:
        content = json.loads(read_bytes(path))
        floor = content.get("floor") or {}
        return Measured(
            n=int(content["n"]),
            figures=_numbers(content["figures"]),
            floor=_numbers(floor),
            floor_n=int(content["floor_n"]) if floor else 0,
            data=_public(str(content["data"])),
            classifier=str(content["classifier"]["name"]),
            verdict=str(content.get("verdict", "")),
        )
    # The file may be of unknown origin: any mistake in it becomes this error.
    except Exception as error:
        raise UsageError(f"{path}: is not a file of mnistgan evaluate ({error!r})") from error


def _numbers(table: Mapping[str, Any]) -> dict[str, float]:
    numbers = {name: one for name, one in table.items() if type(one) in (int, float)}
    return {name: float(one) for name, one in numbers.items() if math.isfinite(one)}


def _public(data: str) -> str:
    """The name of a published data set; a path names folders of the machine that measured."""
    return data if data_kind(data) in ("published", "torchvision") else UNNAMED
