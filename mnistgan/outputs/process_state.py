"""The state of the process that a run relies on, so that what an output changes can be undone."""

import contextlib
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

State = tuple[Any, ...]


def _working_directory() -> str | None:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return None


def _change_directory(path: str | None) -> None:
    if path is not None:
        with contextlib.suppress(OSError):
            os.chdir(path)


def _umask() -> int:
    # It can only be read by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# What a library may change to the harm of the run: its name, and how to read and to set it.
_PARTS: tuple[tuple[str, Callable[[], Any], Callable[[Any], Any]], ...] = (
    ("the working directory", _working_directory, _change_directory),
    ("the umask", _umask, os.umask),
    ("torch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
    ("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    ("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    (
        "torch's matmul precision",
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    (
        "torch's deterministic algorithms",
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    *(
        (f"the handler of {one.name}", partial(signal.getsignal, one), partial(signal.signal, one))
        for one in (signal.SIGINT, signal.SIGTERM)
    ),
)


def read() -> State:
    """The state now."""
    return tuple(get() for _, get, _ in _PARTS)


def restore(before: State) -> list[str]:
    """Change the state back to what it was; returns the names of what had changed."""
    changed = []
    for (name, get, put), value in zip(_PARTS, before, strict=True):
        if get() != value:
            put(value)
            changed.append(name)
    return changed
