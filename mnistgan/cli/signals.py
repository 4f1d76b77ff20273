"""Signal handlers: request a stop, or end a command at once."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@dataclass
class Caught:
    """The signal that was received, if any."""

    signal: int | None = None


class LeftEarly(BaseException):
    """The signal of this number ended the command.

    Not a subclass of Exception, so that no ``except Exception`` on the way catches it.
    """


@contextlib.contextmanager
def stop_on(request: Callable[[], object]) -> Iterator[Caught]:
    """While this lasts, the first signal requests a stop instead of ending the process."""
    caught = Caught()

    def handle(number: int) -> None:
        caught.signal = number
        request()
        # A second signal ends the process at once, for users who do not want to wait. This is
        # safe, because files are written under temporary names and renamed when complete.
        signal.signal(number, signal.SIG_DFL)

    with _handled_by(handle):
        yield caught


def leave_at_once() -> contextlib.AbstractContextManager[None]:
    """While this lasts, a signal raises LeftEarly in the main thread.

    The exception passes through the context managers, which discard incomplete files.
    """

    def handle(number: int) -> None:
        raise LeftEarly(number)

    return _handled_by(handle)


@contextlib.contextmanager
def _handled_by(handle: Callable[[int], None]) -> Iterator[None]:
    """Install a handler for the signals, and restore the previous ones at the end."""
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
