"""The JSON Schema of run configs: it says what the models say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_origin

import jsonschema
import pytest
import tomli
from pydantic import BaseModel
from support import Invoke

from mnistgan.config import Section, presets, schema, sections, toml
from mnistgan.outputs import registry

ROOT = Path(__file__).parents[2]
SCHEMA = schema.run_config(registry.installed_outputs("mnistgan"))
EXAMPLES = [presets.path(name) for name in presets.names()] + sorted(
    (ROOT / "examples" / "labs").glob("*.toml")
)


def refused(table: dict[str, Any]) -> bool:
    return not jsonschema.Draft7Validator(SCHEMA).is_valid(table)


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_file_is_up_to_date() -> None:
    text = (ROOT / "docs" / schema.FILE).read_text(encoding="utf-8")
    assert text == schema.to_text(SCHEMA), "run: python docs/reference.py"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_keeps_to_it(path: Path) -> None:
    table = tomli.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(table, SCHEMA, cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    "table",
    [
        {"sed": 1},
        {"seed": -1},
        {"seed": "1"},
        {"data": {"nme": "mnist"}},
        {"data": {"channels": 2}},
        {"data": {"background": "blue"}},
        {"model": {"family": "resnet"}},
        {"model": {"generator": {"width": 64}}},  # of the family dcgan, and this is mlp
        {"model": {"family": "dcgan", "generator": {"widths": [64]}}},
        {"model": {"generator": {"widths": []}}},
        {"train": {"loss": "hing"}},
        {"train": {"lr_g": 0}},
        {"train": {"betas": [0.5]}},
        {"train": {"betas": [0.5, 1.0]}},
        {"outputs": {"samples": {"every": 5}}},
        {"outputs": {"samples": True}},
    ],
    ids=str,
)
def test_what_the_models_refuse_it_refuses(table: dict[str, Any]) -> None:
    assert refused(table)
    _, problems = toml.check(table)
    assert problems or "outputs" in table  # whose options the outputs themselves check


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"model": {"latent_dim": 5}},
        {"model": {"family": "dcgan", "generator": {"width": 8}}},
        {"data": {"name": "./photos", "background": "#00ff00"}},
        {"train": {"max_minutes": 2, "betas": [0, 0.9]}},
        {"outputs": {"samples": False, "another": {"of": "a plugin"}}},
    ],
    ids=str,
)
def test_what_the_models_take_it_takes(table: dict[str, Any]) -> None:
    assert not refused(table)
    assert toml.check(table)[1] == []


def test_each_key_says_what_it_is() -> None:
    classes = [value for value in vars(sections).values() if isinstance(value, type)]
    for section in (one for one in classes if issubclass(one, Section)):
        for name, field in section.model_fields.items():
            inner = field.annotation
            # Python 3.10 takes dict[str, Any] for a type.
            plain = None if get_origin(inner) else inner
            is_table = name == "model" or (isinstance(plain, type) and issubclass(plain, BaseModel))
            assert is_table or field.description, f"{section.__name__}.{name}"


class TestInit:
    def test_beside_a_config_that_names_it(self, invoke: Invoke, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        result = invoke("init", "dcgan", "--schema", "--out", "mine/first.toml")
        assert result.stdout.split() == [str(Path("mine") / schema.FILE), "mine/first.toml"]
        first, _, rest = (tmp_path / "mine" / "first.toml").read_text().partition("\n")
        assert first == f"#:schema ./{schema.FILE}"
        assert rest == presets.path("dcgan").read_text(encoding="utf-8")
        written = json.loads((tmp_path / "mine" / schema.FILE).read_text(encoding="utf-8"))
        assert written["properties"]["outputs"]["properties"]["samples"]

    def test_alone(self, invoke: Invoke, tmp_path: Path) -> None:
        for _ in range(2):  # an older one is replaced
            assert invoke("init", "--schema").stdout == f"{schema.FILE}\n"
        assert [path.name for path in tmp_path.iterdir()] == [schema.FILE]
