"""Folders of images are complete or do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support import noise_images

from mnistgan.arrays import Images
from mnistgan.cli.signals import LeftEarly
from mnistgan.errors import UsageError
from mnistgan.rendering.grids import read_png
from mnistgan.synthetic.image_files import write_images

IMAGES = noise_images(5, 1, 8, 8)


def write(path: Path, blocks: Iterator[Images]) -> None:
    write_images(path, "png", ((images, None) for images in blocks), len(IMAGES), (1, 8, 8))


def cut_off() -> Iterator[Images]:
    yield IMAGES[:3]
    raise LeftEarly(2)


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_is_complete_or_does_not_exist(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "out"
    if exists:
        folder.mkdir()
    with pytest.raises(LeftEarly):
        write(folder, cut_off())
    assert sorted(tmp_path.rglob("*")) == ([folder] if exists else [])
    write(folder, iter([IMAGES[:3], IMAGES[3:]]))
    assert [path.name for path in sorted(folder.iterdir())] == [f"{n:06d}.png" for n in range(5)]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    np.testing.assert_array_equal(read_png(folder / "000004.png"), IMAGES[4, 0])


def test_the_folder_may_be_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path(), iter([IMAGES]))
    assert len(list(tmp_path.iterdir())) == 5


def test_the_folders_above_are_created_and_removed_again(tmp_path: Path) -> None:
    with pytest.raises(LeftEarly):
        write(tmp_path / "new" / "folder" / "out", cut_off())
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "new" / "folder" / "out", iter([IMAGES]))
    assert len(list((tmp_path / "new" / "folder" / "out").iterdir())) == 5


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file: cannot be created \(File exists\)"):
        write(tmp_path / "file" / "out", iter([IMAGES]))
