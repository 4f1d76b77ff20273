"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mnistgan.errors import UsageError

_PART = ".mnistgan-part-"


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; on success it becomes the target.

    The temporary file is flushed to disk before it is renamed, and its folder after, so that a
    crash leaves either the old file or the new one. On an exception the target stays as it was
    and the temporary file is removed.

    Raises:
        UsageError: the target's folder does not exist or cannot be written.
    """
    if target.is_dir():
        raise UsageError(f"{target}: is a folder; give the name of a file")
    try:
        # mkstemp reserves a name that nobody can guess, in the folder that os.replace needs.
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=_PART, suffix=target.suffix)
        os.close(handle)
    except OSError as error:
        raise UsageError(
            f"{target}: cannot be written ({error.strerror}); choose a folder that can"
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_parts(folder: Path) -> None:
    """Remove what writers that were killed left in a folder; no one may be writing to it."""
    for part in folder.glob(f"{_PART}*"):
        part.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows has no way to flush a folder
        return
    flags = os.O_RDWR if path.is_file() else os.O_RDONLY
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
