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
import pickletools
import struct
import sys
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
    torch.save(_canonical(header | dict(content)), buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(_seal(buffer.getvalue()))


def _canonical(value: Any) -> Any:
    """The same values in the one form that equal states are written in.

    Tensors on the CPU, for readers that have no other device. Containers made anew and strings
    interned, because a pickle refers back to an object that it has seen, and not to its equal.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {_canonical(key): _canonical(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_canonical(child) for child in value)
    return sys.intern(value) if isinstance(value, str) else value


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
    weights = state.get("average", state.get("generator"))
    if not isinstance(weights, dict) or not all(isinstance(t, Tensor) for t in weights.values()):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    config, versions = _config(path, content), content["versions"]
    return GeneratorFile(kind, config, weights, state["step"], state["epoch"], versions)


def read(path: Path) -> tuple[Kind, dict[str, Any]]:
    """The kind and the content of a file of ours, after every check that needs no config."""
    try:
        if path.exists() and not path.is_file():
            raise FileFormatError(f"{path}: {_NOT_OURS}")  # a pipe would be waited for
        raw = path.read_bytes()
    except OSError as error:
        raise FileFormatError(
            f"{path}: cannot be read ({error.strerror}); give a generator file, a checkpoint or a "
            "run directory"
        ) from error
    _verify(path, raw)
    _verify_pickle(path, raw)
    try:
        content = torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
    except Exception as error:  # a crafted pickle can make the reader raise anything
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
    return _header(path, content, len(raw)), content


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


def _verify_pickle(path: Path, raw: bytes) -> None:
    """See that the pickle within names only what we write, before torch reads it.

    torch's own list of what may be built is longer: a bytearray of any size is on it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            operations = list(pickletools.genops(archive.read(name)))
    except Exception as error:  # a crafted pickle can make the reader raise anything
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
    if not {arg for op, arg, _ in operations if op.name == "GLOBAL"} <= _GLOBALS or any(
        op.name in ("STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX") for op, _, _ in operations
    ):
        raise FileFormatError(f"{path}: {_NOT_OURS}")


_GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch FloatStorage",
    "torch LongStorage",
}


def _header(path: Path, content: Any, size: int) -> Kind:
    """Check everything that both kinds have in common."""
    if not isinstance(content, dict):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    kind, version = content.get("format"), content.get("version")
    if kind not in _KINDS:
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    if type(version) is not int or version != FORMAT_VERSION:
        raise FileFormatError(
            f"{path}: is of format {version!r}, this mnistgan ({__version__}) reads format "
            f"{FORMAT_VERSION}; install the version that wrote it"
        )
    _check_tensors(path, content, size)
    state, versions = content.get("state"), content.get("versions")
    if not isinstance(state, dict) or not isinstance(versions, dict):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    counted = all(type(state.get(key)) is int and state[key] >= 0 for key in ("step", "epoch"))
    if not counted or not all(isinstance(part, str) for pair in versions.items() for part in pair):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    return _KINDS[kind]


_KINDS: dict[object, Kind] = {
    "mnistgan-checkpoint": "checkpoint",
    "mnistgan-generator": "generator",
}


def _check_tensors(path: Path, content: Mapping[str, Any], size: int) -> None:
    """Refuse nests without end, and tensors that together are more than the file's bytes."""
    total = 0
    try:
        for name, tensor in _tensors(content):
            _check_tensor(path, name, tensor)
            total += tensor.numel() * tensor.element_size()
    except ValueError as error:
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
    if total > size:
        raise FileFormatError(f"{path}: its tensors are larger than the file; do not use it")


def _check_tensor(path: Path, name: str, tensor: Tensor) -> None:
    """Refuse tensors that are sparse, of other types, larger than their bytes, or not finite."""
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    plain = plain and tensor.dtype in (torch.float32, torch.int64)
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise FileFormatError(f"{path}: {name} is no plain tensor; do not use this file")
    if not torch.isfinite(tensor).all():
        raise FileFormatError(f"{path}: {name} is not finite; use an older checkpoint")


def _tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested dicts and lists, with the path to each.

    Raises:
        ValueError: there are more than 100,000 things in it, as in a nest that holds itself.
    """
    waiting: list[tuple[str, Any]] = [("", content)]
    for _ in range(100_000):
        if not waiting:
            return
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, Mapping):
            waiting += [(f"{name}.{key}".lstrip("."), child) for key, child in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f"{name}.{index}", child) for index, child in enumerate(value)]
    raise ValueError("a nest without end")


def _config(path: Path, content: Mapping[str, Any]) -> RunConfig:
    table = content.get("config")
    if not isinstance(table, dict):
        raise FileFormatError(f"{path}: {_NOT_OURS}")
    try:
        config = config_io.validate(table, f"{path}: its config")
        config_io.to_toml(config).encode("utf-8")
    except ConfigError as error:
        raise FileFormatError(str(error)) from error
    except (TypeError, ValueError) as error:  # values that no TOML could have had
        raise FileFormatError(f"{path}: {_NOT_OURS}") from error
    return config
