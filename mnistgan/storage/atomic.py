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
    errno.EEXIST,
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
    _refuse_folder(target)
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

    A target that exists stays the folder that it is, and the files are moved into it. The folders
    above it are made as :func:`new_folder` makes them.

    Raises:
        UsageError, MnistganError: as :func:`atomic_path`.
    """
    with _refusals(target), new_folder(target.parent):
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
        raise _refusal(f"{target}: cannot be written", error) from error


def _refusal(what: str, error: OSError) -> MnistganError:
    reason = error.strerror or str(error).partition("\n")[0]
    if error.errno in _NO_PLACE:
        return UsageError(f"{what} ({reason}); mend its folder or choose another")
    return MnistganError(f"{what} ({reason}); free some space or mend the disk")


# Targets and folders ---------------------------------------------------------------------------


def check_target(path: Path, *suffixes: str) -> None:
    """Refuse, before any work, a file that could not be written after it.

    Args:
        path: of the file; its folder must be there.
        suffixes: what its name may end in, in lower case; by default anything.

    Raises:
        UsageError: another ending, a folder of that name, or no folder to write to.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"{path}: unknown ending {path.suffix!r}; use {', '.join(suffixes)}")
    _refuse_folder(path)
    if not path.parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist; make it first, or choose another")
    check_folder(path.parent)


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of a file")


def check_folder(path: Path, *, empty: bool = False) -> None:
    """Refuse, before any work, a folder that could not be made or written to after it.

    Args:
        path: of the folder; it may be missing, and those above it, too.
        empty: whether it must hold nothing yet.

    Raises:
        UsageError: it, or the nearest folder above it that exists, is a file or read-only; or it
            holds something.
    """
    there = next((one for one in (path, *path.absolute().parents) if one.exists()), path)
    if not there.is_dir():
        raise UsageError(f"{path}: cannot be written ({there} is not a folder); choose another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: cannot be written ({there} is read-only); choose another")
    if empty and there == path and any(path.iterdir()):
        raise UsageError(f"{path}: is there already and is not empty; choose another")


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are missing.

    Raises:
        UsageError: something is in the way, or the folder above cannot be written.
        MnistganError: the disk is full or broken.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(f"{folder}: cannot be made", error) from error


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; what was made and is empty in the end goes again.

    Raises:
        UsageError, MnistganError: as :func:`make_folder`.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        make_folder(folder)
        yield
    finally:
        for one in missing:
            with contextlib.suppress(OSError):  # it was never made, or holds something by now
                one.rmdir()


# Files -----------------------------------------------------------------------------------------


def remove_parts(folder: Path, suffix: str = "") -> None:
    """Remove what writers that were killed left in a folder; no one may be writing to it.

    Args:
        folder: where they wrote.
        suffix: of what they wrote, if not all of it is to go.
    """
    for part in folder.glob(f"{_PART}*{suffix}"):
        part.unlink(missing_ok=True)


def check_regular(path: Path) -> None:
    """Refuse a pipe or a device, whose reader might wait for ever, in a file's place.

    Raises:
        OSError: it is one.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # of a folder the system says so
        raise OSError(errno.EINVAL, "Is no regular file", str(path))


def read_bytes(path: Path) -> bytes:
    """The whole of a file that a stranger may have put there.

    Raises:
        OSError: it is no regular file, or cannot be read.
    """
    check_regular(path)
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
