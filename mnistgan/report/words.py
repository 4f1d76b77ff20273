"""Sentences about the quality of a run, and formatted values. Imports no torch."""

from __future__ import annotations

import numpy as np

from mnistgan.rendering.curves import MetricsTable

_SAME = 0.05
"""Frechet distances count as equal if they differ by at most this share of the larger one. Two
samples of a few thousand images from the same generator differ by a few percent."""


def growth(evaluations: MetricsTable, best_epoch: int | None = None) -> list[str]:
    """Sentences about the change of image quality during a run; empty without measurements.

    Args:
        evaluations: columns of evaluations.csv; rows without a finite Frechet distance are ignored.
        best_epoch: the epoch of the generator in g-best.pt, if there is one.
    """
    # A collapsed G can have an infinite distance, about which no sentence below makes sense.
    finite = np.isfinite(evaluations["frechet_distance"])
    if not finite.any():
        return []
    table = {name: column[finite] for name, column in evaluations.items()}
    epochs = [int(epoch) for epoch in table["epoch"]]
    distances = table["frechet_distance"].tolist()
    if len(epochs) == 1:
        sentences = [
            f"The run was measured once, after epoch {epochs[0]}: its Frechet distance was "
            f"{number(distances[0])}."
        ]
    else:
        sentences = [
            _overall(epochs, distances),
            _best(epochs, distances),
            _halfway(epochs, distances),
            _trend(epochs, distances),
            _manifold(table),
        ]
    if best_epoch is not None and best_epoch != epochs[-1]:
        sentences.append(f"g-best.pt holds the generator of epoch {best_epoch}.")
    return [sentence for sentence in (*sentences, *_missing_classes(table)) if sentence]


def number(value: float | None) -> str:
    """Three significant digits; a dash for None."""
    if value is None:
        return "-"
    text = f"{value:.3g}"
    return f"{value:,.0f}" if "e+" in text and abs(value) < 1e9 else text


def percent(share: float) -> str:
    """``81%``."""
    return f"{100 * share:.0f}%"


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


def _overall(epochs: list[int], distances: list[float]) -> str:
    """The change from the first measurement to the last."""
    first, last = distances[0], distances[-1]
    between = f"Between epoch {epochs[0]} and epoch {epochs[-1]} the Frechet distance"
    if _same(first, last):
        return f"{between} stayed about the same: {number(first)} at first, {number(last)} at last."
    if last < first:
        fall = f", by {percent(1 - last / first)}" if last >= 0 else ""
        return f"{between} fell from {number(first)} to {number(last)}{fall}."
    return f"{between} rose from {number(first)} to {number(last)}: the images got worse."


def _best(epochs: list[int], distances: list[float]) -> str:
    """The epoch with the lowest distance, unless it is the last one or nothing changed."""
    best = min(distances)
    if _same(best, distances[-1]):
        if len(distances) < 3 or distances[-1] > distances[0] or _same(best, distances[0]):
            return ""
        as_good = "" if distances[-1] == best else "about as good as "
        return f"The last measurement is {as_good}the best."
    return f"It was lowest after epoch {epochs[distances.index(best)]}, at {number(best)}."


def _halfway(epochs: list[int], distances: list[float]) -> str:
    """The epoch that reached half of the decrease, if the distance fell from start to end.

    Empty if it was lower in between: it then reached half of a decrease that did not last.
    """
    first, last = distances[0], distances[-1]
    # With fewer measurements, the epoch of one says little about when half was reached.
    if len(distances) < 4 or last > first or _same(first, last):
        return ""
    if not _same(min(distances), last):
        return ""
    half = last + (first - last) / 2
    reached = next(
        epoch for epoch, distance in zip(epochs, distances, strict=True) if distance <= half
    )
    return f"Half of the decrease was reached by epoch {reached}." if reached < epochs[-1] else ""


def _trend(epochs: list[int], distances: list[float]) -> str:
    """How the distance developed in the last third of the measurements."""
    # A third of at least six: a single difference between neighbors would be noise.
    if len(distances) < 6:
        return ""
    before = -(len(distances) // 3) - 1
    then, last = distances[before], distances[-1]
    since = f"since epoch {epochs[before]}"
    is_steady = _is_steady(distances, before)
    if not is_steady and all(_same(distance, last) for distance in distances[before:]):
        if all(_same(distance, last) for distance in distances):
            return ""  # that it stayed the same was said
        return (
            f"It hardly changed {since}: longer training with these settings would change little."
        )
    has_moved = is_steady or not _same(then, last)
    if last < then and last == min(distances[before:]) and has_moved:
        fall = f", by {percent(1 - last / then)}" if last >= 0 else ""
        return f"It was still falling at the end{fall} {since}."
    if last > then > 0 and has_moved:
        return f"It rose {since}, by {percent(last / then - 1)}."
    return f"It moved up and down {since}."


def _is_steady(distances: list[float], before: int) -> bool:
    """Whether the change from start to end went on since then, at half its pace or more.

    Each step of a slow change may be within :data:`_SAME`.
    """
    first, last = distances[0], distances[-1]
    if _same(first, last):
        return False
    sign = 1 if last > first else -1
    late = np.diff(distances[before:]) * sign
    pace = abs(last - first) / (len(distances) - 1)
    return bool((late > 0).all() and late.mean() >= pace / 2)


def _manifold(table: MetricsTable) -> str:
    """The change of precision and recall."""
    values = [table[name][at] for name in ("precision", "recall") for at in (0, -1)]
    if not np.isfinite(values).all():
        return ""
    change = f"{_change('Precision', *values[:2])} and {_change('recall', *values[2:])}"
    _, precision, _, recall = values
    if precision < 0.1 and recall < 0.1:
        return f"{change}: hardly any image looks real."
    if recall < precision - 0.1:
        few = "but hardly vary" if recall < 0.05 else "but cover only some of the real ones"
        return f"{change}: {percent(precision)} of the images look real, {few}."
    if precision < recall - 0.1:
        return f"{change}: G covers the real images, but also draws many that do not look real."
    return f"{change}."


def _change(name: str, then: float, now: float) -> str:
    if number(then) == number(now):
        return f"{name} stayed at {number(now)}"
    return f"{name} went from {number(then)} to {number(now)}"


def _missing_classes(table: MetricsTable) -> list[str]:
    """Sentences about missing classes and, for a conditional G, about requested ones."""
    sentences = []
    missing = table["missing_classes"][-1]
    if missing == 0:
        sentences.append("In the last measurement, no class was missing.")
    elif np.isfinite(missing):
        sentences.append(
            f"In the last measurement, {count(int(missing), 'class')} hardly appeared."
        )
    if "agreement" in table and np.isfinite(agreement := table["agreement"][-1]):
        sentences.append(
            f"The classifier recognized the requested class in {percent(agreement)} of the images."
        )
    return sentences


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(abs(one), abs(other))
