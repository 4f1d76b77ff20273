"""Checkpoints and generator files: their content, and its validation.

A *checkpoint* holds the whole training state. It needs no random state, because every random draw
is a function of the seed and the step (see :mod:`mnistgan.models.noise`). A *generator file* is
meant to be shared: it holds the config and G's weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnistgan import __version__
from mnistgan.config import RunConfig, toml
from mnistgan.errors import ConfigError, FileFormatError, TrainingError
from mnistgan.storage import generator_safetensors, tensor_zip
from mnistgan.storage.tensor_zip import NOT_OURS, RefusedError

FORMAT_VERSION = 1
# Names in files: they cannot change without a new FORMAT_VERSION.
_KINDS = {"mnistgan-checkpoint": "checkpoint", "mnistgan-generator": "generator"}


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint or a generator file.

    Attributes:
        kind: ``checkpoint`` or ``generator``.
        config: config of the run that wrote it.
        state: the return value of :meth:`Trainer.state`; in a generator file, only the generator's
            part.
        versions: versions of mnistgan and torch that wrote it.
    """

    kind: str
    config: RunConfig
    state: dict[str, Any]
    versions: dict[str, str]

    @property
    def step(self) -> int:
        """Updates of G so far."""
        return int(self.state["step"])

    @property
    def epoch(self) -> int:
        """Epoch of that step."""
        return int(self.state["epoch"])

    @property
    def weights(self) -> dict[str, Tensor]:
        """G's weights and buffers for sampling: the moving average, or G if it is disabled."""
        weights: dict[str, Tensor] = self.state.get("average", self.state["generator"])
        return weights


def save_checkpoint(path: Path, config: RunConfig, state: Mapping[str, Any]) -> None:
    """Write a trainer's state.

    Raises:
        TrainingError: the state contains a NaN or an infinity; nothing is written.
    """
    _save(path, "checkpoint", config, state)


def save_generator(path: Path, config: RunConfig, state: Mapping[str, Any]) -> None:
    """Write only the generator's part of a trainer's state.

    Raises:
        TrainingError: the state contains a NaN or an infinity; nothing is written.
    """
    parts = {key: state[key] for key in ("generator", "average", "step", "epoch") if key in state}
    _save(path, "generator", toml.without_places(config), parts)


def _save(path: Path, kind: str, config: RunConfig, state: Mapping[str, Any]) -> None:
    # A NaN in a checkpoint would make every resumed run fail; the older checkpoint still works.
    for name, tensor in tensor_zip.tensors(state):
        if not torch.isfinite(tensor).all():
            why = f"{name} is no longer finite, so {path.name} was not written"
            raise TrainingError(f"{why}; start a new run with lower train.lr_d and train.lr_g")
    content = {
        "format": f"mnistgan-{kind}",
        "version": FORMAT_VERSION,
        "config": toml.to_table(config),
        "versions": {"mnistgan": __version__, "torch": str(torch.__version__)},
        "state": state,
    }
    tensor_zip.write(path, content)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        FileFormatError: the file is not a checkpoint, is damaged, or has another version.
    """
    loaded = read_file(path)
    if loaded.kind != "checkpoint":
        raise FileFormatError(f"{path}: has no training state; give a checkpoint or run directory")
    return loaded


def read_file(path: Path, *, keep_places: bool = True) -> Checkpoint:
    """Read a generator file (``.pt``, or ``.safetensors`` from ``mnistgan export``) or checkpoint.

    Args:
        path: of the file.
        keep_places: keep the places in a checkpoint's ``[data]``, which resuming compares. Those in
            a generator file are always left out, unread: the file may come from somebody else.

    Raises:
        FileFormatError: the file is neither, is damaged, or has another version.
    """
    try:
        if path.suffix.lower() == generator_safetensors.SUFFIX:
            return _checked("generator", generator_safetensors.read(path), keep_places=False)
        content = tensor_zip.read(path)
        kind = _kind(content)
        return _checked(kind, content, keep_places=keep_places and kind == "checkpoint")
    except (RefusedError, ConfigError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    except (TypeError, ValueError) as error:  # a crafted config with values that TOML lacks
        raise FileFormatError(f"{path}: {NOT_OURS}") from error


def _kind(content: Mapping[str, Any]) -> str:
    name, version = content.get("format"), content.get("version")
    if name not in _KINDS:
        raise RefusedError(NOT_OURS)
    # type() and not isinstance(): True is an int, too, and equals 1.
    if type(version) is not int or version != FORMAT_VERSION:
        raise RefusedError(f"has format {version!r}; install the version that wrote it")
    return _KINDS[name]


def _checked(kind: str, content: Mapping[str, Any], *, keep_places: bool) -> Checkpoint:
    """Check that all entries are present and have the right types."""
    # The digest shows only that the file is complete: anybody can compute it for a crafted file.
    # Content that passes these checks cannot make the code that uses it fail with a traceback.
    table, state, versions = (content.get(key) for key in ("config", "state", "versions"))
    if not (isinstance(table, dict) and isinstance(state, dict) and isinstance(versions, dict)):
        raise RefusedError(NOT_OURS)
    weights = state.get("average", state.get("generator"))
    counted = all(type(state.get(key)) is int and state[key] >= 0 for key in ("step", "epoch"))
    weighted = isinstance(weights, dict) and all(isinstance(t, Tensor) for t in weights.values())
    named = all(isinstance(part, str) for pair in versions.items() for part in pair)
    if not (counted and weighted and named and "generator" in state):
        raise RefusedError(NOT_OURS)
    table = table if keep_places else toml.table_without_places(table)
    config = toml.validate(table, "its config")
    toml.to_toml(config).encode("utf-8")  # otherwise a lone surrogate would fail when it is written
    if config.model.conditional and not config.model.classes:  # training always sets them
        raise RefusedError("its conditional model has no classes; do not use this file")
    return Checkpoint(kind, config, state, versions)
