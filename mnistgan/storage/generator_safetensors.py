"""Generators as safetensors files: a format that many programs read, and that cannot hold code.

The tensors are G's weights and buffers (the moving average's, where one is kept), by the names of
its ``state_dict``; the metadata holds the run config as TOML under ``mnistgan.config``, and
``mnistgan.step`` and ``mnistgan.epoch``. There is no checksum in the format: what is cut short is
refused, a changed weight is not noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mnistgan import __version__
from mnistgan.config import RunConfig, toml
from mnistgan.errors import FileFormatError, UsageError
from mnistgan.storage import tensor_zip
from mnistgan.storage.atomic import atomic_path, check_regular, check_target
from mnistgan.storage.tensor_zip import RefusedError

SUFFIX = ".safetensors"
_NOT_OURS = f"is no {SUFFIX} file of mnistgan export; give one, or a generator file (g.pt)"


def write(
    path: Path, config: RunConfig, weights: Mapping[str, Tensor], step: int, epoch: int
) -> None:
    """Write a generator, atomically.

    Raises:
        UsageError: another ending, or the folder cannot be written.
    """
    check_target(path, SUFFIX)
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


def read(path: Path) -> dict[str, Any]:
    """Read what :func:`write` wrote, as the content of a generator file.

    Raises:
        FileFormatError: it cannot be read, is cut short, or is none of ours.
    """
    try:
        check_regular(path)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensor_zip.check_tensors(weights, path.stat().st_size)
        counts = {name: int(metadata[f"mnistgan.{name}"]) for name in ("step", "epoch")}
        return {
            "config": toml.parse_toml(metadata["mnistgan.config"].encode(), "its config"),
            "versions": {name: metadata[f"{name}.version"] for name in ("mnistgan", "torch")},
            "state": {"generator": weights, **counts},
        }
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read; {_NOT_OURS}") from error
    except (RefusedError, UsageError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
