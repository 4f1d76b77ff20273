"""Tables for a terminal."""

from collections.abc import Iterable, Sequence

from rich.table import Column, Table
from rich.text import Text


def table(head: Sequence[str | Column], rows: Iterable[Sequence[str]]) -> Table:
    """A table without borders under a bold head; no cell is cropped, or read as markup."""
    made = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(*(Text(cell, overflow="fold") for cell in row))
    return made
