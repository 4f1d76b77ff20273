"""Finds outputs by entry point, and checks their options in a config. Does not import torch.

Listing outputs does not import any plugin; a run imports only those that it uses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, cast

import tomli_w
from pydantic import ValidationError

from mnistgan.config.toml import explain_value
from mnistgan.errors import UsageError, did_you_mean
from mnistgan.outputs.base import API_VERSION, Output, OutputOptions

GROUP = "mnistgan.outputs"


@dataclass(frozen=True)
class Plugin:
    """An installed output; its module is imported on the first use of :attr:`output`."""

    entry_point: EntryPoint

    @property
    def name(self) -> str:
        """NAME in ``[outputs.NAME]``."""
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

    @cached_property
    def output(self) -> type[Output]:
        """The plugin's class.

        Raises:
            UsageError: the plugin cannot be imported, is not an Output, or was written for another
                version of the interface.
        """
        cause = None
        try:
            loaded = self.entry_point.load()
            problem = _problem(loaded)
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            cause, problem = error, f"cannot be imported ({one_line(error)})"
        if problem:
            raise UsageError(
                f"the output {self.name!r} of the package {self.origin} {problem}; fix or "
                f"uninstall that package, or disable the output: `outputs.{self.name} = False`"
            ) from cause
        return cast(type[Output], loaded)


def _problem(loaded: object) -> str:
    """The reason why an object cannot be used as an output; empty if it can."""
    if not (isinstance(loaded, type) and issubclass(loaded, Output)):
        return f"is not a subclass of mnistgan.outputs.base.Output but {loaded!r}"
    if loaded.api_version != API_VERSION:
        return f"was written for version {loaded.api_version} of the interface, not {API_VERSION}"
    if not (isinstance(loaded.Options, type) and issubclass(loaded.Options, OutputOptions)):
        return "has Options that are not a subclass of OutputOptions"
    needs, libraries = loaded.needs, loaded.libraries
    if not (
        isinstance(needs, tuple)
        and isinstance(libraries, Mapping)
        and all(isinstance(name, str) for name in (*needs, *libraries))
    ):
        return "has needs or libraries that are not names"
    return ""


@dataclass(frozen=True)
class Prepared:
    """An output with validated options, ready to be created for a run directory."""

    plugin: Plugin
    options: OutputOptions


def one_line(error: BaseException) -> str:
    """An exception in one line, even if its own ``__str__`` raises."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # a plugin may raise anything
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def installed() -> dict[str, list[Plugin]]:
    """All installed outputs by name; several packages may provide the same name."""
    found: dict[str, list[Plugin]] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        plugins = found.setdefault(entry_point.name, [])
        plugin = Plugin(entry_point)
        # importlib.metadata lists a package twice if two entries of sys.path contain it.
        if plugin.package not in [other.package for other in plugins]:
            plugins.append(plugin)
    return found


def find(name: str) -> Plugin:
    """Find the installed output with a name.

    Raises:
        UsageError: no package or several packages provide it.
    """
    plugins = installed().get(name, [])
    if len(plugins) == 1:
        return plugins[0]
    if not plugins:
        raise UsageError(
            f"no installed package provides the output {name!r}{did_you_mean(name, installed())}; "
            f"install one, or disable it: `outputs.{name} = False` "
            f"(installed: {', '.join(installed())})"
        )
    packages = " and ".join(plugin.origin for plugin in plugins)
    raise UsageError(f"the output {name!r} is provided by {packages}; uninstall all but one")


def prepare(tables: Mapping[str, Mapping[str, Any]]) -> tuple[list[Prepared], list[str]]:
    """Import the outputs that a config enables, and check their options.

    Args:
        tables: options of each output, as in the TOML, by name.

    Returns:
        The outputs, each after those it needs, and all mistakes found.
    """
    prepared: dict[str, Prepared] = {}
    problems: list[str] = []
    for name, table in tables.items():
        try:
            plugin = find(name)
            options = plugin.output.Options.model_validate(dict(table))
        except UsageError as error:
            problems.append(f"outputs.{name}: {error}")
        except ValidationError as error:
            problems += [_explain(name, plugin, entry) for entry in error.errors()]
        else:
            prepared[name] = Prepared(plugin, options)
            missing = [need for need in plugin.output.needs if need not in tables]
            problems += [
                f"outputs.{name}: needs outputs.{need}, which is disabled" for need in missing
            ]
            problems += [
                f'outputs.{name}: needs {module}, which is not installed; pip install "{source}", '
                f"or disable the output: `outputs.{name} = False`"
                for module, source in plugin.output.libraries.items()
                if not _is_installed(module)
            ]
    return _in_order(prepared), problems


def _is_installed(module: str) -> bool:
    """Whether a module can be imported."""
    # A folder ``wandb`` in the working directory, as wandb creates, is found as a namespace
    # package, which has no origin.
    spec = find_spec(module)
    return spec is not None and spec.origin is not None


def _in_order(prepared: Mapping[str, Prepared]) -> list[Prepared]:
    """Each output after those it needs, otherwise in the config's order."""
    # Not graphlib: it raises an error for a cycle, and does not keep the config's order.
    ordered = []
    waiting = dict(prepared)
    while waiting:  # outputs that need each other keep the config's order
        ready = (
            name
            for name, one in waiting.items()
            if not (waiting.keys() - {name}).intersection(one.plugin.output.needs)
        )
        ordered.append(waiting.pop(next(ready, next(iter(waiting)))))
    return ordered


def _explain(name: str, plugin: Plugin, entry: Mapping[str, Any]) -> str:
    key = ".".join(["outputs", name, *map(str, entry["loc"])])
    origin = f"(output of {plugin.origin})"
    if entry["type"] == "extra_forbidden":
        fields = plugin.output.Options.model_fields
        hint = did_you_mean(str(entry["loc"][-1]), fields)
        known = f"; known: {', '.join(fields)}" if fields and not hint else hint
        return f"{key}: unknown option{known} {origin}"
    return f"{key}: {explain_value(entry)} {origin}"


def describe(options: type[OutputOptions]) -> list[tuple[str, str]]:
    """One line of TOML per option, its default, and its description."""
    lines = []
    for name, field in options.model_fields.items():
        default = field.get_default()
        unset = default is None
        line = f"# {name} = ..." if unset else tomli_w.dumps({name: default}).strip()
        lines.append((line, " ".join((field.description or "").split())))
    return lines


def installed_outputs(package: str | None = None) -> dict[str, type[Output]]:
    """The classes of the installed outputs by name, without those that cannot be imported.

    Args:
        package: return only the outputs that this distribution provides.
    """
    found = {}
    for name, plugins in installed().items():
        for plugin in plugins:
            if package in (None, plugin.package):
                with contextlib.suppress(UsageError):  # a run that uses it reports the error
                    found[name] = plugin.output
    return found
