"""Passes the events of a run to its outputs; a failing output does not affect the run or others."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from mnistgan.events import Event, Warned
from mnistgan.outputs import process_state
from mnistgan.outputs.base import Output
from mnistgan.outputs.registry import Prepared
from mnistgan.plugins import one_line
from mnistgan.progress import CutOff


class Dispatcher:
    """The outputs of one run, in order."""

    def __init__(self, prepared: Sequence[Prepared], directory: Path) -> None:
        self._prepared = {one.plugin.name: one for one in prepared}
        self._directory = directory
        self._live: dict[str, Output] = {}
        self._failed: dict[str, str] = {}
        self._undone: set[tuple[str, str]] = set()  # (output, what it changes): warned about once
        # Ours change nothing, and reading the state takes 10 microseconds per output and step.
        self._foreign = {one.plugin.name for one in prepared if one.plugin.package != "mnistgan"}

    def open(self) -> list[Warned]:
        """Create the outputs; return a warning for each that could not be created."""
        warnings = []
        before = process_state.read() if self._foreign else ()
        for name, prepared in self._prepared.items():
            try:
                self._live[name] = prepared.plugin.output(self._directory, prepared.options)
            # Plugins are other people's code and may raise anything. KeyboardInterrupt is the
            # user's and passes through.
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                warnings.append(self._disable(name, error))
            warnings += self._undo(name, before)
        return warnings

    def handle(
        self,
        event: Event,
        guard: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> list[Warned]:
        """Pass an event to every output.

        Args:
            event: the event.
            guard: creates a context in which an output runs; it raises :class:`CutOff` to stop it.

        Returns:
            A warning for each output that failed or was stopped. After a stop, the remaining
            outputs receive the event without the guard, so that they can close their files.
        """
        warnings = []
        before = process_state.read() if self._foreign else ()
        for name, output in list(self._live.items()):  # a copy: a failing output is removed
            try:
                with guard():
                    output.handle(event)
            except CutOff:
                guard = contextlib.nullcontext
                warnings.append(
                    Warned(f"the output {name!r} was stopped; resume the run to complete it")
                )
            except KeyboardInterrupt:
                raise  # the user's own, where no handler of ours turns it into a stop
            except BaseException as error:  # a plugin may raise anything
                warnings.append(self._disable(name, error))
            warnings += self._undo(name, before)
        return warnings

    def reminders(self) -> list[Warned]:
        """Warnings for the end of a run: the outputs that were disabled, and the reasons."""
        return [
            Warned(f"the output {name!r} was disabled during this run ({reason})")
            for name, reason in self._failed.items()
        ]

    def _undo(self, name: str, before: process_state.State) -> list[Warned]:
        """Undo what an output changed in the process; a warning for each thing, the first time."""
        if name not in self._foreign:
            return []
        changes = {(name, what) for what in process_state.restore(before)} - self._undone
        self._undone |= changes
        origin = self._prepared[name].plugin.origin
        return [
            Warned(f"the output {name!r} of {origin} changed {what}; it was changed back")
            for _, what in sorted(changes)
        ]

    def _disable(self, name: str, error: BaseException) -> Warned:
        self._live.pop(name, None)
        self._failed[name] = one_line(error)
        return Warned(
            f"the output {name!r} of {self._prepared[name].plugin.origin} failed and is disabled "
            f"from now on ({self._failed[name]}); training continues"
        )
