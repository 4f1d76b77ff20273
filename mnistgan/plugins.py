"""Finds plugins of every kind by entry point. Does not import torch.

Listing plugins imports none of them; a plugin's module is imported when the plugin is used.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, TypeVar

from mnistgan.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Plugin:
    """An installed plugin; a subclass is one kind of plugin.

    Attributes:
        group: the entry-point group of this kind.
        noun: what one plugin of this kind is called in messages.
        way_out: the end of an error message: how to do without a plugin, with ``{name}``.
        entry_point: the entry point.
    """

    group: ClassVar[str]
    noun: ClassVar[str]
    way_out: ClassVar[str] = ""

    entry_point: EntryPoint

    @property
    def name(self) -> str:
        """The name of the entry point."""
        return self.entry_point.name

    @cached_property  # a distribution parses its metadata whenever its name is asked for
    def package(self) -> str:
        """Name of the distribution that provides it."""
        return self.entry_point.dist.name if self.entry_point.dist else "unknown"

    @property
    def origin(self) -> str:
        """Name and version of that distribution."""
        dist = self.entry_point.dist
        return f"{dist.name} {dist.version}" if dist else "unknown"

    def load(self, problem_of: Callable[[Any], str]) -> Any:
        """Import the object that the entry point names.

        Args:
            problem_of: why an object cannot be used as this kind of plugin; empty if it can.

        Raises:
            UsageError: the plugin cannot be imported or used.
        """
        cause = None
        try:
            loaded = self.entry_point.load()
            problem = problem_of(loaded)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # a plugin may raise anything
            # Ctrl-C raises KeyboardInterrupt only in Python's own handler, not in the command line.
            handler = signal.getsignal(signal.SIGINT)
            if isinstance(error, KeyboardInterrupt) and handler is signal.default_int_handler:
                raise
            cause, problem = error, f"cannot be imported ({one_line(error)})"
        if problem:
            raise UsageError(
                f"the {self.noun} {self.name!r} of the package {self.origin} {problem}; fix or "
                f"uninstall that package{self.way_out.format(name=self.name)}"
            ) from cause
        return loaded


AnyPlugin = TypeVar("AnyPlugin", bound=Plugin)


def one_line(error: BaseException) -> str:
    """An exception in one line, even if its own ``__str__`` raises."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # a plugin may raise anything
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def installed(kind: type[AnyPlugin]) -> dict[str, list[AnyPlugin]]:
    """All installed plugins of a kind by name; several packages may provide the same name."""
    found: dict[str, list[AnyPlugin]] = {}
    for entry_point in sorted(entry_points(group=kind.group), key=lambda point: point.name):
        plugins = found.setdefault(entry_point.name, [])
        plugin = kind(entry_point)
        # importlib.metadata lists a package twice if two entries of sys.path contain it.
        if plugin.package not in [other.package for other in plugins]:
            plugins.append(plugin)
    return found


def find(kind: type[AnyPlugin], name: str) -> AnyPlugin:
    """Find the installed plugin of a kind with a name.

    Raises:
        UsageError: no package or several packages provide it.
    """
    by_name = installed(kind)
    plugins = by_name.get(name, [])
    if len(plugins) == 1:
        return plugins[0]
    if not plugins:
        raise UsageError(
            f"no installed package provides the {kind.noun} {name!r}{did_you_mean(name, by_name)}; "
            f"install one{kind.way_out.format(name=name)} (installed: {', '.join(by_name)})"
        )
    packages = " and ".join(plugin.origin for plugin in plugins)
    raise UsageError(f"the {kind.noun} {name!r} is provided by {packages}; uninstall all but one")
