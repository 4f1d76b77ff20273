"""Handing a run's events to its outputs; one that fails harms neither run nor neighbours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from mnistgan.events import Event, Warned
from mnistgan.outputs.base import Output
from mnistgan.outputs.registry import Prepared, in_words
from mnistgan.progress import CutOff


class Dispatcher:
    """The outputs of one run, in their order."""

    def __init__(self, prepared: Sequence[Prepared], directory: Path) -> None:
        self._prepared = {one.plugin.name: one for one in prepared}
        self._directory = directory
        self._live: dict[str, Output] = {}
        self._failed: dict[str, str] = {}

    def open(self) -> list[Warned]:
        """Make the outputs; returns a warning for each that could not be made."""
        warnings = []
        for name, prepared in self._prepared.items():
            try:
                self._live[name] = prepared.plugin.output(self._directory, prepared.options)
            except (Exception, SystemExit) as error:  # a plugin may raise anything
                warnings.append(self._switch_off(name, error))
        return warnings

    def handle(
        self,
        event: Event,
        guard: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> list[Warned]:
        """Give every output the event, inside the guard.

        Returns:
            A warning for each that failed on it, or that the guard cut off; the others then get it
            without one, so that they can close their files.
        """
        warnings = []
        for name, output in list(self._live.items()):
            try:
                with guard():
                    output.handle(event)
            except CutOff:
                guard = contextlib.nullcontext
                warnings.append(Warned(f"the output {name!r} was stopped; resume to have it done"))
            except (Exception, SystemExit) as error:  # a plugin may raise anything
                warnings.append(self._switch_off(name, error))
        return warnings

    def reminders(self) -> list[Warned]:
        """At a run's end, once more: which outputs were switched off on the way, and why."""
        return [
            Warned(f"the output {name!r} was switched off during this run ({reason})")
            for name, reason in self._failed.items()
        ]

    def _switch_off(self, name: str, error: BaseException) -> Warned:
        self._live.pop(name, None)
        self._failed[name] = in_words(error)
        return Warned(
            f"the output {name!r} of {self._prepared[name].plugin.origin} failed and is off from "
            f"here on ({self._failed[name]}); training goes on"
        )
