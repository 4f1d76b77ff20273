"""Atomic files, and the checks of paths before anything is written."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest

from mnistgan.errors import UsageError
from mnistgan.storage import atomic
from mnistgan.storage.atomic import (
    atomic_path,
    check_folder,
    check_target,
    make_folder,
    new_folder,
    read_bytes,
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that holds a file and a folder."""
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "folder.png/b.webp"])
def test_targets_that_can_be_written(place: Path, name: str) -> None:
    check_target(place / name, ".png", ".webp")
    check_target(place / "no-ending")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.jpg", r"unknown extension '\.jpg'; use \.png, \.webp$"),
        ("a", "unknown extension ''"),
        ("folder.png", "is a folder"),
        ("none/a.png", "its folder does not exist"),
        ("file/a.png", "its folder does not exist"),
    ],
)
def test_targets_that_cannot(place: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_target(place / name, ".png", ".webp")


def test_a_folder_may_be_missing_or_empty(place: Path) -> None:
    for folder in (place / "folder.png", place / "new", place / "new" / "folder"):
        check_folder(folder, empty=True)
    check_folder(place)
    with pytest.raises(UsageError, match="is not empty"):
        check_folder(place, empty=True)


@pytest.mark.parametrize("name", ["file", "file/folder", "file/a/b"])
def test_a_file_in_the_way_of_a_folder(place: Path, name: str) -> None:
    with pytest.raises(UsageError, match="file is not a folder"):
        check_folder(place / name)
    with pytest.raises(UsageError, match="cannot be created"):
        make_folder(place / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for check in (check_target, check_folder):
        with pytest.raises(UsageError, match="is read-only"):
            check(tmp_path / "a")
    tmp_path.chmod(0o700)


def test_new_folders_stay_only_with_something_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with new_folder(folder):
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []
    with contextlib.suppress(KeyError), new_folder(folder):
        (folder.parent / "file").touch()
        raise KeyError
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "file"]
    with new_folder(tmp_path / "a"):
        (tmp_path / "a" / "file").unlink()
    assert (tmp_path / "a").is_dir(), "it was there before"


def test_a_file_stays_as_it_was_on_an_exception(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("before")
    with contextlib.suppress(KeyError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular file"):
        read_bytes(tmp_path / "pipe")


def test_a_living_writers_file_stays_and_a_killed_ones_goes(tmp_path: Path) -> None:
    (tmp_path / ".mnistgan-part-killed.npz").touch()
    with atomic_path(tmp_path / "a.npz") as temporary:
        temporary.write_bytes(b"half")
        atomic.remove_leftovers(tmp_path, ".npz")
        assert list(tmp_path.iterdir()) == [temporary]
        temporary.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == b"whole"


def test_the_systems_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "access", lambda *_: False)
    check_folder(tmp_path / "new")  # access() was wrong: the attempt succeeds
    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(UsageError, match="is read-only: Read-only file system"):
        check_folder(tmp_path / "new")
