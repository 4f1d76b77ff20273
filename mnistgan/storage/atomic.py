"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mnistgan.errors import MnistganError, UsageError

_PART = ".mnistgan-part-"
_NO_PLACE = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
)
"""What is wrong with the place that the caller gave, rather than with the disk."""


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; on success it becomes the target.

    The temporary file is flushed to disk before it is renamed, and its folder after, so that a
    crash leaves either the old file or the new one. On an exception the target stays as it was
    and the temporary file is removed.

    Raises:
        UsageError: the target's folder does not exist or cannot be written.
        MnistganError: the disk is full or broken.
    """
    if target.is_dir():
        raise UsageError(f"{target}: is a folder; give the name of a file")
    with _refusals(target):
        # mkstemp reserves a name that nobody can guess, in the folder that os.replace needs.
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=_PART, suffix=target.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            _sync(temporary)
            temporary.replace(target)
            _sync(target.parent)
        except BaseException:
            with contextlib.suppress(OSError):  # its folder may be what is wrong
                temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes the target, else nothing is left of it.

    A target that exists stays the folder that it is, and the files are moved into it.

    Raises:
        UsageError, MnistganError: as :func:`atomic_path`.
    """
    with _refusals(target):
        exists = target.is_dir()
        temporary = Path(tempfile.mkdtemp(dir=target if exists else target.parent, prefix=_PART))
        try:
            yield temporary
            for file in list(temporary.iterdir()):
                _sync(file)
                if exists:
                    file.replace(target / file.name)
            if not exists:
                temporary.chmod(0o777 & ~_umask())
                temporary.replace(target)
            _sync(target if exists else target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _refusals(target: Path) -> Iterator[None]:
    """Why a target could not be written, and what to do, in one sentence."""
    try:
        yield
    except OSError as error:
        place = str(error.filename or target)
        if _PART not in place and Path(place) not in (target, target.parent):
            raise  # something else failed meanwhile
        reason = error.strerror or str(error).partition("\n")[0]
        what = f"{target}: cannot be written ({reason})"
        if error.errno in _NO_PLACE:
            raise UsageError(f"{what}; mend its folder or choose another") from error
        raise MnistganError(f"{what}; free some space or mend the disk") from error


@contextlib.contextmanager
def folders_above(target: Path) -> Iterator[None]:
    """Make the folders above a target; those that were not there go again on an exception.

    Raises:
        UsageError: they cannot be made.
    """
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{target}: cannot be made ({error.strerror}); choose another folder"
            ) from error
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):  # somebody else uses it by now
                folder.rmdir()
        raise


def check_new_folder(target: Path) -> None:
    """Refuse a folder that holds something already.

    Raises:
        UsageError: it does, or is a file.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target}: is there already and is no empty folder; choose another --out")


def remove_parts(folder: Path, suffix: str = "") -> None:
    """Remove what writers that were killed left in a folder; no one may be writing to it.

    Args:
        folder: where they wrote.
        suffix: of what they wrote, if not all of it is to go.
    """
    for part in folder.glob(f"{_PART}*{suffix}"):
        part.unlink(missing_ok=True)


def read_bytes(path: Path) -> bytes:
    """The whole of a file that a stranger may have put there; a pipe or device might never end.

    Raises:
        OSError: it is no file, or cannot be read.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # of a folder the system says so
        raise OSError(errno.EINVAL, "Is no regular file", str(path))
    return path.read_bytes()


def sha256(path: Path) -> str:
    """The SHA-256 of a file, read in pieces, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


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
