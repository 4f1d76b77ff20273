"""Checks of the arguments of public functions. Does not import torch."""

from __future__ import annotations

import errno
import operator
import os
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mnistgan.errors import UsageError


def instance(name: str, value: object, kind: type[Any] | tuple[type[Any], ...], what: str) -> None:
    """Refuse a value of another type.

    Args:
        name: name of the parameter.
        value: its value.
        kind: the types that it may have.
        what: these types in words, such as ``a RunConfig``.

    Raises:
        UsageError: it has another type.
    """
    if not isinstance(value, kind):
        raise wrong(name, what, value)


def function(name: str, value: object) -> None:
    """Refuse a value that cannot be called."""
    instance(name, value, Callable, "a function")  # type: ignore[arg-type]


def integer(name: str, value: object, low: int, high: int = 2**63 - 1) -> int:
    """An argument as an int, also if it is an integer of NumPy or torch.

    Raises:
        UsageError: it is not an integer from ``low`` to ``high``.
    """
    most = "2**63 - 1" if high == 2**63 - 1 else f"{high}"
    what = f"an integer from {low} to {most}"
    if isinstance(value, bool):  # an int for Python, and most likely a mistake
        raise wrong(name, what, value)
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError) as error:  # torch raises the last two
        raise wrong(name, what, value) from error
    if not low <= number <= high:
        raise wrong(name, what, number)
    return number


def path(name: str, value: object) -> Path:
    """An argument as a path.

    Raises:
        UsageError: it is not a str or Path that the operating system can use.
    """
    text: Any = None
    try:
        text = os.fspath(value)  # type: ignore[call-overload]
        os.lstat(text)
    # ValueError: of a zero byte or a lone surrogate. Other OSErrors are not about the text.
    except (TypeError, ValueError):
        usable = False
    except OSError as error:
        usable = error.errno != errno.ENAMETOOLONG
    else:
        usable = True
    if not usable or not text or not isinstance(text, str):
        raise wrong(name, "a path", value)
    return Path(text)


def images(name: str, value: object) -> None:
    """Refuse anything but images: uint8, N x C x H x W."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 4:
        raise wrong(name, "a NumPy array of images, uint8 N x C x H x W", value)


def labels(name: str, value: object, count: int) -> None:
    """Refuse anything but ``count`` labels: int64, or a smaller type of integers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or value.shape != (count,):
        raise wrong(name, f"a NumPy array of {count:,} integers, one per image", value)


def wrong(name: str, what: str, value: object) -> UsageError:
    """The error for an argument that is not what it must be."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        size = " x ".join(map(str, shape))
        got = f"{str(dtype).removeprefix('torch.')} {size}".strip()
    else:
        got = " ".join(reprlib.repr(value).split())
    return UsageError(f"{name}: must be {what}, got {got}")
