"""Files and folders that are written completely or not at all, and checks before writing."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mnistgan.errors import MnistganError, UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".mnistgan-part-"
"""Of temporary names. Old runs may hold such files, too, so it does not change."""
_BAD_PATH = (FileNotFoundError, NotADirectoryError, FileExistsError, PermissionError)
"""With two error numbers below, the errors that another path would avoid (exit code 2). All others
are the disk's (exit code 1)."""


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; on success, rename it to the target.

    On an exception the target stays as it was and the temporary file is removed.

    Raises:
        UsageError: the target is a folder, or its folder does not exist or is not writable.
        MnistganError: the disk is full or faulty.
    """
    _refuse_folder(target)
    with _explained(target):
        handle, temporary = _temporary_file(target)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())  # mkstemp's own mode lets nobody else read it
            # The content must reach the disk before the new name does: otherwise a power failure
            # could leave an empty file under that name. Syncing the folder saves the name itself.
            _sync(temporary)
            temporary.replace(target)
            _sync(target.parent)
        except BaseException:  # KeyboardInterrupt, too
            with contextlib.suppress(OSError):  # the first error is the one to report
                temporary.unlink(missing_ok=True)
            raise
        finally:
            if handle is not None:
                os.close(handle)


def _temporary_file(target: Path) -> tuple[int | None, Path]:
    """A new file, and a handle that holds its lock as long as it is open; None on Windows."""
    while True:
        # A rename is atomic only within one file system, so the file is made beside its target.
        # mkstemp picks a new, unpredictable name: nobody can have put a link there.
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=_PREFIX, suffix=target.suffix)
        if fcntl is None:  # Windows renames no open file, nor removes one
            os.close(handle)
            return None, Path(name)
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # remove_leftovers took it before it was locked


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder; on success, rename it to the target, else remove it.

    If the target exists, the files are moved into it instead. Missing folders above the target are
    created as by :func:`new_folder`.

    Raises:
        UsageError, MnistganError: as for :func:`atomic_path`.
    """
    with _explained(target), new_folder(target.parent):
        exists = target.is_dir()
        temporary = Path(tempfile.mkdtemp(dir=target if exists else target.parent, prefix=_PREFIX))
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
def _explained(target: Path) -> Iterator[None]:
    """Turn an OSError about the target into one sentence that says what to do."""
    try:
        yield
    except OSError as error:
        path = str(error.filename or target)
        if _PREFIX not in path and Path(path) not in (target, target.parent):
            raise  # the caller's block failed at another file
        raise _explanation(f"{target}: cannot be written", error) from error


def _explanation(what: str, error: OSError) -> MnistganError:
    reason = error.strerror or str(error).partition("\n")[0]
    if isinstance(error, _BAD_PATH) or error.errno in (errno.EROFS, errno.ENAMETOOLONG):
        return UsageError(f"{what} ({reason}); check its folder or choose another")
    return MnistganError(f"{what} ({reason}); free some space or check the disk")


# Targets and folders ---------------------------------------------------------------------------


def check_target(path: Path, *suffixes: str) -> None:
    """Check that a file can be written, before the work whose result it will hold.

    Args:
        path: the file. Its folder must exist.
        suffixes: the suffixes it may have, in lower case; by default any.

    Raises:
        UsageError: the suffix is unknown, the path is a folder, or its folder is not writable.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"{path}: unknown ending {path.suffix!r}; use {', '.join(suffixes)}")
    _refuse_folder(path)
    if not path.parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist; create it first, or choose another")
    check_folder(path.parent)


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of a file")


def check_folder(path: Path, *, empty: bool = False) -> None:
    """Check that a folder can be created or written to, before the work that fills it.

    Args:
        path: the folder. It and the folders above it may be missing.
        empty: whether an existing folder must be empty.

    Raises:
        UsageError: the folder, or the nearest one above it that exists, is a file or read-only; or
            the folder is not empty.
    """
    existing = next((one for one in (path, *path.absolute().parents) if one.exists()), path)
    if reason := _why_not_writable(existing):
        raise UsageError(f"{path}: cannot be written ({existing} is {reason}); choose another")
    if empty and existing == path and any(path.iterdir()):
        raise UsageError(f"{path}: already exists and is not empty; choose another")


def _why_not_writable(folder: Path) -> str:
    if not folder.is_dir():
        return "not a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        try:  # only the attempt tells the reason: permissions, a read-only disk, ...
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            return f"read-only: {error.strerror}"
    return ""


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, if they are missing.

    Raises:
        UsageError: a file is in the way, or the folder above is not writable.
        MnistganError: the disk is full or faulty.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explanation(f"{folder}: cannot be created", error) from error


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Create a folder and those above it; at the end, remove those of them that are empty.

    Raises:
        UsageError, MnistganError: as for :func:`make_folder`.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        make_folder(folder)
        yield
    finally:
        for one in missing:
            with contextlib.suppress(OSError):  # not empty, or never created
                one.rmdir()


# Files -----------------------------------------------------------------------------------------


def remove_leftovers(folder: Path, suffix: str = "") -> None:
    """Remove the temporary files of killed writers; those of living ones are locked, and stay.

    Args:
        folder: where they wrote.
        suffix: remove only files with this suffix.
    """
    for path in folder.glob(f"{_PREFIX}*{suffix}"):
        with contextlib.suppress(OSError):  # locked, open on Windows, or removed meanwhile
            if fcntl is None:
                path.unlink()
                continue
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(handle)


def check_regular(path: Path) -> None:
    """Refuse a pipe or a device: reading one from a stranger's folder might block forever.

    Raises:
        OSError: the path is neither a regular file nor a folder, nor missing.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # open() itself refuses a folder
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


def read_bytes(path: Path) -> bytes:
    """Read a whole file that may come from a stranger.

    Raises:
        OSError: the path is not a regular file, or cannot be read.
    """
    check_regular(path)
    return path.read_bytes()


def sha256(path: Path) -> str:
    """SHA-256 of a file as hexadecimal digits, computed in constant memory."""
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
    if os.name == "nt" and path.is_dir():  # Windows cannot sync a folder
        return
    # Windows syncs only what is writable.
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)  # it can be read only by setting it
    os.umask(mask)
    return mask
