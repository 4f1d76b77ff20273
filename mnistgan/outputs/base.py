"""The interface of output plugins. Does not import torch, so that checking options is fast."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from mnistgan import arguments
from mnistgan.config import Section
from mnistgan.errors import UsageError
from mnistgan.events import Event
from mnistgan.storage.tables import continue_table

__all__ = ["API_VERSION", "Output", "OutputOptions", "continue_table"]

# Raised only if plugins written for the current interface would no longer work.
API_VERSION = 1


class OutputOptions(Section):
    """Base class of an output's options, ``[outputs.NAME]`` in the TOML.

    The docstring below a field is its help text in ``mnistgan outputs NAME``.
    """


class Output:
    """Base class of outputs, which turn the events of a run into files or anything else.

    Register a subclass under the entry-point group ``mnistgan.outputs``. Import heavy libraries
    inside the methods, because the class is imported before torch to check its options.

    Attributes:
        directory: run directory to write to.
        options: the validated options.
    """

    api_version: ClassVar[int] = API_VERSION
    needs: ClassVar[tuple[str, ...]] = ()
    """Names of other outputs that must be enabled; they receive each event first."""
    libraries: ClassVar[Mapping[str, str]] = {}
    """Required modules -> what to pip install for each; checked before a run starts."""

    class Options(OutputOptions):
        """Options of the output; a subclass declares its own."""

    def __init__(self, directory: Path, options: OutputOptions) -> None:
        self.directory = arguments.path("directory", directory)
        arguments.instance("options", options, OutputOptions, "an OutputOptions")
        self.options = options

    def folder(self, name: str) -> Path:
        """The path of this output's own folder in the run directory; it may not exist yet.

        Raises:
            UsageError: the folder is a link, or the name is not that of a folder.
        """
        if arguments.path("name", name).name != str(name) or name == "..":
            raise arguments.wrong("name", "the name of a folder", name)
        # In a run from an untrusted source, a link may lead to any folder.
        path = self.directory / name
        if path.is_symlink():
            raise UsageError(f"{path}: is a link; a run writes only to its own folder")
        return path

    def handle(self, event: Event) -> None:
        """Handle one event. RunStarted is the first; RunEnded is the last, even if the run fails.

        An exception disables this output; training continues.
        """
        raise NotImplementedError
