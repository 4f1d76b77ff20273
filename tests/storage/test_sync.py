"""What must be on the disk before a name says that it is there.

A power failure cannot be tested, but the order of the calls that guard against it can.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mirror import Mirror
from published import md5

from mnistgan.catalog import DATA_SETS, Archive
from mnistgan.datasets import download
from mnistgan.storage import tensor_zip
from mnistgan.storage.atomic import atomic_folder, atomic_path, write_text

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows cannot sync a folder")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Every ``fsync`` and rename, with the inode and, of a file, its size at that time."""
    made: list[tuple[str, int, int]] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        status = os.fstat(handle)
        made.append(("fsync", status.st_ino, status.st_size))
        fsync(handle)

    def note_replace(source: Any, target: Any, **options: Any) -> None:
        status = Path(source).stat()
        made.append(("rename", status.st_ino, status.st_size))
        replace(source, target, **options)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(Path, "replace", lambda self, target: note_replace(self, target))
    return made


def write_by_hand(target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"0123456789")


WRITERS: list[Callable[[Path], None]] = [
    write_by_hand,
    lambda target: write_text(target, "0123456789"),
    lambda target: tensor_zip.write(target, {"a": [1, 2, 3]}),
]


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("write", WRITERS)
def test_content_then_name_then_folder(
    tmp_path: Path,
    calls: list[tuple[str, int, int]],
    write: Callable[[Path], None],
    existed: bool,
) -> None:
    target = tmp_path / "file"
    if existed:
        target.write_text("before")
    write(target)
    file, folder = target.stat(), tmp_path.stat().st_ino
    # Synced with all of its content; then renamed; then the folder is synced, which holds the name.
    assert [(name, inode) for name, inode, _ in calls] == [
        ("fsync", file.st_ino), ("rename", file.st_ino), ("fsync", folder),
    ]  # fmt: skip
    assert calls[0][2] == file.st_size >= 10


@pytest.mark.parametrize("existed", [False, True])
def test_a_folder_of_files(
    tmp_path: Path, calls: list[tuple[str, int, int]], existed: bool
) -> None:
    target = tmp_path / "folder"
    if existed:
        target.mkdir()
    with atomic_folder(target) as folder:
        for name in ("a", "b", "c"):
            (folder / name).write_text(name)
    order = [(name, inode) for name, inode, _ in calls]
    files = [path.stat().st_ino for path in target.iterdir()]
    assert len(files) == 3
    renamed = files if existed else [target.stat().st_ino]
    for inode in files:
        published = ("rename", inode if existed else renamed[0])
        assert order.index(("fsync", inode)) < order.index(published)
    # The folder lists its files; the one above it lists the folder.
    assert ("fsync", target.stat().st_ino) in order
    if not existed:
        names = order.index(("fsync", target.stat().st_ino))
        assert max(map(order.index, (("fsync", inode) for inode in files))) < names
        assert names < order.index(("rename", target.stat().st_ino))
    last = target if existed else tmp_path
    assert order[-1] == ("fsync", last.stat().st_ino)


def test_a_download(tmp_path: Path, mirror: Mirror, calls: list[tuple[str, int, int]]) -> None:
    raw = b"\x1f\x8b" + bytes(50_000)
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "file.gz").write_bytes(raw)
    archive = Archive("file.gz", md5(raw), len(raw) / 1e6)
    data_set = dataclasses.replace(
        DATA_SETS["mnist"], archives=(archive,), mirrors=(mirror.address,)
    )
    path = download.fetch(data_set, archive, tmp_path / "to")
    inode = path.stat().st_ino
    assert calls == [("fsync", inode, len(raw)), ("rename", inode, len(raw))]
