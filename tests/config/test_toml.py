"""Reading, overriding, checking and writing configs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from mnistgan.config import DataConfig, RunConfig, toml
from mnistgan.errors import ConfigError, UsageError


def mistakes(table: dict[str, Any]) -> list[str]:
    return toml.check(table)[1]


def test_the_default_recipe_survives_toml() -> None:
    text = toml.to_toml(RunConfig())
    assert toml.validate(tomli.loads(text), "text") == RunConfig()


configs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**63 - 1),
        "data": st.fixed_dictionaries({"image_size": st.sampled_from([28, 32, 64])}),
        "model": st.one_of(
            st.fixed_dictionaries(
                {
                    "family": st.just("dcgan"),
                    "generator": st.fixed_dictionaries({"width": st.integers(1, 65_536)}),
                }
            ),
            st.fixed_dictionaries(
                {
                    "latent_dim": st.integers(1, 65_536),
                    "generator": st.fixed_dictionaries(
                        {"widths": st.lists(st.integers(1, 65_536), min_size=1, max_size=5)}
                    ),
                }
            ),
        ),
        "train": st.fixed_dictionaries(
            {
                "lr_g": st.floats(1e-9, 1.0),
                "betas": st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)).map(list),
                "max_minutes": st.one_of(st.integers(1, 10**6), st.floats(1e-6, 1e6)),
            }
        ),
        "outputs": st.dictionaries(
            st.from_regex(r"[a-z]{1,8}", fullmatch=True),
            st.one_of(st.just(False), st.fixed_dictionaries({"text": st.text()})),
            max_size=3,
        ),
    }
)


@given(configs)
def test_any_config_survives_toml(table: dict[str, Any]) -> None:
    config = toml.validate(table, "table")
    assert toml.validate(tomli.loads(toml.to_toml(config)), "text") == config
    assert not toml.changed_keys(config, config)


def test_all_mistakes_are_reported_at_once_with_their_paths() -> None:
    found = mistakes(
        {
            "sed": 1,
            "train": {"epochs": 0, "lr_g": -1.0, "loss": "hinj", "betas": [0.5, 2]},
            "model": {"family": "dcgan", "generator": {"widths": [2]}},
            "data": {"image_size": 30, "name": "mnst"},
        }
    )
    keys = {problem.partition(":")[0] for problem in found}
    assert keys == {
        "sed", "train.epochs", "train.lr_g", "train.loss", "train.betas.1",
        "model.generator.widths", "data.image_size", "data.name",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"sed": 1}, ["sed", "unknown key", "did you mean 'seed'"]),
        ({"epochs": 1}, ["epochs", "did you mean 'train.epochs'"]),
        ({"train": {"learning_rate": 1}}, ["did you mean train.lr_g and train.lr_d"]),
        ({"train": {"zzz": 1}}, ["train.zzz", "known here", "batch_size"]),
        ({"train": {"epochs": 0}}, ["train.epochs", "greater than or equal to 1", "got 0"]),
        ({"train": {"epochs": "5"}}, ["train.epochs", "valid integer", "got '5'"]),
        ({"train": {"epochs": True}}, ["train.epochs", "valid integer"]),
        ({"train": {"lr_g": float("nan")}}, ["train.lr_g", "finite"]),
        ({"train": {"loss": "hinj"}}, ["wasserstein-gp", "did you mean 'hinge'"]),
        ({"train": 3}, ["train", "must be a table", "got 3"]),
        ({"model": 3}, ["model", "must be a table", "got 3"]),
        ({"model": {"family": "dcgn"}}, ["model.family", "did you mean 'dcgan'"]),
        ({"model": {"generator": {"width": 3}}}, ["generator.width:", "did you mean 'widths'"]),
        ({"data": {"channels": True}}, ["data.channels", "1 or 3"]),
        ({"model": {"generator": {"widths": ["x"]}}}, ["generator.widths.0", "valid integer"]),
        ({"data": {"channels": 2}}, ["data.channels", "1 or 3", "got 2"]),
        ({"outputs": {"samples": 3}}, ["outputs.samples", "table of options, or false"]),
        ({"name": "../up"}, ["name: must have at most 64 letters", "got '../up'"]),
        ({"data": {"root": ""}}, ["data.root: must be a path, got ''"]),
        ({"model": {"conditional": "TRUE"}}, ["model.conditional: must be true or false, got"]),
        ({"train": {"lr_g": ".001"}}, ["lr_g: must be a number, such as 0.001, got '.001'"]),
        ({"train": {"betas": "x"}}, ["betas: must be a list, such as [0.5, 0.999], got 'x'"]),
        ({"model": {"conditional": True, "classes": ["\0"]}}, ["classes.0: must have 1 to 255"]),
        (
            {"model": {"generator": {"widths": [512] * 5000}}},
            ["widths: must have at most 64 items, not 5000, got (512, 512, ", "5..."],
        ),
        ({"model": {"family": "x" * 999}}, [f"got '{'x' * 56}..."]),
        ({"train": "x" * 999}, [f"must be a table, got '{'x' * 56}..."]),
        (
            {"train": {"loss": "hinge", "label_smoothing": 0.1}},
            ["label_smoothing must be 0 for the loss 'hinge'"],
        ),
        ({"data": {"image_size": 30}, "model": {"family": "dcgan"}}, ["multiple of 4"]),
    ],
)
def test_a_mistake_is_told_in_one_sentence(table: dict[str, Any], words: list[str]) -> None:
    (problem,) = mistakes(table)
    assert all(word in problem for word in words), problem
    assert "\n" not in problem
    assert len(problem) < 300


def test_a_mistake_between_keys_is_told_along_with_others() -> None:
    found = mistakes({"train": {"epochs": 0, "loss": "hinge", "label_smoothing": 0.1}})
    assert len(found) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*RunConfig.model_fields, "other"]), json_values))
def test_no_table_makes_the_check_fail(table: dict[str, Any]) -> None:
    config, found = toml.check(table)
    assert (config is None) == bool(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.epochs=5", ("train.epochs", 5)),
        ("train.lr_g=1e-3", ("train.lr_g", 1e-3)),
        ("train.loss=hinge", ("train.loss", "hinge")),
        ('name="a b"', ("name", "a b")),
        ("model.generator.widths=[1, 2]", ("model.generator.widths", [1, 2])),
        ("outputs.curves=false", ("outputs.curves", False)),
        ("model.conditional=True", ("model.conditional", True)),
        ("outputs.curves= False ", ("outputs.curves", False)),
        ("train.betas=0.5,0.999", ("train.betas", [0.5, 0.999])),
        ("model.generator.widths=1, 2", ("model.generator.widths", [1, 2])),
        ("train.loss=true story", ("train.loss", "true story")),
        ("name=a,b", ("name", "a,b")),
        ("model.classes=cat, dog", ("model.classes", ["cat", "dog"])),
        ("model.classes=0,1", ("model.classes", ["0", "1"])),
        ("model.classes=cat", ("model.classes", ["cat"])),
        ('model.classes="cat","dog"', ("model.classes", ["cat", "dog"])),
        ('model.classes=["cat"]', ("model.classes", ["cat"])),
        ("outputs.wandb.tags=a,b", ("outputs.wandb.tags", ["a", "b"])),
        ("name=a=b", ("name", "a=b")),
        ("name=", ("name", "")),
        ("name=1\nother = 2", ("name", "1\nother = 2")),
    ],
)
def test_the_right_side_of_set_is_toml_or_a_string(text: str, expected: tuple[str, Any]) -> None:
    assert toml.parse_assignment(text) == expected


@given(st.text())
def test_any_set_is_understood_or_refused(text: str) -> None:
    try:
        key, _ = toml.parse_assignment(text)
    except UsageError:
        return
    assert key
    assert text.lstrip().startswith(key)


def test_overrides_leave_the_table_alone_and_later_ones_win() -> None:
    table = {"train": {"epochs": 1}}
    changed = toml.override(table, [("train.epochs", 2), ("train.epochs", 3), ("seed", 4)])
    assert changed == {"train": {"epochs": 3}, "seed": 4}
    assert table == {"train": {"epochs": 1}}
    with pytest.raises(UsageError, match="not a table"):
        toml.override({"seed": 1}, [("seed.more", 2)])


def test_a_config_with_other_keys_is_checked_and_leaves_the_first_alone() -> None:
    config = RunConfig()
    changed = toml.replace(config, {"train.epochs": 3, "outputs.curves": False})
    assert (changed.train.epochs, changed.outputs) == (3, {"curves": False})
    assert toml.replace(changed, {"train.epochs": 20, "outputs": {}}) == config == RunConfig()
    with pytest.raises(ConfigError, match=r"here: train\.epochs: must be greater"):
        toml.replace(config, {"train.epochs": 0}, "here")


def test_labels_go_with_the_name_of_their_images() -> None:
    mine = DataConfig(name="./mine", labels="./labels", root="/data")
    assert toml.replace_data(mine, name=None, root="/else").labels == "./labels"
    assert toml.replace_data(mine, name="mnist") == DataConfig(root="/data")
    with pytest.raises(ConfigError, match=r"data\.name: 'mnst' is not a data set"):
        toml.replace_data(mine, name="mnst")


def test_bad_toml_names_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("seed = 1\n[train\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"bad.toml.*line 2, column 7"):
        toml.read_toml(path)
    path.write_text(f"seed = {'9' * 5000}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is not valid TOML"):
        toml.read_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"is not in UTF-8; save it in this encoding$"):
        toml.read_toml(path)
    with pytest.raises(UsageError, match="cannot be read"):
        toml.read_toml(tmp_path)


@given(st.binary(max_size=200))
def test_any_bytes_are_toml_or_refused(raw: bytes) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(toml.parse_toml(raw, "bytes"), dict)


def test_several_mistakes_make_one_message() -> None:
    with pytest.raises(ConfigError) as caught:
        toml.validate({"seed": -1, "train": {"epochs": 0}}, "run.toml")
    assert str(caught.value).startswith("run.toml has 2 mistakes:\n  ")
    assert caught.value.exit_code == 2


def test_changed_keys_are_named_by_path() -> None:
    other = toml.validate({"train": {"epochs": 3}, "outputs": {"curves": False}}, "other")
    assert toml.changed_keys(RunConfig(), other) == {
        "train.epochs": (20, 3),
        "outputs.curves": (None, False),
        "outputs": ({}, None),
    }
