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

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
