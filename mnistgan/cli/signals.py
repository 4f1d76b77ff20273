"""Signals become a request to stop, or end a command at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mnistgan.progress import StopToken

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@dataclass
class Caught:
    """Which signal came, if any."""

    signal: int | None = None


class LeftEarly(BaseException):
    """A signal ended the command; not an Exception, so that no handler of errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stop_on(token: StopToken) -> Iterator[Caught]:
    """While this lasts, a signal asks the token's work to stop instead of ending the process."""
    caught = Caught()

    def handle(number: int) -> None:
        caught.signal = number
        token.request()
        # A second signal may kill the process: every file appears complete or not at all.
        signal.signal(number, signal.SIG_DFL)

    with _handled_by(handle):
        yield caught


@contextlib.contextmanager
def leave_at_once() -> Iterator[None]:
    """While this lasts, a signal ends the command where it is; incomplete files are discarded.

    Raises:
        LeftEarly: a signal came.
    """

    def handle(number: int) -> None:
        raise LeftEarly(number)

    with _handled_by(handle):
        yield


@contextlib.contextmanager
def _handled_by(handle: Callable[[int], None]) -> Iterator[None]:
    """Install a handler of the signals, and restore the earlier ones at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread set handlers
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # An ignored signal stays ignored, such as SIGHUP under nohup.
    taken = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda number, _: handle(number)) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
