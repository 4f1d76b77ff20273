"""Streams of images into files: one grid, a folder of PNGs, or one .npz, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.rendering import grids
from mnistgan.storage.atomic import atomic_folder
from mnistgan.storage.npz import Piece, write_npz

Format: TypeAlias = Literal["grid", "png", "npz"]

MAX_GRID = 10_000
_SUFFIX: dict[Format, str] = {"grid": ".png", "png": "", "npz": ".npz"}


def check_target(path: Path, kind: Format, count: int) -> None:
    """Refuse, before any work, a target that the format cannot have.

    Raises:
        UsageError: a wrong ending, a folder that is not empty or cannot be made, a grid too large.
    """
    if kind == "grid" and count > MAX_GRID:
        raise UsageError(
            f"a grid holds at most {MAX_GRID:,} images, not {count:,}; use --format npz or png"
        )
    if _SUFFIX[kind] and path.suffix.lower() != _SUFFIX[kind]:
        raise UsageError(
            f"{path}: the format {kind} is written to a file ending in {_SUFFIX[kind]}"
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist; make it first, or choose another")
    if kind == "png" and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path}: is there already and is no empty folder; choose another --out")
    if kind != "png" and path.is_dir():
        raise UsageError(f"{path}: is a folder; give a file ending in {_SUFFIX[kind]}")


def write_images(
    path: Path,
    kind: Format,
    pieces: Iterable[Piece],
    count: int,
    shape: tuple[int, int, int],
    columns: int | None = None,
) -> None:
    """Write a stream of images, and in an ``npz`` of their labels.

    Args:
        path: checked with :func:`check_target`.
        kind: ``grid`` writes one PNG, ``png`` a folder of numbered ones, ``npz`` one array file
            with ``images`` (uint8, N x H x W, in colour N x H x W x 3) and perhaps ``labels``.
        pieces: images, uint8 n x C x H x W, with labels or None; ``count`` images in all.
        count: how many images come.
        shape: C, H, W of each.
        columns: of a grid; by default as many as make it square.

    Raises:
        UsageError: the folder cannot be written.
    """
    if kind == "grid":
        images = np.concatenate([images for images, _ in pieces])
        grids.save_png(path, grids.grid(images, columns))
    elif kind == "png":
        _write_folder(path, (images for images, _ in pieces), count)
    else:
        channels, height, width = shape
        full = (count, height, width) if channels == 1 else (count, height, width, channels)
        write_npz(path, _pictures(pieces), full)


def _pictures(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same with images as n x H x W when grey, n x H x W x C in colour."""
    for images, labels in pieces:
        yield images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, -1), labels


def _write_folder(path: Path, blocks: Iterable[Images], count: int) -> None:
    digits = max(6, math.ceil(math.log10(count + 1)))
    images = (image for block in blocks for image in block)
    with atomic_folder(path) as folder:
        for number, image in enumerate(images):
            picture = grids.to_picture(image)
            Image.fromarray(picture).save(folder / f"{number:0{digits}d}.png")
