"""The run config as a JSON Schema, by which editors complete and check its keys. Imports no torch.

It is made from the models, so that it says what they say, in the way of TOML: there is no null, and
what is not set is left out. What only shows between keys is for :mod:`mnistgan.config.toml`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from mnistgan.config.sections import FAMILIES, RunConfig, Section

if TYPE_CHECKING:
    from mnistgan.outputs.base import Output

Schema: TypeAlias = dict[str, Any]
"""A JSON Schema as plain values."""

FILE = "run-config.schema.json"
"""Its usual name."""

DIRECTIVE = f"#:schema ./{FILE}\n"
"""First line of a TOML file, for editors, when the schema lies beside it."""

_DIALECT = "http://json-schema.org/draft-07/schema#"  # what the editors' TOML extensions know


def run_config(outputs: Mapping[str, type[Output]]) -> Schema:
    """The schema of a run config, with the options of these outputs, by name.

    One that is not among them may have any options: it may be a plugin that is not installed here.
    """
    schema = _of(RunConfig)
    for family, section in FAMILIES.items():
        if family != RunConfig().model.family:  # which a table without a family means
            schema["definitions"][section.__name__]["required"] = ["family"]
    tables = {}
    for name, output in outputs.items():
        options = _of(output.Options)
        schema["definitions"] |= options.pop("definitions", {})
        about = plain(output.__doc__ or "")
        tables[name] = {"description": about, "anyOf": [options, {"const": False}]}
    schema["properties"]["outputs"]["properties"] = tables
    return {"$schema": _DIALECT, **schema, "title": "A run config of mnistgan"}


def to_text(schema: Schema) -> str:
    """A schema as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def plain(docstring: str) -> str:
    """A docstring as one line of text, without its markup."""
    text = re.sub(r":\w+:`([^`]+)`", r"\1", docstring)
    return " ".join(re.sub(r"``([^`]+)``", r"\1", text).split())


def _of(section: type[Section]) -> Schema:
    schema = section.model_json_schema(ref_template="#/definitions/{model}")
    if "$defs" in schema:
        schema["definitions"] = schema.pop("$defs")
    tidied: Schema = _tidy(schema)
    return tidied


def _tidy(node: Any) -> Any:
    """A schema's node, and all below it, in the way of TOML and of draft 7."""
    if isinstance(node, list):
        return [_tidy(one) for one in node if one != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {key: _tidy(value) for key, value in node.items() if not _says_nothing(key, value)}
    if len(kept.get("anyOf", ())) == 1:  # the other was null
        kept |= kept.pop("anyOf")[0]
    if "prefixItems" in kept:
        kept["items"] = kept.pop("prefixItems")
    if isinstance(kept.get("description"), str):
        kept["description"] = plain(kept["description"])
    return kept


def _says_nothing(key: str, value: Any) -> bool:
    """Whether it repeats what is said elsewhere: the names, and the defaults of whole tables."""
    if (key, value) == ("additionalProperties", True):
        return True
    if key == "default":
        return value is None or (isinstance(value, dict) and "type" not in value)
    return key == "title" and isinstance(value, str)
