"""What a run's numbers say, in sentences that are computed from them. Imports no torch."""

from __future__ import annotations

import numpy as np

from mnistgan.rendering.curves import MetricsTable

_SAME = 0.05
"""Frechet distances that differ by less of the greater one are called the same: two draws of a few
thousand images from one generator differ by some hundredths."""


def growth(evaluations: MetricsTable, has_best: bool = False) -> list[str]:
    """How the quality of a run's images grew; empty where nothing was measured.

    Args:
        evaluations: the columns of evaluations.csv; rows without a finite Frechet distance are left
            out.
        has_best: whether the run has kept the generator that measured best.
    """
    finite = np.isfinite(evaluations["frechet_distance"])
    table = {name: column[finite] for name, column in evaluations.items()}
    if not finite.any():
        return []
    if len(table["epoch"]) == 1:
        return [_once(table), *_at_the_end(table)]
    sentences = [
        _way(table),
        _best(table, has_best),
        _half_way(table),
        _late(table),
        _manifold(table),
    ]
    return [sentence for sentence in sentences if sentence] + _at_the_end(table)


def number(value: float) -> str:
    """Three digits, which is what these figures are good for."""
    text = f"{value:.3g}"
    return f"{value:,.0f}" if "e+" in text and abs(value) < 1e9 else text


def percent(share: float) -> str:
    """``81 %``."""
    return f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """``45 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def count(many: int, thing: str) -> str:
    """``1 epoch``, ``1,200 epochs``, ``2 classes``."""
    plural = "es" if thing.endswith("s") else "s"
    return f"{many:,} {thing}{'' if many == 1 else plural}"


def _once(table: MetricsTable) -> str:
    return (
        f"The run was measured once, after epoch {_epoch(table, 0)}: its Frechet distance was "
        f"{number(table['frechet_distance'][0])}."
    )


def _way(table: MetricsTable) -> str:
    """From the first measurement to the last."""
    distance = table["frechet_distance"]
    first, last = float(distance[0]), float(distance[-1])
    between = f"Between epoch {_epoch(table, 0)} and epoch {_epoch(table, -1)} the Frechet distance"
    if _same(first, last):
        return f"{between} stayed about what it was: {number(first)} at first, {number(last)} last."
    if last < first:
        share = 1 - last / first
        return f"{between} fell from {number(first)} to {number(last)}, by {percent(share)}."
    return f"{between} rose from {number(first)} to {number(last)}: the images got worse."


def _best(table: MetricsTable, has_best: bool) -> str:
    """Where it was lowest, unless that is where it ended."""
    distance = table["frechet_distance"]
    best = int(distance.argmin())
    if _same(float(distance[best]), float(distance[-1])):
        return "The run ended about as good as it ever was." if len(distance) > 2 else ""
    kept = "; g-best.pt is the generator of that epoch" if has_best else ""
    return f"It was lowest, {number(distance[best])}, after epoch {_epoch(table, best)}{kept}."


def _half_way(table: MetricsTable) -> str:
    """How soon the better half of the way was done."""
    distance = table["frechet_distance"]
    first, best = float(distance[0]), float(distance.min())
    if len(distance) < 4 or _same(first, best):
        return ""
    reached = int(np.argmax(distance <= first - (first - best) / 2))
    return f"Half of the way down was done by epoch {_epoch(table, reached)}."


def _late(table: MetricsTable) -> str:
    """Whether it was still getting better, from the last third of the measurements."""
    distance = table["frechet_distance"]
    if len(distance) < 6:
        return ""
    before = len(distance) - len(distance) // 3 - 1
    then, last = float(distance[before]), float(distance[-1])
    since = f"since epoch {_epoch(table, before)}"
    if _same(then, last):
        return f"It has hardly moved {since}: more of the same training would change little."
    if last < then:
        return f"It was still falling at the end, by {percent(1 - last / then)} {since}."
    return f"It has risen {since}, by {percent(last / then - 1)}." if then > 0 else ""


def _manifold(table: MetricsTable) -> str:
    """What became of precision and recall."""
    names = ("precision", "recall")
    if not all(np.isfinite(table[name][[0, -1]]).all() for name in names):
        return ""
    (precision_then, precision), (recall_then, recall) = (
        (float(table[name][0]), float(table[name][-1])) for name in names
    )
    said = (
        f"Precision went from {number(precision_then)} to {number(precision)} and recall from "
        f"{number(recall_then)} to {number(recall)}"
    )
    if recall < precision - 0.1:
        return f"{said}: what G draws looks real more often than it covers what is real."
    if precision < recall - 0.1:
        return f"{said}: G covers what is real, and draws much besides that does not look real."
    return f"{said}."


def _at_the_end(table: MetricsTable) -> list[str]:
    """Whether all classes came, and were those that were asked for."""
    sentences = []
    missing = table["missing_classes"][-1]
    if missing == 0:
        sentences.append("In the last measurement no class was missing.")
    elif np.isfinite(missing):
        sentences.append(f"In the last measurement {count(int(missing), 'class')} hardly came.")
    if "agreement" in table and np.isfinite(agreement := table["agreement"][-1]):
        sentences.append(
            f"The classifier saw the class that was asked for in {percent(float(agreement))} of "
            "the images."
        )
    return sentences


def _epoch(table: MetricsTable, place: int) -> int:
    return int(table["epoch"][place])


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(abs(one), abs(other))
