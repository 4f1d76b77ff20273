"""Where data sets lie, and where things are kept that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from mnistgan.errors import UsageError


def expand(text: str | Path) -> Path:
    """A path with ``~`` filled in.

    Raises:
        UsageError: it names the home of somebody whom this machine does not know.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text}: names no home folder; write the path out") from error


def data_root(given: str | Path | None = None) -> Path:
    """The folder that holds the data sets: the given one, else $MNISTGAN_DATA, else the user's."""
    chosen = given or os.environ.get("MNISTGAN_DATA")
    return expand(chosen) if chosen else platformdirs.user_data_path("mnistgan")


def cache() -> Path:
    """The folder of what can be made again: $MNISTGAN_CACHE, else the user's cache folder."""
    chosen = os.environ.get("MNISTGAN_CACHE")
    return expand(chosen) if chosen else platformdirs.user_cache_path("mnistgan")
