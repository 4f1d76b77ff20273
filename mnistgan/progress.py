"""How long work tells how far it is, and how it is asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total), in the units of the work at hand."""


def no_progress(done: int, total: int) -> None:
    """An :data:`OnProgress` for those who do not want to know."""


class StopToken:
    """A request to stop that long work polls at its next safe moment.

    The command line sets it from a signal handler, a notebook or another thread by calling
    :meth:`request`; the work finishes what it holds, leaves its files whole, and returns.
    """

    def __init__(self) -> None:
        self._requested = False

    @property
    def requested(self) -> bool:
        """Whether the work should stop; polled by it once for each step or block."""
        return self._requested

    def request(self) -> None:
        """Ask for the stop. Safe in signal handlers and from other threads."""
        self._requested = True
