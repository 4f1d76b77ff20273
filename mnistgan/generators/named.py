"""The installed generators that have a name, and what is known of each. Does not import torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, cast

from safetensors import SafetensorError, safe_open

from mnistgan import plugins
from mnistgan.catalog import DATA_SETS
from mnistgan.config import toml
from mnistgan.errors import UsageError
from mnistgan.plugins import Plugin

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class NamedGenerator(Plugin):
    """An installed generator, which ``--ckpt NAME`` and ``load_generator("NAME")`` load."""

    group: ClassVar[str] = "mnistgan.generators"
    noun: ClassVar[str] = "generator"

    @cached_property
    def path(self) -> Path:
        """The generator file.

        Raises:
            UsageError: the plugin cannot be imported, or does not name such a file.
        """
        return cast(Path, self.load(_problem))

    def describe(self) -> dict[str, Any]:
        """What the file and the figures beside it say, for JSON.

        The keys: ``name``, ``package``, ``file``, ``bytes``, ``sha256``, ``recipe`` (the name in
        the config), ``epoch``, ``image``, ``classes``, ``data``, ``license`` (of the training data;
        None if mnistgan does not know it) and ``evaluation`` (the JSON of ``mnistgan evaluate``, or
        None).

        Raises:
            UsageError: the file or its figures cannot be read.
        """
        # safetensors keeps the metadata in a header, which is read without torch.
        try:
            with safe_open(self.path, framework="numpy") as file:
                metadata = file.metadata() or {}
            config = toml.validate(
                toml.parse_toml(metadata["mnistgan.config"].encode(), "its config"), "its config"
            )
        except (OSError, SafetensorError, KeyError, UsageError) as error:
            raise UsageError(f"{self.path}: is not a generator file of mnistgan export") from error
        known = DATA_SETS.get(config.data.name)
        content = self.path.read_bytes()
        return {
            "name": self.name,
            "package": self.origin,
            "file": str(self.path),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "recipe": config.name,
            "epoch": int(metadata.get("mnistgan.epoch", 0)),
            "image": [config.data.channels, config.data.image_size, config.data.image_size],
            "classes": list(config.model.classes),
            "data": config.data.name,
            "license": known.license if known else None,
            "evaluation": self._evaluation(),
        }

    def _evaluation(self) -> dict[str, Any] | None:
        path = self.path.with_suffix(".json")
        if not path.is_file():
            return None
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            found["figures"]["frechet_distance"] / found["floor"]["frechet_distance"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{path}: is not a JSON file of mnistgan evaluate") from error
        return found


def _problem(loaded: object) -> str:
    """The reason why an object is not the path of a generator file; empty if it is."""
    if not isinstance(loaded, Path):
        return f"is not a pathlib.Path but {loaded!r}"
    if loaded.suffix != _SUFFIX or not loaded.is_file():
        return f"is not a {_SUFFIX} file: {loaded}"
    return ""


def names() -> list[str]:
    """The names of the installed generators."""
    return list(plugins.installed(NamedGenerator))


def find(name: str) -> NamedGenerator | None:
    """The installed generator with exactly this name; None if there is no such generator.

    Raises:
        UsageError: several packages provide it.
    """
    return plugins.find(NamedGenerator, name) if name in names() else None
