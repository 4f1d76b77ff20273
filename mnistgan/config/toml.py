"""Reading, overriding, checking and writing the run config.

A config is first a table of plain values (from TOML, then from ``--set`` and flags), and becomes a
:class:`~mnistgan.config.RunConfig` once all of it is valid. Imports no torch.
"""

import contextlib
import copy
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import tomli
import tomli_w
from pydantic import ValidationError

from mnistgan.config.sections import (
    FAMILIES,
    PATTERNS,
    UNNAMED,
    Checked,
    DataConfig,
    RunConfig,
    Section,
    data_kind,
)
from mnistgan.errors import (
    MOST_SHOWN,
    ConfigError,
    ConfigWarning,
    UsageError,
    did_you_mean,
    one_of,
    quoted,
    reworded,
)
from mnistgan.text import decoded, without_folders

Table: TypeAlias = dict[str, Any]  # a TOML table as plain Python values

_LARGEST = 2**20  # bytes; four times as many take seconds to read
_DEEPEST = 20
_TOO_DEEP = f"the tables are nested more than {_DEEPEST} levels deep; this is not a run config"
_LISTS_OF_STRINGS = ("model.classes", "outputs.wandb.tags")
# Former values of [train], which files of earlier versions contain.
_REMOVED = {"precision": "float16", "accelerate": "compile"}
# Names that other projects use for keys, and the keys of mnistgan.
_OTHER_NAMES = {
    "lr": "train.lr_g and train.lr_d",
    "learning_rate": "train.lr_g and train.lr_d",
    "beta1": "train.betas",
    "b1": "train.betas",
    "z_dim": "model.latent_dim",
    "nz": "model.latent_dim",
    "dataset": "data.name",
}

# Reading and writing -----------------------------------------------------------------------------


def read_toml(path: Path, instead: str = "the name of a preset (see: mnistgan init)") -> Table:
    """Read a TOML file.

    Args:
        path: of the file.
        instead: what the user may give instead of a file, for the message.

    Raises:
        UsageError: the file cannot be read, or is not TOML; the message has the line and column.
    """
    try:
        with path.open("rb") as file:  # it may be a pipe, which has no size
            return parse_toml(file.read(_LARGEST + 1), str(path))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); give a TOML file, or {instead}"
        ) from error


def parse_toml(raw: bytes, source: str) -> Table:
    """Parse TOML bytes; ``source`` is their name in the error message."""
    if len(raw) > _LARGEST:
        raise UsageError(f"{source}: is larger than 1 MiB; give a run config")
    try:
        table = tomli.loads(decoded(raw))
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is not in UTF-8; save it in this encoding") from error
    except (ValueError, RecursionError) as error:
        # tomli raises a plain ValueError for an integer of more digits than Python converts, and a
        # RecursionError for deeply nested arrays.
        raise UsageError(f"{source}: is not valid TOML: {error}") from error
    if _is_deep(table):
        raise UsageError(f"{source}: {_TOO_DEEP}")
    return table


def _is_deep(value: Any, levels: int = _DEEPEST) -> bool:
    """Whether tables and arrays are nested deeper than in any valid config.

    Functions that walk through tables recurse, and a hostile file may have thousands of levels.
    """
    if not isinstance(value, Mapping | list):
        return False
    children = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deep(child, levels - 1) for child in children)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE`` of ``--set``; the value is TOML, or else a string.

    Three spellings that are not TOML are accepted, too: ``True`` and ``False``, lists without
    brackets, and, for the keys that are lists of strings, words without quotes.

    Raises:
        UsageError: there is no ``=``, or the key is not a dotted path.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise UsageError(f"--set {text}: is not KEY=VALUE; write for example train.epochs=5")
    stripped = value.strip()
    if key in _LISTS_OF_STRINGS and not stripped.startswith(("[", '"', "'")):
        return key, [word.strip() for word in stripped.split(",") if word.strip()]
    spellings = [value]
    if stripped in ("True", "False"):
        spellings.append(stripped.lower())
    elif "," in value:
        spellings.append(f"[{value}]")
    for spelling in spellings:
        with contextlib.suppress(ValueError, RecursionError):
            parsed = tomli.loads(f"value = {spelling}")
            # More than one key: the value has a line break, after which TOML read other keys.
            return (key, parsed["value"]) if len(parsed) == 1 else (key, value)
    return key, value


def override(table: Table, assignments: Sequence[tuple[str, Any]]) -> Table:
    """A copy of the table with dotted keys set; a later assignment overrides an earlier one.

    Raises:
        UsageError: a parent of a key is not a table.
    """
    result = copy.deepcopy(table)
    for key, value in assignments:
        *parents, last = key.split(".")
        node = result
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise UsageError(f"{key}: {parent!r} is not a table of keys; set {parent} itself")
        node[last] = value
    return result


def replace(config: RunConfig | Table, keys: Mapping[str, Any], source: str = "") -> RunConfig:
    """A config, or the table of one, with some dotted keys changed, checked.

    Raises:
        ConfigError, UsageError: as :func:`validate` and :func:`override` do.
    """
    table = to_table(config) if isinstance(config, RunConfig) else config
    return validate(override(table, list(keys.items())), source)


def replace_data(config: DataConfig, **keys: object) -> DataConfig:
    """A copy of a ``[data]`` section with some keys changed, checked.

    Args:
        config: the section.
        keys: new values; None leaves a key unchanged. A new ``name`` removes ``labels``, which
            belong to the images of the old name.

    Raises:
        ConfigError: with all mistakes.
    """
    table = config.model_dump(exclude_none=True)
    if keys.get("name") is not None:
        table.pop("labels", None)
    changes = {key: value for key, value in keys.items() if value is not None}
    table |= {key: str(new) if isinstance(new, Path) else new for key, new in changes.items()}
    return validate({"data": table}, "").data


def without_places(config: RunConfig) -> RunConfig:
    """The config of a generator that is given away or comes from somebody else.

    It names no file, folder or account of the machine that trained it: ``data.root``,
    ``data.labels`` and the outputs are left out, and a path in ``data.name`` becomes ``unnamed``.
    """
    data = DataConfig(**table_without_places(to_table(config))["data"])
    return config.model_copy(update={"data": data, "outputs": {}})


def table_without_places(table: Table) -> Table:
    """The table of a config, valid or not, without the places in ``[data]``."""
    data = table.get("data")
    if not isinstance(data, Mapping):
        return table
    kept = {key: value for key, value in data.items() if key not in ("labels", "root")}
    name = kept.get("name")
    if isinstance(name, str) and data_kind(name) in ("npz", "path"):
        kept["name"] = UNNAMED
    return {**table, "data": kept}


def for_others(config: RunConfig) -> RunConfig:
    """The config as pages and trackers show it: without ``data.root`` and the folders of paths."""
    data = config.data
    places = {"name": data.name, "labels": data.labels}
    shown = {key: text and without_folders(text) for key, text in places.items()}
    outputs = {
        name: options and {key: _shown(value) for key, value in options.items()}
        for name, options in config.outputs.items()
    }
    return config.model_copy(
        update={"data": data.model_copy(update=shown | {"root": None}), "outputs": outputs}
    )


def _shown(value: Any) -> Any:
    return without_folders(value) if isinstance(value, str) else value


def to_table(config: RunConfig) -> Table:
    """The config as plain values: every key except unset ones."""
    return config.model_dump(mode="json", exclude_none=True)


def to_toml(config: RunConfig) -> str:
    """The config as TOML that :func:`validate` reads back to an equal config."""
    return tomli_w.dumps(to_table(config))


def changed_keys(old: RunConfig, new: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Dotted key -> (old value, new value) for each key in which two configs differ."""
    before, after = flatten(to_table(old)), flatten(to_table(new))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return {key: (before.get(key), after.get(key)) for key in keys}


def key_paths() -> list[str]:
    """The dotted paths of all keys of all families, without the options of outputs."""
    configs = [RunConfig(model=family()) for family in FAMILIES.values()]
    return sorted({key for config in configs for key in flatten(config.model_dump())})


def flatten(table: Mapping[str, Any], prefix: str = "") -> Table:
    """A table of tables as one table of dotted keys."""
    flat: Table = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


# Checking ---------------------------------------------------------------------------------------


def validate(table: Mapping[str, Any], source: str) -> RunConfig:
    """Check a table and make it a config.

    Raises:
        ConfigError: with all mistakes; each begins with the path of its key.
    """
    config, problems = check(table)
    if config is None or problems:
        raise ConfigError(source, problems)
    return config


_SectionT = TypeVar("_SectionT", bound=Section)


def check(
    table: Mapping[str, Any],
    section: type[_SectionT] = RunConfig,  # type: ignore[assignment]  # python/mypy#3737
) -> tuple[_SectionT | None, list[str]]:
    """Return the config and no mistakes, or None and all mistakes in the table of a section.

    A value that is no longer supported is read as ``auto``, with a
    :class:`~mnistgan.errors.ConfigWarning`.
    """
    if _is_deep(table):
        return None, [_TOO_DEEP]
    rest = _copied(table)
    _replace_removed(rest)
    problems: list[str] = []
    # Pydantic skips the validators between keys as long as one key is wrong. So the wrong keys are
    # removed and the rest is checked again, until it is valid or nothing more can be removed.
    while True:
        try:
            config = section.model_validate(rest)
            return (None if problems else config), problems
        except ValidationError as error:
            found = _without_echoes(error.errors(include_url=False))
        problems += dict.fromkeys(
            _explain(entry, section) if number < MOST_SHOWN else ".".join(_path(entry))
            for number, entry in enumerate(found)
        )
        removed = [_remove(rest, _path(entry)) for entry in found]
        if not any(removed):
            return None, problems


def _mistakes(table: Mapping[str, Any], section: type[Section]) -> list[str]:
    return check(table, section)[1]


Checked.mistakes = _mistakes


def _copied(table: Mapping[str, Any]) -> Table:
    """A copy of a table and the tables in it. A value made in Python may not be copyable."""
    return {
        key: _copied(value) if isinstance(value, Mapping) else value for key, value in table.items()
    }


def _replace_removed(table: Table) -> None:
    train = table.get("train")
    for key, value in _REMOVED.items():
        if isinstance(train, dict) and train.get(key) == value:
            train[key] = "auto"
            message = f"train.{key}: {value!r} was removed; 'auto' is used instead"
            # stacklevel 1: Python shows a warning once per place, so callers must not be the place.
            warnings.warn(message, ConfigWarning, stacklevel=1)


def _without_echoes(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The errors, without "too short" for arrays with wrong items.

    Pydantic counts only the valid items of an array, so a wrong one may make it too short.
    """
    wrong = {_path(entry)[:-1] for entry in found}
    return [entry for entry in found if entry["type"] != "too_short" or _path(entry) not in wrong]


def _path(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The path of an error's key as the user wrote it."""
    # Pydantic adds the tag of a union's member: the family after `model`, and the type of the value
    # after the name of an output.
    location = [str(part) for part in entry["loc"]]
    if len(location) > 1 and location[0] == "model" and location[1] in FAMILIES:
        del location[1]
    if len(location) > 2 and location[0] == "outputs":
        del location[2:]
    return tuple(location)


def _remove(table: Table, path: tuple[str, ...]) -> bool:
    """Remove a key from the table and return whether it was there."""
    for part in path[:-1]:
        # The rest of the path is an index in an array: remove the whole array.
        if not isinstance(table.get(part), dict):
            return table.pop(part, None) is not None
        table = table[part]
    return bool(path) and table.pop(path[-1], None) is not None


def _explain(entry: Mapping[str, Any], section: type[Section]) -> str:
    """One mistake as a sentence that begins with the key's full path."""
    key, value = ".".join(_path(entry)), entry["input"]
    match entry["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key{_suggest_key(entry['loc'], section)}"
        case "union_tag_invalid":
            family = value["family"] if isinstance(value, Mapping) else value.family
            hint = did_you_mean(str(family), FAMILIES)
            return f"model.family: must be {one_of(FAMILIES)}, got {quoted(family)}{hint}"
        case _ if key.startswith("outputs."):
            return f"{key}: must be a table of options, or false, got {quoted(value)}"
        case "model_type" | "dict_type" | "union_tag_not_found":
            return f"{key}: must be a table, got {quoted(value)}"
        case "literal_error":
            choices = re.findall(r"'([^']+)'", entry["ctx"]["expected"])
            return f"{key}: {explain_value(entry)}{did_you_mean(str(value), choices)}"
        case "value_error":
            return f"{key}: {entry['ctx']['error']}".removeprefix(": ")
    return f"{key}: {explain_value(entry)}"


def explain_value(entry: Mapping[str, Any]) -> str:
    """Pydantic's message about a value in the wording of mnistgan, with the value."""
    if entry["type"] == "string_pattern_mismatch":
        pattern = entry["ctx"]["pattern"]
        message = PATTERNS.get(pattern, f"must match the regular expression {pattern}")
    else:
        message = reworded(entry["msg"])
    return f"{message}, got {quoted(entry['input'])}"


def _suggest_key(location: Sequence[str | int], root: type[Section]) -> str:
    """A suggestion for an unknown key at pydantic's location of it."""
    *parents, word = map(str, location)
    if word in _OTHER_NAMES and root is RunConfig:
        return f"; did you mean {_OTHER_NAMES[word]}?"
    section: Any = root
    for part in parents:
        field = getattr(section, "model_fields", {}).get(part)  # a plugin's options have any type
        section = FAMILIES.get(part) or (field and field.annotation)
    known = sorted(getattr(section, "model_fields", ()))
    paths = key_paths() if root is RunConfig and "model" not in parents else []
    elsewhere = [path for path in paths if path.rpartition(".")[2] == word]
    return (
        did_you_mean(word, known)
        or (f"; did you mean {elsewhere[0]!r}?" if elsewhere else "")
        or (f"; known here: {', '.join(known)}" if known else "")
    )
