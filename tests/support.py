"""Types and helpers that several test files name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from typer.testing import Result

from mnistgan.config import RunConfig
from mnistgan.progress import StopToken

Invoke: TypeAlias = Callable[..., Result]
"""Runs the command line in an empty folder."""

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
