"""What an output plugin is. Imports no torch, so that options can be read without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from mnistgan.config import Section
from mnistgan.errors import UsageError
from mnistgan.events import Event
from mnistgan.storage.tables import continue_table

__all__ = ["API_VERSION", "Output", "OutputOptions", "continue_table"]

API_VERSION = 1


class OutputOptions(Section):
    """Base of an output's options: ``[outputs.NAME]`` in the TOML.

    The docstring under a field is what ``mnistgan outputs NAME`` shows of it.
    """


class Output:
    """Turns a run's events into files, or into anything else.

    A subclass is registered under the entry-point group ``mnistgan.outputs``. Import what is heavy
    inside the methods: this class is imported before torch, to check the options.

    Attributes:
        directory: the run directory, where to write.
        options: the checked options.
    """

    api_version: ClassVar[int] = API_VERSION
    needs: ClassVar[tuple[str, ...]] = ()
    """Names of outputs that must be on too; they see each event first."""
    libraries: ClassVar[Mapping[str, str]] = {}
    """Modules that must be installed too -> what brings each, for pip; checked before a run."""

    class Options(OutputOptions):
        """Without options, unless a subclass says otherwise."""

    def __init__(self, directory: Path, options: OutputOptions) -> None:
        self.directory = directory
        self.options = options

    def folder(self, name: str) -> Path:
        """A folder of one's own in the run directory, which need not be there yet.

        Raises:
            UsageError: it is a link, which may lead anywhere: a run may come from a stranger.
        """
        path = self.directory / name
        if path.is_symlink():
            raise UsageError(f"{path}: is a link; a run writes only to its own folder")
        return path

    def handle(self, event: Event) -> None:
        """Take one event: RunStarted first, RunEnded last, however the run ends.

        An exception switches this output off and lets the training go on.
        """
        raise NotImplementedError
