"""Signals become a request to stop; a second one ends the process at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from mnistgan.progress import StopToken

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last does not exist on Windows


@dataclass
class Caught:
    """Which signal came, if any."""

    signal: int | None = None


@contextlib.contextmanager
def stop_on(token: StopToken) -> Iterator[Caught]:
    """While this lasts, a signal asks the token's work to stop instead of ending the process."""
    caught = Caught()
    if threading.current_thread() is not threading.main_thread():
        yield caught  # only the main thread may set handlers
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        caught.signal = number
        token.request()
        signal.signal(number, signal.SIG_DFL)  # every file appears whole or not at all

    before = {number: signal.signal(number, handle) for number in _numbers()}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def leave_at_once() -> Iterator[None]:
    """While this lasts, a signal ends the command where it stands, cleaning up on its way.

    For work that can be cut off anywhere because it writes nothing under a final name.

    Raises:
        LeftEarly: a signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        raise LeftEarly(number)

    before = {number: signal.signal(number, handle) for number in _numbers()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class LeftEarly(BaseException):
    """A signal ended the command; no Exception, so that nothing takes it for a fault."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _numbers() -> list[int]:
    """The signals to take; not one that is ignored, as SIGHUP is under nohup."""
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
