"""Default folders for data sets and for the cache."""

import os
from pathlib import Path

import platformdirs

from mnistgan.errors import UsageError


def expand(text: str | Path) -> Path:
    """The path with ``~`` or ``~user`` replaced by the home folder.

    Raises:
        UsageError: there is no such user.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text}: has no home folder; write the path in full") from error


def data_root(given: str | Path | None = None) -> Path:
    """The folder of the data sets: ``given``, or $MNISTGAN_DATA, or the platform's user data."""
    chosen = given or os.environ.get("MNISTGAN_DATA")
    return expand(chosen) if chosen else platformdirs.user_data_path("mnistgan")


def cache() -> Path:
    """The folder of files that can be made again: $MNISTGAN_CACHE, or the platform's user cache."""
    chosen = os.environ.get("MNISTGAN_CACHE")
    return expand(chosen) if chosen else platformdirs.user_cache_path("mnistgan")
