"""The installed outputs, and a check of their options in a config. Does not import torch."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar, cast

from pydantic import ValidationError

from mnistgan.config.toml import explain_value
from mnistgan.errors import UsageError, did_you_mean
from mnistgan.outputs.base import API_VERSION, Output, OutputOptions
from mnistgan.plugins import Plugin, find, installed


@dataclass(frozen=True)
class OutputPlugin(Plugin):
    """An installed output; its module is imported on the first use of :attr:`output`."""

    group: ClassVar[str] = "mnistgan.outputs"
    noun: ClassVar[str] = "output"
    way_out: ClassVar[str] = ", or disable the output: `outputs.{name} = False`"

    @cached_property
    def output(self) -> type[Output]:
        """The plugin's class.

        Raises:
            UsageError: the plugin cannot be imported, is not an Output, or was written for another
                version of the interface.
        """
        return cast(type[Output], self.load(_problem))

    def describe(self) -> dict[str, Any]:
        """Name, package, docstring, needed outputs and options, for JSON.

        Raises:
            UsageError: see :attr:`output`.
        """
        fields = self.output.Options.model_fields
        return {
            "name": self.name,
            "package": self.origin,
            "about": inspect.cleandoc(self.output.__doc__ or ""),
            "needs": list(self.output.needs),
            "options": [
                {
                    "name": name,
                    "default": field.get_default(),
                    "help": " ".join((field.description or "").split()),
                }
                for name, field in fields.items()
            ],
        }


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

    plugin: OutputPlugin
    options: OutputOptions


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
            plugin = find(OutputPlugin, name)
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


def _explain(name: str, plugin: OutputPlugin, entry: Mapping[str, Any]) -> str:
    key = ".".join(["outputs", name, *map(str, entry["loc"])])
    origin = f"(output of {plugin.origin})"
    if entry["type"] == "extra_forbidden":
        fields = plugin.output.Options.model_fields
        hint = did_you_mean(str(entry["loc"][-1]), fields)
        known = f"; known: {', '.join(fields)}" if fields and not hint else hint
        return f"{key}: unknown option{known} {origin}"
    return f"{key}: {explain_value(entry)} {origin}"


def installed_outputs(package: str | None = None) -> dict[str, type[Output]]:
    """The classes of the installed outputs by name, without those that cannot be imported.

    Args:
        package: return only the outputs that this distribution provides.
    """
    found = {}
    for name, plugins in installed(OutputPlugin).items():
        for plugin in plugins:
            if package in (None, plugin.package):
                with contextlib.suppress(UsageError):  # a run that uses it reports the error
                    found[name] = plugin.output
    return found
