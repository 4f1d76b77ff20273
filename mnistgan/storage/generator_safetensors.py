"""Generators as safetensors files: a format that many programs read, and that cannot hold code.

The tensors are G's weights and buffers (the moving average's, where one is kept), by the names of
its ``state_dict``; the metadata holds the run config as TOML under ``mnistgan.config``, and
``mnistgan.step`` and ``mnistgan.epoch``. There is no checksum in the format: what is cut short is
refused, a changed weight is not noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mnistgan import __version__
from mnistgan.config import RunConfig, toml
from mnistgan.errors import ConfigError, FileFormatError, UsageError
from mnistgan.storage import tensor_zip
from mnistgan.storage.atomic import atomic_path
from mnistgan.storage.tensor_zip import RefusedError

SUFFIX = ".safetensors"
_NOT_OURS = f"is no {SUFFIX} file of mnistgan export; give one, or a generator file (g.pt)"


@dataclass(frozen=True)
class Contents:
    """What such a file holds.

    Attributes:
        config: of the run that trained the generator.
        weights: its ``state_dict``.
        step: updates that it has had.
        epoch: the epoch of that step.
        versions: of mnistgan and torch when it was written.
    """

    config: RunConfig
    weights: dict[str, Tensor]
    step: int
    epoch: int
    versions: dict[str, str]


def write(
    path: Path, config: RunConfig, weights: Mapping[str, Tensor], step: int, epoch: int
) -> None:
    """Write a generator, atomically.

    Raises:
        UsageError: another ending, or the folder cannot be written.
    """
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"{path}: unknown ending {path.suffix!r}; use {SUFFIX}")
    metadata = {
        "mnistgan.config": toml.to_toml(config),
        "mnistgan.step": str(step),
        "mnistgan.epoch": str(epoch),
        "mnistgan.version": __version__,
        "torch.version": str(torch.__version__),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata=metadata))


def read(path: Path) -> Contents:
    """Read what :func:`write` wrote.

    Raises:
        FileFormatError: it cannot be read, is cut short, or is none of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensor_zip.check_tensors(weights, path.stat().st_size)
        table = toml.parse_toml(metadata["mnistgan.config"].encode(), "its config")
        found = Contents(
            toml.validate(table, "its config"),
            weights,
            int(metadata["mnistgan.step"]),
            int(metadata["mnistgan.epoch"]),
            {name: metadata[f"{name}.version"] for name in ("mnistgan", "torch")},
        )
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read; {_NOT_OURS}") from error
    except (ConfigError, RefusedError, UsageError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
    if min(found.step, found.epoch) < 0:
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    return found
