"""Handing a run's events to its outputs; one that fails harms neither run nor neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnistgan.events import Event, Warned
from mnistgan.outputs.base import Output
from mnistgan.outputs.registry import Prepared, in_words


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
                self._live[name] = prepared.create(self._directory)
            except (Exception, SystemExit) as error:  # a plugin may raise anything
                warnings.append(self._switch_off(name, error))
        return warnings

    def handle(self, event: Event) -> list[Warned]:
        """Give every output the event; returns a warning for each that failed on it."""
        warnings = []
        for name, output in list(self._live.items()):
            try:
                output.handle(event)
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
        plugin = self._prepared[name].plugin
        self._failed[name] = in_words(error)
        return Warned(
            f"the output {name!r} of {plugin.package} {plugin.version} failed and is off from here "
            f"on ({self._failed[name]}); training goes on"
        )
