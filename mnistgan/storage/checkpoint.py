"""Checkpoints and generator files: what they hold, written and read as sealed archives.

A *checkpoint* is the whole training state. There is no random state in it because there is none
to restore: every draw is a function of the seed and the step (see :mod:`mnistgan.models.noise`).
A *generator file* is what one gives away: the config and G's weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from mnistgan import __version__
from mnistgan.config import RunConfig, toml
from mnistgan.errors import ConfigError, FileFormatError, TrainingError
from mnistgan.storage import generator_safetensors, tensor_zip
from mnistgan.storage.tensor_zip import NOT_OURS, RefusedError

Kind: TypeAlias = Literal["checkpoint", "generator"]
Weights: TypeAlias = dict[str, Tensor]

FORMAT_VERSION = 1
_FORMATS: dict[object, Kind] = {
    "mnistgan-checkpoint": "checkpoint",
    "mnistgan-generator": "generator",
}


@dataclass(frozen=True)
class Checkpoint:
    """A whole training state.

    Attributes:
        kind: whether the file is a checkpoint or holds the generator's part of one only.
        config: of the run that made it.
        state: what :meth:`Trainer.state` gave, or the generator's part of it.
        versions: of mnistgan and torch when it was written.
    """

    kind: Kind
    config: RunConfig
    state: dict[str, Any]
    versions: dict[str, str]

    @property
    def step(self) -> int:
        """Updates of G so far."""
        return int(self.state["step"])

    @property
    def epoch(self) -> int:
        """The epoch of that step."""
        return int(self.state["epoch"])

    @property
    def weights(self) -> Weights:
        """G's weights and buffers, to sample from: the moving average if one is kept."""
        weights: Weights = self.state.get("average", self.state["generator"])
        return weights


def save_checkpoint(path: Path, config: RunConfig, state: Mapping[str, Any]) -> None:
    """Write a trainer's state.

    Raises:
        TrainingError: it holds a NaN or an infinity; nothing is written.
    """
    _save(path, "mnistgan-checkpoint", config, state)


def save_generator(path: Path, config: RunConfig, state: Mapping[str, Any]) -> None:
    """Write the generator out of a trainer's state, alone.

    Raises:
        TrainingError: it holds a NaN or an infinity; nothing is written.
    """
    parts = {key: state[key] for key in ("generator", "average", "step", "epoch") if key in state}
    _save(path, "mnistgan-generator", config, parts)


def _save(path: Path, form: str, config: RunConfig, state: Mapping[str, Any]) -> None:
    for name, tensor in tensor_zip.tensors(state):
        if not torch.isfinite(tensor).all():
            raise TrainingError(
                f"{name} is no longer finite, so {path.name} was not written; start a new run with "
                "lower train.lr_d and train.lr_g; what was saved before is kept"
            )
    content = {
        "format": form,
        "version": FORMAT_VERSION,
        "config": toml.to_table(config),
        "versions": {"mnistgan": __version__, "torch": str(torch.__version__)},
        "state": state,
    }
    tensor_zip.write(path, content)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        FileFormatError: it is none, is damaged, or is of another version.
    """
    loaded = load_generator(path)
    if loaded.kind != "checkpoint":
        raise FileFormatError(
            f"{path}: is a generator file, which holds no training state; give a checkpoint or a "
            "run directory"
        )
    return loaded


def load_generator(path: Path) -> Checkpoint:
    """Read a generator file, or a checkpoint, of which the generator is a part.

    A generator may be a ``.safetensors`` file, too, as ``mnistgan export`` writes it.

    Raises:
        FileFormatError: it is neither, is damaged, or is of another version.
    """
    if path.suffix.lower() == generator_safetensors.SUFFIX:
        found = generator_safetensors.read(path)
        _check_classes(path, found.config)
        state = {"generator": found.weights, "step": found.step, "epoch": found.epoch}
        return Checkpoint("generator", found.config, state, found.versions)
    content = tensor_zip.read(path)
    try:
        kind = _check(content)
        config = toml.validate(content["config"], "its config")
        toml.to_toml(config).encode("utf-8")
    except (RefusedError, ConfigError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    except (TypeError, ValueError) as error:  # a config with values that no TOML could have had
        raise FileFormatError(f"{path}: {NOT_OURS}") from error
    _check_classes(path, config)
    return Checkpoint(kind, config, content["state"], content["versions"])


def _check_classes(path: Path, config: RunConfig) -> None:
    if config.model.conditional and not config.model.classes:  # the training had filled them in
        raise FileFormatError(f"{path}: its conditional model has no classes; {NOT_OURS}")


def _check(content: Mapping[str, Any]) -> Kind:
    """See that everything is there and of its kind, but for the config's own keys."""
    kind, version = _FORMATS.get(content.get("format")), content.get("version")
    if kind is None:
        raise RefusedError(NOT_OURS)
    if type(version) is not int or version != FORMAT_VERSION:
        raise RefusedError(
            f"is of format {version!r}, this mnistgan ({__version__}) reads format "
            f"{FORMAT_VERSION}; install the version that wrote it"
        )
    tables = [content.get(key) for key in ("config", "state", "versions")]
    if not all(isinstance(table, dict) for table in tables):
        raise RefusedError(NOT_OURS)
    state, versions = content["state"], content["versions"]
    weights = state.get("average", state.get("generator"))
    counted = all(type(state.get(key)) is int and state[key] >= 0 for key in ("step", "epoch"))
    weighted = isinstance(weights, dict) and all(isinstance(t, Tensor) for t in weights.values())
    named = all(isinstance(part, str) for pair in versions.items() for part in pair)
    if not (counted and weighted and named and "generator" in state):
        raise RefusedError(NOT_OURS)
    return kind
