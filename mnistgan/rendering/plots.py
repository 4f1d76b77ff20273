"""The style of plots, and their files as PNG, SVG or PDF. Does not import torch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mnistgan.errors import printable
from mnistgan.storage.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")

# The first four are the colors of the report's lines. Dark enough for thin lines on white paper.
COLORS = (
    "#0a5ea8", "#b8500a", "#4b7a2b", "#7a3f9d", "#b5277a", "#0f7f86", "#8a6d00", "#55585e",
)  # fmt: skip

QUIET = "#5f646d"
"""Color of guides and notes."""

WIDTH, HEIGHT = 3.4, 2.9
"""Size of a panel in inches: three panels at the width of a printed page still have letters of 6
points."""


def colors(count: int) -> Sequence[str]:
    """Colors for this many curves; for more than eight, those of a rainbow."""
    if count <= len(COLORS):
        return COLORS[:count]
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [
        to_hex(colormaps["turbo"](0.9 * number / (count - 1) + 0.05)) for number in range(count)
    ]


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Apply the style of all plots; artists take it when they are created, files when saved."""
    from matplotlib import rc_context

    with rc_context(
        {
            "font.size": 9,
            "axes.labelsize": 9,
            "legend.fontsize": 8,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.frameon": False,
            "legend.handlelength": 1.6,
            "legend.columnspacing": 1.2,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": QUIET,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.alpha": 0.25,
            "figure.dpi": 180,
            # Letters as text, which can be searched and edited, instead of shapes.
            "svg.fonttype": "none",
            "pdf.fonttype": 42,
            # Without a fixed salt, the same plot would have other IDs each time.
            "svg.hashsalt": "mnistgan",
        }
    ):
        yield


def new_figure(columns: int, width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Create an empty figure for this many panels side by side."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    # Not pyplot: it keeps global state and may select a window system's backend.
    size = (width * columns, height)
    return Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08))


def save(figure: Figure, path: Path) -> None:
    """Write a figure as .png, .svg or .pdf, atomically; the same figure gives the same bytes."""
    kind = path.suffix.lower()
    # Without a date, the same figure gives the same file.
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(kind)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=kind[1:], metadata=metadata)


def plain_text(name: str) -> str:
    """A name of any characters as matplotlib's text, in which a dollar sign begins a formula."""
    return printable(name).replace("\n", "\\n").replace("$", r"\$")


def count_axis(axes: Axes) -> None:
    """Ticks of the x axis as whole numbers with thousands separators."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def is_wide(values: npt.NDArray[np.float64]) -> bool:
    """Whether a logarithmic axis shows more of these values, of which some may not be finite."""
    finite = values[np.isfinite(values)]
    # With less than a factor of 10, the ticks 1, 2 and 5 would be too few.
    return bool(len(finite) and finite.min() > 0 and finite.max() >= 10 * finite.min())


def widened(low: float, high: float) -> tuple[float, float]:
    """Limits of a linear axis of at least 5% of the greatest value: less looks like change."""
    lack = max((0.05 * max(abs(low), abs(high)) or 1.0) - (high - low), 0.0)
    return low - lack / 2, high + lack / 2


def value_axis(axes: Axes, log: bool) -> None:
    """Ticks of the y axis as plain numbers: no common factor, offset or power of ten.

    Args:
        axes: axes with their final limits, or with data from which these follow.
        log: whether the axis is logarithmic.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, ScalarFormatter

    if log:
        axes.set_yscale("log")
    low, high = axes.get_ylim()
    if log:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 1e4 else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    elif max(abs(low), abs(high)) >= 1000:
        # ScalarFormatter has no thousands separators, except those of a locale.
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _with_commas(value)))
    else:
        formatter = ScalarFormatter(useOffset=False)
        formatter.set_scientific(False)
        axes.yaxis.set_major_formatter(formatter)


def _with_commas(value: float) -> str:
    return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")
