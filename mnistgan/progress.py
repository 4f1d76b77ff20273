"""Progress reports of long work, and requests to stop it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Progress:
    """The progress of a task.

    Attributes:
        what: description for users, such as ``"sampling"``.
        done: number of units done.
        total: number of units in total; None if unknown.
        unit: unit that is counted.
    """

    what: str
    done: int
    total: int | None
    unit: Literal["images", "frames", "steps", "epochs", "bytes"] = "images"


OnProgress: TypeAlias = Callable[[Progress], None]
"""A function that long work calls repeatedly; another ``what`` means that the next task began."""


def no_progress(progress: Progress) -> None:
    """Ignore the progress: the default of every :data:`OnProgress` argument."""


class StopToken:
    """A request to stop, which long work checks whenever it can stop safely.

    A signal handler, a notebook or another thread calls :meth:`request`. The work then completes
    its current step or block and the files it is writing, and returns.
    """

    def __init__(self) -> None:
        self._requested = False
        self._cut_off_in: int | None = None  # the thread that is inside cutting_off()

    @property
    def requested(self) -> bool:
        """Whether the work should stop; it checks this before each step or block."""
        return self._requested

    def request(self) -> None:
        """Request the stop. May be called from signal handlers and from other threads.

        Raises:
            CutOff: a signal handler called this inside :meth:`cutting_off`.
        """
        self._requested = True
        # Python runs signal handlers in the main thread, between two bytecodes, so raising here
        # ends the work inside cutting_off(). From another thread, raising would end the caller
        # instead.
        if self._cut_off_in == threading.get_ident():
            self._cut_off_in = None  # once: a signal may come while cutting_off() is being left
            raise CutOff

    @contextlib.contextmanager
    def cutting_off(self) -> Iterator[None]:
        """A context for long work that can be repeated: a signal interrupts it at once.

        Raises:
            CutOff: the stop was requested before, or by a signal inside the context.
        """
        if self._requested:
            raise CutOff
        self._cut_off_in = threading.get_ident()
        try:
            yield
        finally:
            self._cut_off_in = None


class CutOff(BaseException):
    """Work was interrupted by a request to stop."""

    # Not an Exception: code that handles failures, such as that of outputs, must not catch it.
