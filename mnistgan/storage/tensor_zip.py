"""Sealed archives: tensors and plain values in a file that is verified before it is used.

The file is what ``torch.save`` writes, a zip archive, with the SHA-256 of every byte before it as
the archive's comment: a single altered or missing byte is found before anything is unpacked. What
is read is never run: the pickle within may name nothing but what :func:`write` writes, torch reads
it with ``weights_only=True``, and no tensor takes more memory than the file has bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickletools
import struct
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from mnistgan.errors import FileFormatError
from mnistgan.storage.atomic import atomic_path, check_regular

_MARK = b"mnistgan sha256="
_HEX = 64
_GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch FloatStorage",
    "torch LongStorage",
}
"""All that our own pickles name. torch's own list is longer: a bytearray of any size is on it."""


class RefusedError(ValueError):
    """Why a file is not used; :func:`read` puts its path before it."""


NOT_OURS = "is no file of mnistgan; give a generator file, a checkpoint or a run directory"
DAMAGED = "is cut short or altered; use an older checkpoint or fetch the file again"


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write nested dicts, lists, tensors and plain values, atomically.

    Raises:
        UsageError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(_canonical(content), buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(seal(buffer.getvalue()))


def seal(archive: bytes) -> bytes:
    """The zip archive with its digest as comment; its last two bytes are the comment's length."""
    body = archive[:-2] + struct.pack("<H", len(_MARK) + _HEX) + _MARK
    return body + hashlib.sha256(body).hexdigest().encode("ascii")


def _canonical(value: Any) -> Any:
    """The same values in the one form that equal contents are written in.

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


def read(path: Path) -> dict[str, Any]:
    """Read what :func:`write` wrote.

    Raises:
        FileFormatError: the file cannot be read, is none of ours, or is damaged.
    """
    try:
        check_regular(path)
        with path.open("rb") as file:
            _check_ends(file)
            return _unseal(file.read())
    except OSError as error:
        raise FileFormatError(
            f"{path}: cannot be read ({error.strerror}); give a generator file, a checkpoint or a "
            "run directory"
        ) from error
    except RefusedError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _unseal(raw: bytes) -> dict[str, Any]:
    """Check from the outside in: digest, zip, pickle, tensors."""
    body, digest = raw[:-_HEX], raw[-_HEX:]
    if hashlib.sha256(body).hexdigest().encode("ascii") != digest:
        raise RefusedError(DAMAGED)
    try:
        _check_archive(raw)
        content = torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
    except Exception as error:  # a crafted archive can make its readers raise anything
        raise RefusedError(NOT_OURS) from error
    if not isinstance(content, dict):
        raise RefusedError(NOT_OURS)
    check_tensors(content, len(raw))
    return content


def _check_ends(file: BinaryIO) -> None:
    """Refuse a file of another kind, however long, before it is read."""
    head = file.read(65_536)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _HEX - len(_MARK)))
    if not head.startswith(b"PK") or file.read(len(_MARK)) != _MARK:
        raise RefusedError(DAMAGED if b"mnistgan-" in head else NOT_OURS)
    file.seek(0)


def _check_archive(raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > len(raw):
            raise RefusedError(NOT_OURS)  # torch.save never compresses
        (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        operations = [(op.name, arg) for op, arg, _ in pickletools.genops(archive.read(name))]
    other_ways = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"}
    if any(op in other_ways or (op == "GLOBAL" and arg not in _GLOBALS) for op, arg in operations):
        raise RefusedError(NOT_OURS)


def check_tensors(content: Mapping[str, Any], size: int) -> None:
    """See that all tensors are plain, finite, and no larger than the file that they came from.

    Raises:
        RefusedError: one is not.
    """
    total = 0
    for name, tensor in tensors(content):
        total += tensor.numel() * tensor.element_size()
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not plain or tensor.dtype not in (torch.float32, torch.int64) or total > size:
            raise RefusedError(f"{name} is no plain tensor of the file's own; do not use this file")
        if not torch.isfinite(tensor).all():
            raise RefusedError(f"{name} is not finite; use an older checkpoint")


def tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested dicts and lists, with the path to each.

    Raises:
        RefusedError: there are more than 100,000 things in it, as in a nest that holds itself.
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
    raise RefusedError(NOT_OURS)
