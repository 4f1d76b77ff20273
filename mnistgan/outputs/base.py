"""The interface of an output plugin. Imports no torch, so options can be checked without it."""

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
    """Base class of an output's options, ``[outputs.NAME]`` in the TOML.

    The docstring below a field is its help text in ``mnistgan outputs NAME``.
    """


class Output:
    """Turns the events of a run into files, or into anything else.

    Register a subclass under the entry-point group ``mnistgan.outputs``. Import heavy libraries
    inside the methods: the class is imported before torch, to check its options.

    Attributes:
        directory: the run directory to write to.
        options: the validated options.
    """

    api_version: ClassVar[int] = API_VERSION
    needs: ClassVar[tuple[str, ...]] = ()
    """Names of outputs that must be enabled too; they receive each event first."""
    libraries: ClassVar[Mapping[str, str]] = {}
    """Module that must be installed -> what to pip install for it. Checked before a run starts."""

    class Options(OutputOptions):
        """No options, unless a subclass declares some."""

    def __init__(self, directory: Path, options: OutputOptions) -> None:
        self.directory = directory
        self.options = options

    def folder(self, name: str) -> Path:
        """The path of this output's own folder in the run directory; it may not exist yet.

        Raises:
            UsageError: it is a link. In a run from an untrusted source it may lead anywhere.
        """
        path = self.directory / name
        if path.is_symlink():
            raise UsageError(f"{path}: is a link; a run writes only to its own folder")
        return path

    def handle(self, event: Event) -> None:
        """Handle one event: RunStarted comes first and RunEnded last, however the run ends.

        An exception disables this output; the training continues.
        """
        raise NotImplementedError
