"""The layout of a ``figures.json``. Imports no torch."""

import json
import shlex
import warnings
from pathlib import Path

from mnistgan.errors import OutdatedFileWarning
from mnistgan.storage.atomic import read_bytes


def is_outdated(path: Path) -> bool:
    """Whether a figures.json has the layout of an older version, which no reader here knows.

    It is then named in an :class:`~mnistgan.errors.OutdatedFileWarning`: its reader goes on without
    it. False for files that are damaged, or no figures.json.
    """
    try:
        content = json.loads(read_bytes(path))
        found = "metrics" in content and "figures" not in content
    except Exception:  # of unknown origin: its reader says what is wrong with it
        return False
    if found:
        run = shlex.quote(str(path.parent.parent))
        message = f"{path}: was written by an older version; run mnistgan evaluate {run} again"
        warnings.warn(message, OutdatedFileWarning, stacklevel=2)
    return found
