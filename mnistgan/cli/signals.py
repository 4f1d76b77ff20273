"""Signals become a request to stop, or end a command at once."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@dataclass
class Caught:
    """Which signal came, if any."""

    signal: int | None = None


class LeftEarly(BaseException):
    """A signal, of this number, ended the command; no Exception, so that no handler catches it."""


@contextlib.contextmanager
def stop_on(request: Callable[[], object]) -> Iterator[Caught]:
    """While this lasts, a signal requests the end of the work instead of ending the process."""
    caught = Caught()

    def handle(number: int) -> None:
        caught.signal = number
        request()
        # A second signal may kill the process: every file appears complete or not at all.
        signal.signal(number, signal.SIG_DFL)

    with _handled_by(handle):
        yield caught


def leave_at_once() -> contextlib.AbstractContextManager[None]:
    """While this lasts, a signal raises LeftEarly where the command is.

    Incomplete files are discarded then.
    """

    def handle(number: int) -> None:
        raise LeftEarly(number)

    return _handled_by(handle)


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
