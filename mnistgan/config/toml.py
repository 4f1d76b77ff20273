"""Reading, overriding, checking and writing the run config.

A config is first a table of plain values (from TOML, then from ``--set`` and flags), and becomes a
:class:`~mnistgan.config.RunConfig` only when all of it is right. Imports no torch.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import tomli
import tomli_w
from pydantic import BaseModel, ValidationError

from mnistgan.config.sections import FAMILIES, DataConfig, RunConfig
from mnistgan.errors import ConfigError, ConfigWarning, UsageError, did_you_mean, one_of

Table: TypeAlias = dict[str, Any]
"""A TOML table as plain Python values."""

_DEEPEST = 20
_TOO_DEEP = f"its tables are nested more than {_DEEPEST} levels deep; give a run config"


def read_toml(path: Path, instead: str = "the name of a preset (see: mnistgan init)") -> Table:
    """Read a TOML file.

    Args:
        path: of it.
        instead: what else one may give in its place, for the message.

    Raises:
        UsageError: there is no such file, it cannot be read, or it is no TOML (the message names
            line and column).
    """
    try:
        return parse_toml(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); give the path of a TOML file, or {instead}"
        ) from error


def parse_toml(raw: bytes, source: str) -> Table:
    """Parse TOML bytes; ``source`` names them in the error."""
    try:
        table = tomli.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is not UTF-8 text; save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # ValueError: also numbers too long to read
        raise UsageError(f"{source}: is not valid TOML: {error}") from error
    if _is_deep(table):
        raise UsageError(f"{source}: {_TOO_DEEP}")
    return table


def _is_deep(value: Any) -> bool:
    """Whether tables and arrays are nested deeper than in any config of ours.

    What walks through them calls itself for each level; a stranger's file may have thousands.
    """
    level = [value]
    for _ in range(_DEEPEST):
        inner = [one.values() if isinstance(one, Mapping) else one for one in level]
        level = [child for one in inner for child in one if isinstance(child, Mapping | list)]
        if not level:
            return False
    return True


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE`` of ``--set``; the value is TOML, or else a string.

    Raises:
        UsageError: there is no ``=``, or the key is not a dotted path.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise UsageError(f"--set {text}: is not KEY=VALUE; write for example train.epochs=5")
    try:
        parsed = tomli.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return key, value
    return (key, parsed["value"]) if len(parsed) == 1 else (key, value)


def override(table: Table, assignments: Sequence[tuple[str, Any]]) -> Table:
    """A copy of the table with dotted keys set, later ones over earlier ones.

    Raises:
        UsageError: a key goes through something that is no table.
    """
    result = copy.deepcopy(table)
    for key, value in assignments:
        *parents, last = key.split(".")
        node = result
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise UsageError(
                    f"{key}: {parent!r} is not a table there; make it one, or set it as a whole"
                )
        node[last] = value
    return result


def replace(config: RunConfig | Table, keys: Mapping[str, Any], source: str = "") -> RunConfig:
    """A config, or the table of one, with dotted keys set to other values, and checked.

    Raises:
        ConfigError, UsageError: as :func:`validate` and :func:`override` do.
    """
    table = to_table(config) if isinstance(config, RunConfig) else config
    return validate(override(table, list(keys.items())), source)


def replace_data(config: DataConfig, **keys: object) -> DataConfig:
    """A copy of a ``[data]`` section with some keys changed, checked.

    Args:
        config: the section.
        keys: new values, paths among them; None keeps a value. A new name drops the labels, which
            belong to the images of the old one.

    Raises:
        ConfigError: with all mistakes.
    """
    table = config.model_dump(exclude_none=True)
    if keys.get("name") is not None:
        table.pop("labels", None)
    given = {key: value for key, value in keys.items() if value is not None}
    table |= {key: str(one) if isinstance(one, Path) else one for key, one in given.items()}
    return validate({"data": table}, "").data


def validate(table: Mapping[str, Any], source: str) -> RunConfig:
    """Check a table and make it a config.

    Raises:
        ConfigError: with every mistake that the config alone can tell, each by its key's path.
    """
    config, problems = check(table)
    if config is None or problems:
        raise ConfigError(source, problems)
    return config


def check(table: Mapping[str, Any]) -> tuple[RunConfig | None, list[str]]:
    """The config where the table is right, and the list of its mistakes where it is not.

    Keys found wrong are set aside and the rest is checked again, so that mistakes that only show
    between keys are reported in the same go. A value that was removed is read as ``auto``, with a
    :class:`~mnistgan.errors.ConfigWarning`.
    """
    if _is_deep(table):
        return None, [_TOO_DEEP]
    rest = copy.deepcopy(dict(table))
    _replace_removed(rest)
    problems: list[str] = []
    while True:
        try:
            config = RunConfig.model_validate(rest)
        except ValidationError as error:
            found = _without_echoes(error.errors(include_url=False))
            problems += dict.fromkeys(_explain(entry) for entry in found)
            removed = [_remove(rest, _path(entry)) for entry in found]
            if not any(removed):
                return None, problems
        else:
            return (None if problems else config), problems


_REMOVED = {"precision": "float16", "accelerate": "compile"}
"""Of ``[train]``: values that earlier versions knew, and wrote into their files."""


def _replace_removed(table: Table) -> None:
    train = table.get("train")
    for key, value in _REMOVED.items():
        if isinstance(train, dict) and train.get(key) == value:
            train[key] = "auto"
            message = f"train.{key}: {value!r} was removed; 'auto' is used instead"
            warnings.warn(message, ConfigWarning, stacklevel=1)  # here: once, whoever calls


def _without_echoes(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out that an array is too short where its wrong items alone made it so."""
    wrong = {_path(entry)[:-1] for entry in found}
    return [one for one in found if one["type"] != "too_short" or _path(one) not in wrong]


def _path(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Where an error lies, as keys a user wrote: without the union's tag."""
    location = [str(part) for part in entry["loc"]]
    if len(location) > 1 and location[0] == "model" and location[1] in FAMILIES:
        del location[1]
    if len(location) > 2 and location[0] == "outputs":
        del location[2:]
    return tuple(location)


def _remove(table: Table, path: tuple[str, ...]) -> bool:
    """Take the key at a path out of the table; says whether it was there."""
    node: Any = table
    for part in path[:-1]:
        child = node.get(part)
        if not isinstance(child, dict):  # an index into an array: the array goes as a whole
            return node.pop(part, None) is not None
        node = child
    return bool(path) and node.pop(path[-1], None) is not None


def _explain(entry: Mapping[str, Any]) -> str:
    """One mistake in a sentence that begins with the key's full path."""
    path, kind, value = _path(entry), entry["type"], entry["input"]
    key = ".".join(path)
    if kind == "extra_forbidden":
        return f"{key}: unknown key" + _suggest_key(entry["loc"])
    if kind == "union_tag_invalid":
        family = value.get("family") if isinstance(value, Mapping) else value
        return f"model.family: must be {one_of(FAMILIES)}, got {family!r}" + did_you_mean(
            str(family), FAMILIES
        )
    if key.startswith("outputs."):
        return f"{key}: must be a table of options, or false, got {value!r}"
    if kind in ("model_type", "dict_type", "union_tag_not_found"):
        return f"{key}: must be a table, got {value!r}"
    if kind == "literal_error":
        choices = re.findall(r"'([^']+)'", entry["ctx"]["expected"]) or [entry["ctx"]["expected"]]
        return f"{key}: must be {one_of(choices)}, got {value!r}" + did_you_mean(
            str(value), choices
        )
    if kind == "value_error":
        return ": ".join(part for part in (key, str(entry["ctx"]["error"])) if part)
    return f"{key}: {explain_value(entry)}"


def explain_value(entry: Mapping[str, Any]) -> str:
    """What pydantic found wrong with a value, in our words, and the value."""
    message = str(entry["msg"]).removeprefix("Value error, ")
    message = message.replace("Input should be", "must be").replace("Input should", "must")
    return f"{message}, got {entry['input']!r}"


_OTHER_NAMES = {
    "lr": "train.lr_g and train.lr_d",
    "learning_rate": "train.lr_g and train.lr_d",
    "beta1": "train.betas",
    "b1": "train.betas",
    "z_dim": "model.latent_dim",
    "nz": "model.latent_dim",
    "dataset": "data.name",
}
"""What other projects call a key that we call differently."""


def _suggest_key(location: Sequence[str | int]) -> str:
    """What an unknown key was probably meant to be, given pydantic's location of it."""
    word = str(location[-1])
    if word in _OTHER_NAMES:
        return f"; did you mean {_OTHER_NAMES[word]}?"
    here = sorted(_section_at(location[:-1]).model_fields)
    elsewhere = [path for path in key_paths() if path.rpartition(".")[2] == word]
    return (
        did_you_mean(word, here)
        or (f"; did you mean {elsewhere[0]!r}?" if elsewhere and location[0] != "model" else "")
        or f"; known here: {', '.join(here)}"
    )


def _section_at(location: Sequence[str | int]) -> type[BaseModel]:
    """The model that describes the table at a location."""
    section: type[BaseModel] = RunConfig
    for part in location:
        if part in FAMILIES:
            section = FAMILIES[str(part)]
        elif part != "model":
            annotation = section.model_fields[str(part)].annotation
            assert isinstance(annotation, type)
            section = annotation
    return section


def key_paths() -> list[str]:
    """Every key a config may hold, as dotted paths: both families' keys, no output's."""
    return sorted(set(_paths_in(RunConfig, "")))


def _paths_in(section: type[BaseModel], prefix: str) -> list[str]:
    paths = []
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        inner = list(FAMILIES.values()) if name == "model" else [field.annotation]
        tables = [part for part in inner if isinstance(part, type) and issubclass(part, BaseModel)]
        paths += [path] if not tables else []
        for table in tables:
            paths += _paths_in(table, f"{path}.")
    return paths


def to_table(config: RunConfig) -> Table:
    """The config as plain values, every key written out; what is not set is left out."""
    return config.model_dump(mode="json", exclude_none=True)


def to_toml(config: RunConfig) -> str:
    """The config as TOML that :func:`validate` reads back to an equal config."""
    return tomli_w.dumps(to_table(config))


def changed_keys(old: RunConfig, new: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Dotted key -> (old value, new value) for each key in which two configs differ."""
    before, after = flatten(to_table(old)), flatten(to_table(new))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return {key: (before.get(key), after.get(key)) for key in keys}


def flatten(table: Mapping[str, Any], prefix: str = "") -> Table:
    """Dotted key -> value, of a table of tables."""
    flat: Table = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
