"""Checkpoints and generator files: written whole, verified before use, never run as code.

Both are what ``torch.save`` writes: a zip archive. Its comment holds the SHA-256 of every byte
before it, so that a single altered or missing byte is found before anything is unpacked. They hold
tensors and plain values only, and are read with ``weights_only=True``.

A *checkpoint* is the whole training state. There is no random state in it because there is none
to restore: every draw is a function of the seed and the step (see :mod:`mnistgan.latents`).
A *generator file* is what one gives away: the config and G's weights.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from mnistgan import __version__, config_io
from mnistgan.config import RunConfig
from mnistgan.errors import ConfigError, FileFormatError, TrainingError
from mnistgan.files import atomic_path

Kind: TypeAlias = Literal["checkpoint", "generator"]
Weights: TypeAlias = dict[str, Tensor]

FORMAT_VERSION = 1
_MARK = b"mnistgan sha256="
_HEX = 64


@dataclass(frozen=True)
class GeneratorFile:
    """What a generator file, or the generator's part of a checkpoint, says.

    Attributes:
        kind: which of the two it was.
        config: of the run that made it.
        weights: G's weights and buffers, to sample from: the moving average if one is kept.
        step: updates of G so far.
        epoch: the epoch of that step.
        versions: of mnistgan and torch when it was written.
    """

    kind: Kind
    config: RunConfig
    weights: Weights
    step: int
    epoch: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A whole training state: the config, and the trainer's tensors and counters."""

    config: RunConfig
    state: dict[str, Any]
    versions: dict[str, str]


# Writing ---------------------------------------------------------------------------------------


def save_checkpoint(path: Path, config: RunConfig, state: Mapping[str, Any]) -> None:
    """Write a trainer's state.

    Raises:
        TrainingError: it holds a NaN or an infinity; nothing is written.
    """
    _write(path, "checkpoint", config, {"state": dict(state)})


def save_generator(path: Path, config: RunConfig, state: Mapping[str, Any]) -> None:
    """Write the generator out of a trainer's state, alone.

    Raises:
        TrainingError: it holds a NaN or an infinity; nothing is written.
    """
    parts = {key: state[key] for key in ("generator", "average", "step", "epoch") if key in state}
    _write(path, "generator", config, {"state": parts})


def _write(path: Path, kind: Kind, config: RunConfig, content: Mapping[str, Any]) -> None:
    broken = next((name for name, t in _tensors(content) if not torch.isfinite(t).all()), None)
    if broken:
        raise TrainingError(
            f"{broken} is no longer finite, so {path.name} was not written; train anew with lower "
            "train.lr_d and train.lr_g; what was saved before is kept"
        )
    buffer = io.BytesIO()
    header = {
        "format": f"mnistgan-{kind}",
        "version": FORMAT_VERSION,
        "config": config_io.to_table(config),
        "versions": {"mnistgan": __version__, "torch": str(torch.__version__)},
    }
    torch.save(header | _on_cpu(content), buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(_seal(buffer.getvalue()))


def _on_cpu(value: Any) -> Any:
    """The same values with every tensor on the CPU, for readers that have no other device."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {key: _on_cpu(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_on_cpu(child) for child in value)
    return value


def _seal(archive: bytes) -> bytes:
    """The zip archive with its digest as comment; the last two bytes are the comment's length."""
    body = archive[:-2] + struct.pack("<H", len(_MARK) + _HEX) + _MARK
    return body + hashlib.sha256(body).hexdigest().encode("ascii")


# Reading ---------------------------------------------------------------------------------------


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        FileFormatError: it is none, is damaged, or is of another version.
    """
    kind, content = read(path)
    if kind != "checkpoint":
        raise FileFormatError(
            f"{path}: is a generator file, which holds no training state; give a checkpoint or a "
            "run directory"
        )
    return Checkpoint(_config(path, content), content["state"], content["versions"])


def load_generator_file(path: Path) -> GeneratorFile:
    """Read the generator of a generator file or of a checkpoint.

    Raises:
        FileFormatError: it is neither, is damaged, or is of another version.
    """
    kind, content = read(path)
    state = content["state"]
    try:
        weights = state["average"] if "average" in state else state["generator"]
        step, epoch = int(state["step"]), int(state["epoch"])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: lacks {error}; it was not written by mnistgan") from error
    config, versions = _config(path, content), content["versions"]
    return GeneratorFile(kind, config, weights, step, epoch, versions)


def read(path: Path) -> tuple[Kind, dict[str, Any]]:
    """The kind and the content of a file of ours, after every check that needs no config."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileFormatError(
            f"{path}: cannot be read ({error.strerror}); give a generator file, a checkpoint or a "
            "run directory"
        ) from error
    _verify(path, raw)
    try:
        content = torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
    except Exception as error:  # a crafted pickle can make the reader raise anything
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
    return _header(path, content), content


_NOT_OURS = "is no file of mnistgan; give a generator file, a checkpoint or a run directory"
_DAMAGED = "is cut short or altered; use an older checkpoint or fetch the file again"


def _verify(path: Path, raw: bytes) -> None:
    """Hold the digest against the bytes, before anything is unpacked."""
    if not raw.startswith(b"PK"):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    body, digest = raw[:-_HEX], raw[-_HEX:]
    if not body.endswith(_MARK):
        ours = b"mnistgan-" in raw[:65_536]
        raise FileFormatError(f"{path}: {_DAMAGED if ours else _NOT_OURS}")
    if hashlib.sha256(body).hexdigest().encode("ascii") != digest:
        raise FileFormatError(f"{path}: {_DAMAGED}")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
    if unpacked > len(raw):  # torch.save never compresses
        raise FileFormatError(f"{path}: {_NOT_OURS}")


def _header(path: Path, content: Any) -> Kind:
    """Check everything that both kinds have in common."""
    if not isinstance(content, dict):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    kind = re.fullmatch(r"mnistgan-(checkpoint|generator)", str(content.get("format")))
    if kind is None:
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    if content.get("version") != FORMAT_VERSION:
        raise FileFormatError(
            f"{path}: is of format {content.get('version')!r}, this mnistgan ({__version__}) reads "
            f"format {FORMAT_VERSION}; install the version that wrote it"
        )
    for name, tensor in _tensors(content):
        _check_tensor(path, name, tensor)
    if not isinstance(content.get("state"), dict) or not isinstance(content.get("versions"), dict):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    return "checkpoint" if kind[1] == "checkpoint" else "generator"


def _check_tensor(path: Path, name: str, tensor: Tensor) -> None:
    """Refuse tensors that are sparse, larger than their bytes, or not finite."""
    plain = tensor.layout == torch.strided and not tensor.is_quantized
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise FileFormatError(f"{path}: {name} is no plain tensor; do not use this file")
    if not torch.isfinite(tensor).all():
        raise FileFormatError(f"{path}: {name} is not finite; use an older checkpoint")


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested dicts and lists, with the path to each."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _tensors(child, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _tensors(child, f"{name}.{index}")


def _config(path: Path, content: Mapping[str, Any]) -> RunConfig:
    table = content.get("config")
    if not isinstance(table, dict):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    try:
        return config_io.validate(table, f"{path}: its config")
    except ConfigError as error:
        raise FileFormatError(str(error)) from error
