"""What a run that is to be resumed has lost: rows of its tables, sample grids, its best generator.

Training goes on exactly without them, so they are reported, not refused.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mnistgan.config import RunConfig
from mnistgan.errors import FileFormatError, UsageError
from mnistgan.evaluation.monitor import Monitor
from mnistgan.storage import checkpoint, tables
from mnistgan.storage.run_directory import RunDirectory


def missing(
    run: RunDirectory, before: RunConfig, step: int, epoch: int, monitor: Monitor | None
) -> list[str]:
    """One sentence for each file that lacks something, with the first step or epoch it lacks.

    Args:
        run: the directory.
        before: the config that the run was last trained with.
        step: of the checkpoint to resume from.
        epoch: the last whole epoch before it.
        monitor: restored from the checkpoint, where the run is measured.
    """
    outputs = before.active_outputs()
    found: list[str] = []
    if "metrics" in outputs:
        found += _lost_steps(run, step)
        found += _lost_measurements(run, monitor)
    if "samples" in outputs:
        found += _lost_grids(run, outputs["samples"].get("epochs", "every"), epoch)
    if monitor and math.isfinite(monitor.best) and not is_intact(run.best_file):
        found.append(
            f"{run.best_file}: the best generator so far (Frechet distance {monitor.best:.3g}) is "
            "missing or damaged; the file is written again when a better one is measured"
        )
    return found


def _lost_steps(run: RunDirectory, step: int) -> Iterator[str]:
    there = tables.steps(run.metrics_file, tables.METRICS_COLUMNS)
    if lost := set(range(1, step + 1)) - there:
        yield f"{run.metrics_file}: {_ranges('step', lost)} of {step:,} cannot be restored"


def _lost_measurements(run: RunDirectory, monitor: Monitor | None) -> Iterator[str]:
    if monitor is None or not monitor.last:
        return
    # How often the run was measured may have changed, so only the last measurement is certain.
    there: set[int] = set()
    for columns in (tables.EVALUATIONS_COLUMNS, tables.LABELED_COLUMNS):
        there |= tables.steps(run.evaluations_file, columns)
    if monitor.last not in there:
        last = max((one for one in there if one < monitor.last), default=0)
        after = f"after step {last:,}" if last else "from the first"
        yield (
            f"{run.evaluations_file}: measurements {after}, up to step {monitor.last:,}, cannot be "
            "restored"
        )


def _lost_grids(run: RunDirectory, chosen: Any, epoch: int) -> Iterator[str]:
    expected = chosen if isinstance(chosen, list) else range(1, epoch + 1)
    try:
        there = {grid.epoch for grid in tables.existing_samples(run.samples)}
    except UsageError:
        there = set()
    if lost := {one for one in expected if isinstance(one, int) and one <= epoch} - there:
        yield (
            f"{run.samples}: the grids of {_ranges('epoch', lost)} cannot be restored; the "
            "animation is made without them"
        )


def is_intact(path: Path) -> bool:
    """Whether a generator file is there and can be read."""
    try:
        checkpoint.read_file(path)
    except FileFormatError:
        return False
    return True


def _ranges(what: str, numbers: Collection[int]) -> str:
    """The numbers as text, such as ``steps 1 to 7, 9 and 3 more gaps``."""
    ordered = sorted(numbers)
    firsts = [one for one in ordered if one - 1 not in numbers]
    lasts = [one for one in ordered if one + 1 not in numbers]
    gaps = [
        f"{first:,}" if first == last else f"{first:,} to {last:,}"
        for first, last in zip(firsts, lasts, strict=True)
    ]
    more = f" and {len(gaps) - 3} more gaps" if len(gaps) > 3 else ""
    return f"{what}{'s' if len(ordered) > 1 else ''} {', '.join(gaps[:3])}{more}"
