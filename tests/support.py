"""Types and helpers that several test files name."""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import typer
from typer.testing import Result

from mnistgan.arrays import Images, Labels
from mnistgan.cli import app
from mnistgan.config import RunConfig
from mnistgan.evaluation import classifier
from mnistgan.evaluation.labeler import Labeler
from mnistgan.progress import StopToken
from mnistgan.storage.tables import METRICS_COLUMNS

Invoke: TypeAlias = Callable[..., Result]
"""Runs the command line in an empty folder."""

Install: TypeAlias = Callable[..., Path]
"""Installs a distribution with one plugin: its source, the target in it, a name, ..."""

Tiny: TypeAlias = Callable[..., RunConfig]
"""Makes small configs from (key, value) pairs."""


class StopAfter(StopToken):
    """A stop that comes when it has been polled so many times: after exactly so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    @property
    def requested(self) -> bool:
        self._left -= 1
        return self._left < 0


_IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def to_idx(array: npt.NDArray[Any]) -> bytes:
    """An array as the bytes of an IDX file."""
    code = _IDX_CODES[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def noise_images(*shape: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Images of random pixels, uint8."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def metrics_table(steps: int, **numbers: float) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of a metrics.csv; what is not given is 0.5 at every step."""
    columns = {name: np.full(steps, 0.5) for name in METRICS_COLUMNS}
    columns |= {"step": np.arange(1.0, steps + 1), "epoch": np.ones(steps)}
    return columns | {name: np.full(steps, value) for name, value in numbers.items()}


HURRIED = {"_TRAIN_STEPS": 60, "_TRAIN_BATCH": 64, "_TRAIN_EPOCHS": 1}
"""Settings of ``evaluation.classifier``: 1.5 s of training, and 99 % of the digits right."""


class ByPixels(Labeler):
    """Sees ten classes, all of them often, in any images: quick, and nobody's verdict."""

    @classmethod
    def make(cls) -> ByPixels:
        """One, with a classifier that it does not ask."""
        return cls(classifier.shipped(), tuple("0123456789"))

    def __call__(self, images: Images) -> tuple[Labels, npt.NDArray[np.float64]]:
        sums = images.reshape(len(images), -1).sum(axis=1, dtype=np.int64)
        return sums % 10, (sums // 10 % 10 + 1) / 10


def fenced(markdown: str, language: str) -> list[str]:
    """The blocks of code of a language in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)


def shown_commands(markdown: str) -> list[list[str]]:
    """The calls of ``mnistgan`` in a text's blocks of bash, each as its arguments."""
    lines = "\n".join(fenced(markdown, "bash")).replace("\\\n", " ").splitlines()
    calls = (shlex.split(line, comments=True) for line in lines)
    return [call[1:] for call in calls if call[:1] == ["mnistgan"]]


def parse(call: list[str]) -> typer.Context:
    """Parse a call's arguments as the command line would, and run nothing.

    Raises:
        TyperException: there is no such command or option, or a value is none of its values.
    """
    context = typer.Context(typer.main.get_command(app), info_name="mnistgan")
    arguments = list(call)
    while hasattr(context.command, "get_command") and arguments:
        group: Any = context.command
        name, command, arguments = group.resolve_command(context, arguments)
        is_group = hasattr(command, "get_command")
        context = command.make_context(
            name, [] if is_group else arguments, parent=context, resilient_parsing=is_group
        )
    return context


@contextlib.contextmanager
def heard_signals() -> Iterator[None]:
    """Processes started now ignore no signal, even if ours does, as under nohup."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {
        number: signal.signal(number, signal.SIG_DFL)
        for number in (getattr(signal, name) for name in names)
        if signal.getsignal(number) == signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
