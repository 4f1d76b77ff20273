"""Files and folders that are written completely or not at all, and checks before writing."""

import contextlib
import errno
import hashlib
import itertools
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
"""Prefix of temporary names. It must not change: existing runs may contain such files."""
_BAD_PATH = (FileNotFoundError, NotADirectoryError, FileExistsError, PermissionError)
"""Errors that another path would avoid (exit code 2), together with two error numbers below. All
other errors concern the disk (exit code 1)."""


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; on success, rename it to the target.

    On an exception, the target is unchanged and the temporary file is removed.

    Raises:
        UsageError: the target is a folder, or its folder does not exist or is not writable.
        MnistganError: the disk is full or faulty.
    """
    _refuse_folder(target)
    with _explained(target):
        handle, temporary = _temporary_file(target)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())  # mkstemp's mode is 0600: only the owner can read it
            # The content must reach the disk before the new name does. Otherwise a power failure
            # could leave an empty file under that name. Syncing the folder saves the name itself.
            _sync(temporary)
            # Not rename(), which on Windows fails if the target exists.
            temporary.replace(target)
            _sync(target.parent)
        except BaseException:  # including KeyboardInterrupt
            with contextlib.suppress(OSError):  # the first error is reported, not this one
                temporary.unlink(missing_ok=True)
            raise
        finally:
            if handle is not None:
                os.close(handle)


def _temporary_file(target: Path) -> tuple[int | None, Path]:
    """A new file, and a handle that holds its lock as long as it is open; None on Windows."""
    while True:
        # Created in the target's folder, not in /tmp: a rename across file systems fails with EXDEV
        # and would not be atomic. mkstemp chooses a new, unpredictable name, so nobody can have put
        # a link there.
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=_PREFIX, suffix=target.suffix)
        if fcntl is None:  # Windows can neither rename nor remove an open file
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

    If the target exists, the files are moved into it instead. Missing parent folders are created as
    by :func:`new_folder`.

    Raises:
        UsageError, MnistganError: as for :func:`atomic_path`.
    """
    with _explained(target), new_folder(target.parent):
        # A folder cannot be replaced by a rename unless it is empty, so the files of an existing
        # one are replaced one by one: each of them is whole, but not all of them together.
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
                _sync(temporary)  # the names of the files
                temporary.replace(target)
            _sync(target if exists else target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn an OSError about the target into an error message that says what to do."""
    try:
        yield
    except OSError as error:
        path = str(error.filename or target)
        if _PREFIX not in path and Path(path) not in (target, target.parent):
            raise  # another file caused the error in the caller's block
        raise _explanation(f"{target}: cannot be written", error) from error


def _explanation(what: str, error: OSError) -> MnistganError:
    # An OSError that a library raised itself may have no strerror.
    reason = error.strerror or str(error).partition("\n")[0]
    if isinstance(error, _BAD_PATH) or error.errno in (errno.EROFS, errno.ENAMETOOLONG):
        return UsageError(f"{what} ({reason}); check its folder or choose another")
    return MnistganError(f"{what} ({reason}); free some space or check the disk")


# Targets and folders ---------------------------------------------------------------------------


def check_target(path: Path, *suffixes: str) -> None:
    """Check that a file can be written, before the work that produces its content.

    Args:
        path: the file. Its folder must exist.
        suffixes: allowed extensions, in lower case; by default any.

    Raises:
        UsageError: the extension is not allowed, the path is a folder, or its folder is not
            writable.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"{path}: unknown extension {path.suffix!r}; use {', '.join(suffixes)}")
    _refuse_folder(path)
    if not path.parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist; create it first, or choose another")
    check_folder(path.parent)


def free_path(path: Path) -> Path:
    """The path, with a number appended to its stem if the name is taken: ``walk-2.gif``."""
    numbered = (path.with_stem(f"{path.stem}-{count}") for count in itertools.count(2))
    return next(one for one in itertools.chain([path], numbered) if not os.path.lexists(one))


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of a file")


def check_folder(path: Path, *, empty: bool = False) -> None:
    """Check that a folder can be created or written to, before the work that fills it.

    Args:
        path: the folder. It and its parents may be missing.
        empty: whether an existing folder must be empty.

    Raises:
        UsageError: the folder or its nearest existing parent is a file or read-only; or the folder
            is not empty.
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
    """Create a folder and its parents if they are missing.

    Raises:
        UsageError: a file has this name, or the parent folder is not writable.
        MnistganError: the disk is full or faulty.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explanation(f"{folder}: cannot be created", error) from error


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Create a folder and its parents; at the end, remove those created here that are empty.

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
    """Remove the temporary files of killed processes. Those of living ones are locked, and stay.

    Args:
        folder: the folder to clean.
        suffix: remove only files with this extension.
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
    """Refuse a pipe or a device, which could block the reader forever.

    Raises:
        OSError: the path is neither a regular file nor a folder, nor missing.
    """
    # A folder is left to open(), which refuses it.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


def read_bytes(path: Path) -> bytes:
    """Read a whole file of unknown origin.

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
    # On Windows, fsync needs a writable handle.
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask
