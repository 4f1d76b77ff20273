"""The run config as a JSON Schema, with which editors complete and check keys. Imports no torch.

It is made from the pydantic models. TOML has no null, so the schema has none either: an optional
key is simply not set. Conditions between keys are checked only by :mod:`mnistgan.config.toml`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from mnistgan.config.sections import FAMILIES, RunConfig, Section

if TYPE_CHECKING:
    from mnistgan.outputs.base import Output

Schema: TypeAlias = dict[str, Any]  # a JSON Schema as plain values

FILE = "run-config.schema.json"
DIRECTIVE = f"#:schema ./{FILE}\n"  # first line of a TOML file beside the schema, for editors
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
# Pydantic writes draft 2020-12, but the TOML extensions of editors support draft 7.
_DIALECT = "http://json-schema.org/draft-07/schema#"


def run_config(outputs: Mapping[str, type[Output]]) -> Schema:
    """The schema of a run config with the options of the given outputs.

    Other outputs may have any options: they may be plugins that are not installed here.

    Args:
        outputs: classes of outputs by name.
    """
    schema = _of(RunConfig)
    for family, section in FAMILIES.items():
        if family != RunConfig().model.family:  # the default may be left out
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
    """A node of a schema and all nodes below it, without null and in draft 7."""
    if isinstance(node, list):
        return [_tidy(item) for item in node if item != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {key: _tidy(value) for key, value in node.items() if not _is_redundant(key, value)}
    if "const" in kept:
        kept.pop("enum", None)  # pydantic before 2.10 repeats it
    for bound in _BOUNDS & kept.keys():  # 0.0 or 0, depending on pydantic's version
        kept[bound] = int(kept[bound]) if kept[bound] % 1 == 0 else kept[bound]
    if len(kept.get("anyOf", ())) == 1:  # the other alternative was null
        kept |= kept.pop("anyOf")[0]
    kept |= kept.pop("allOf", [{}])[0]  # pydantic before 2.9: around a reference with a default
    if "prefixItems" in kept:
        kept["items"] = kept.pop("prefixItems")  # the name in draft 7
    if isinstance(kept.get("description"), str):
        kept["description"] = plain(kept["description"])
    return kept


def _is_redundant(key: str, value: Any) -> bool:
    """Whether an entry repeats others, such as titles and the defaults of whole tables."""
    if (key, value) == ("additionalProperties", True):
        return True
    if key == "default":
        return value is None or (isinstance(value, dict) and "type" not in value)
    return key == "title" and isinstance(value, str)
