"""The published data sets as a table for people."""

from __future__ import annotations

from pathlib import Path

from mnistgan.catalog import DATA_SETS, DataSet
from mnistgan.datasets import archives

HEAD = ("name", "images", "size", "classes", "license", "here", "source")


def rows(root: Path) -> list[tuple[str, ...]]:
    """One row per data set, under :data:`HEAD`; ``here`` says whether its files are in the root."""
    return [_row(data_set, root) for data_set in DATA_SETS.values()]


def _row(data_set: DataSet, root: Path) -> tuple[str, ...]:
    test = f" + {data_set.test.count:,}" if data_set.test else ""
    is_here = not archives.missing(data_set, root)
    return (
        data_set.name,
        f"{data_set.train.count:,}{test}",
        f"{data_set.side}x{data_set.side}",
        str(len(data_set.classes)),
        data_set.license,
        "yes" if is_here else f"no ({data_set.megabytes:,.0f} MB)",
        f"{data_set.about}; {data_set.source}",
    )
