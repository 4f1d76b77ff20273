"""How long work tells how far it is, and how it is asked to stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is.

    Attributes:
        what: the work, for people: ``"sampling"``.
        done: units behind it.
        total: units in all; None where nobody knows.
        unit: what is counted.
    """

    what: str
    done: int
    total: int | None
    unit: Literal["images", "frames", "steps", "epochs", "bytes"] = "images"


OnProgress: TypeAlias = Callable[[Progress], None]
"""Called now and then by long work; a change of ``what`` is the next piece of work."""


def no_progress(progress: Progress) -> None:
    """An :data:`OnProgress` for those who do not want to know."""


class StopToken:
    """A request to stop that long work polls at its next safe moment.

    The command line sets it from a signal handler, a notebook or another thread by calling
    :meth:`request`; the work finishes what it holds, leaves its files whole, and returns.
    """

    def __init__(self) -> None:
        self._requested = False
        self._cut_off_in: int | None = None  # the thread whose work may be cut off now

    @property
    def requested(self) -> bool:
        """Whether the work should stop; polled by it once for each step or block."""
        return self._requested

    def request(self) -> None:
        """Ask for the stop. Safe in signal handlers and from other threads.

        Raises:
            CutOff: from a signal's handler, inside :meth:`cutting_off`.
        """
        self._requested = True
        if self._cut_off_in == threading.get_ident():
            self._cut_off_in = None  # once: a signal may come while cutting_off() is being left
            raise CutOff

    @contextlib.contextmanager
    def cutting_off(self) -> Iterator[None]:
        """For long work that nothing is lost with: a signal does not wait for its end.

        Raises:
            CutOff: the stop was requested before, or by a signal that came meanwhile.
        """
        if self._requested:
            raise CutOff
        self._cut_off_in = threading.get_ident()
        try:
            yield
        finally:
            self._cut_off_in = None


class CutOff(BaseException):
    """Work was left where it stood; no Exception, so that nothing takes it for a fault."""
