"""The presets: each states its whole recipe, and trains."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from pydantic import BaseModel
from support import Invoke

from mnistgan.config import RunConfig, presets, toml
from mnistgan.errors import UsageError

ISSUED = {
    "mlp-tanh", "mlp-sigmoid", "mlp-batchnorm", "mlp-256", "dcgan",
    "quickstart", "wgan-gp", "hinge-sn", "full",
}  # fmt: skip

NO_PART_OF_A_RECIPE = {
    "data.root", "name",  # about the machine, or its user
    "train.device", "train.accelerate", "train.max_minutes",  # likewise
    "data.labels", "data.fit", "data.background", "data.alpha",  # about images of one's own
    "model.classes",  # the data's
}  # fmt: skip


def _config(name: str) -> RunConfig:
    return toml.validate(toml.read_toml(presets.path(name)), name)


def _left_out(section: BaseModel, prefix: str = "") -> set[str]:
    """The keys that a config takes from the defaults."""
    paths = {f"{prefix}{name}" for name in type(section).model_fields} - {
        f"{prefix}{name}" for name in section.model_fields_set
    }
    for name, value in section:
        if isinstance(value, BaseModel) and name in section.model_fields_set:
            paths |= _left_out(value, f"{prefix}{name}.")
    return paths


def test_all_presets_are_there() -> None:
    assert set(presets.names()) >= ISSUED


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_states_its_whole_recipe(name: str) -> None:
    left_out = _left_out(_config(name)) - NO_PART_OF_A_RECIPE
    # How often a state is saved and what is drawn of a run change nothing in its numbers.
    assert left_out <= {"checkpoint", "outputs", "evaluate", "watch"}


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_says_what_it_is(name: str) -> None:
    assert presets.summary(name).endswith(".")


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_takes_a_step(name: str, invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("train", "--config", name, "--data", "digits", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "step 1: loss_D" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_full_shows_every_key_with_its_default() -> None:
    text = presets.path("full").read_text(encoding="utf-8")
    config = toml.validate(tomli.loads(text), "full")
    same = config.model_copy(update={"outputs": {}})
    assert same == RunConfig()
    for key in toml.key_paths():
        assert key.rpartition(".")[2] in text, key


def test_an_unknown_preset_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'dcgan'"):
        presets.path("dcgn")


def test_what_the_sources_name() -> None:
    """The numbers that the published projects state."""
    tanh, sigmoid, dcgan = _config("mlp-tanh"), _config("mlp-sigmoid"), _config("dcgan")
    batchnorm, small = _config("mlp-batchnorm"), _config("mlp-256")
    assert tanh.model.generator.output == small.model.generator.output == "tanh"
    assert (sigmoid.model.latent_dim, sigmoid.train.epochs, sigmoid.train.batch_size) == (
        128, 20, 32,
    )  # fmt: skip
    assert (batchnorm.model.latent_dim, batchnorm.train.epochs, batchnorm.train.batch_size) == (
        64, 500, 128,
    )  # fmt: skip
    assert (small.model.latent_dim, small.train.epochs, small.train.batch_size) == (64, 200, 100)
    assert (dcgan.model.latent_dim, dcgan.train.epochs, dcgan.train.batch_size) == (100, 200, 128)
    assert dcgan.train.lr_g == dcgan.train.lr_d == 2e-4
    assert dcgan.train.betas == (0.5, 0.999)
    assert dcgan.outputs["samples"] == {
        "epochs": [1, 5, 50, 100, 150, 200],
        "pattern": "epoch_{epoch:03d}.png",
    }
