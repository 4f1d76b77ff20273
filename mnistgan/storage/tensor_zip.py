"""Sealed archives: tensors and plain values in a file that is verified before it is used.

The file is a zip archive as ``torch.save`` writes it. Its comment holds the SHA-256 of all bytes
before it, so an altered or missing byte is detected before anything is unpacked. Nothing in the
file is executed: the pickle inside may name only the globals that :func:`write` uses, and torch
loads it with ``weights_only=True``. The tensors take no more memory than the file has bytes.
"""

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

# weights_only=True alone is not relied on: it executed code before torch 2.6 (CVE-2025-32434) and
# corrupted memory before 2.10 (CVE-2026-24747). torch's reader also ignores the CRC-32 of a zip.
_MARK = b"mnistgan sha256="
_HEX = 64
_GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch FloatStorage",
    "torch LongStorage",
}
"""The only globals in files of mnistgan. torch allows more with ``weights_only``, such as
``bytearray``, with which a file of a few bytes can allocate any amount of memory."""


_MOST_OPERATIONS = 150_000
"""Of a pickle. 64 layers in each network and 10,000 classes take about half as many. A million take
seconds to read."""


class RefusedError(ValueError):
    """A file is refused; the message is the reason, and the caller adds the path before it."""


NOT_OURS = "is not an mnistgan file; give a generator file, a checkpoint or a run directory"
_DAMAGED = "is truncated or altered; use an older checkpoint or download the file again"


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write nested dicts, lists, tensors and plain values, atomically.

    Raises:
        UsageError: the folder cannot be written.
    """
    # In memory first: the digest must cover the bytes as they will be in the file.
    buffer = io.BytesIO()
    torch.save(_canonical(content), buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(seal(buffer.getvalue()))


def seal(archive: bytes) -> bytes:
    """Add the digest of a zip archive as its comment, so that any zip tool can still read it.

    A zip without a comment ends with the comment's length, two zero bytes, which are replaced.
    """
    body = archive[:-2] + struct.pack("<H", len(_MARK) + _HEX) + _MARK
    return body + hashlib.sha256(body).hexdigest().encode("ascii")


def _canonical(value: Any) -> Any:
    """The same values in a form for which equal contents give equal files, byte for byte.

    Tensors are moved to the CPU, so that they load on a machine without the training device.
    """
    # A pickle refers back to an object that it has already written, but writes an equal object
    # again. So containers are copied and strings interned: then no two runs differ in this.
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
        FileFormatError: the file cannot be read, is damaged, or was not written by mnistgan.
    """
    try:
        check_regular(path)
        with path.open("rb") as file:
            _check_ends(file)
            return _unseal(file.read())
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); give a generator file or a run directory"
        raise FileFormatError(f"{path}: {reason}") from error
    except RefusedError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _unseal(raw: bytes) -> dict[str, Any]:
    """Check digest, zip, pickle and tensors, in this order: each check relies on the one before."""
    body, digest = raw[:-_HEX], raw[-_HEX:]
    if hashlib.sha256(body).hexdigest().encode("ascii") != digest:
        raise RefusedError(_DAMAGED)
    try:
        _check_archive(raw)
        content = torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
    except Exception as error:  # for a crafted archive, zipfile and torch may raise anything
        raise RefusedError(NOT_OURS) from error
    if not isinstance(content, dict):
        raise RefusedError(NOT_OURS)
    check_tensors(content, len(raw))
    return content


def _check_ends(file: BinaryIO) -> None:
    """Refuse files of other kinds before reading them completely: they may exceed the memory."""
    head = file.read(65_536)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _HEX - len(_MARK)))
    if not head.startswith(b"PK") or file.read(len(_MARK)) != _MARK:
        raise RefusedError(_DAMAGED if b"mnistgan-" in head else NOT_OURS)
    file.seek(0)


def _check_archive(raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > len(raw):
            raise RefusedError(NOT_OURS)  # compressed, as torch.save never does: maybe a zip bomb
        (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        operations: list[tuple[str, Any]] = []
        for operation, argument, _ in pickletools.genops(archive.read(name)):
            operations.append((operation.name, argument))
            if len(operations) > _MOST_OPERATIONS:
                raise RefusedError(NOT_OURS)
    # Opcodes that name or build objects in other ways than GLOBAL; torch.save uses none of them.
    forbidden = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"}
    if any(op in forbidden or (op == "GLOBAL" and arg not in _GLOBALS) for op, arg in operations):
        raise RefusedError(NOT_OURS)


def check_tensors(content: Mapping[str, Any], size: int) -> None:
    """Check that all tensors are dense, finite, float32 or int64, and within the file's size.

    Args:
        content: nested dicts and lists.
        size: bytes of the file that the tensors were read from.

    Raises:
        RefusedError: a tensor is of another kind, or all together are larger than the file.
    """
    # Views that repeat one number, and many views of one storage, take no bytes in the file, but
    # would take memory once they are copied.
    total = 0
    for name, tensor in tensors(content):
        total += tensor.numel() * tensor.element_size()
        # Sparse tensors are refused: torch validates their indices by default only from 2.15 on.
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not plain or tensor.dtype not in (torch.float32, torch.int64) or total > size:
            raise RefusedError(f"{name} is not a plain tensor in the file; do not use this file")
        if not torch.isfinite(tensor).all():
            raise RefusedError(f"{name} is not finite; use an older checkpoint")


def tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield all tensors in nested dicts and lists, each with its dotted path.

    Raises:
        RefusedError: there are more than 100,000 values, as in a list that contains itself.
    """
    # A stack and a limit instead of recursion: a crafted file may nest lists deeper than Python's
    # recursion limit, or contain a list that contains itself.
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
