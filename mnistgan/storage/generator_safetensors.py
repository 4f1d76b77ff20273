"""Generators as safetensors files, a format without code that many programs can read.

The tensors are the weights and buffers of G or of its moving average, named as in its
``state_dict``. The metadata holds the run config as TOML under ``mnistgan.config``, and
``mnistgan.step`` and ``mnistgan.epoch``. The format has no checksum: a truncated file is refused,
but a changed weight is not detected.
"""

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
_EXPECTED = f"give a {SUFFIX} file of mnistgan export or a generator file (g.pt)"
_NOT_OURS = f"cannot be read; {_EXPECTED}"


def write(
    path: Path, config: RunConfig, weights: Mapping[str, Tensor], step: int, epoch: int
) -> None:
    """Write a generator, atomically.

    Raises:
        UsageError: the extension is wrong, or the folder is not writable.
    """
    check_target(path, SUFFIX)
    metadata = {
        "mnistgan.config": toml.to_toml(toml.without_places(config)),
        "mnistgan.step": str(step),
        "mnistgan.epoch": str(epoch),
        "mnistgan.version": __version__,
        "torch.version": str(torch.__version__),
    }
    # safetensors refuses tensors that are not contiguous.
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    # Not safetensors' save_file, which writes under the final name and does not sync.
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata=metadata))


def read(path: Path) -> dict[str, Any]:
    """Read a file from :func:`write`: config, versions and state, as in a ``.pt`` generator file.

    Raises:
        FileFormatError: the file cannot be read, is truncated, or was not written by mnistgan.
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
    except (RefusedError, UsageError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise FileFormatError(f"{path}: {reason}; {_EXPECTED}") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
