"""Streams of images into files: one grid, a folder of PNGs, or one .npz, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.rendering import grids
from mnistgan.storage import atomic
from mnistgan.storage.npz import Piece, write_npz

Format: TypeAlias = Literal["grid", "png", "npz"]

MAX_GRID = 10_000


def check_target(path: Path, kind: Format, count: int) -> None:
    """Refuse, before any work, a target that the format cannot have.

    Raises:
        UsageError: a wrong ending, a folder that is not empty or cannot be made, a grid too large.
    """
    if kind == "grid" and count > MAX_GRID:
        raise UsageError(
            f"a grid holds at most {MAX_GRID:,} images, not {count:,}; use --format npz or png"
        )
    if kind == "png":
        atomic.check_folder(path, empty=True)
    else:
        atomic.check_target(path, ".npz" if kind == "npz" else ".png")


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
        _write_folder(path, (image for images, _ in pieces for image in images), count)
    else:
        channels, height, width = shape
        full = (count, height, width) if channels == 1 else (count, height, width, channels)
        write_npz(path, _pictures(pieces), full)


def _pictures(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same with images as n x H x W when grey, n x H x W x C in colour."""
    for images, labels in pieces:
        yield images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, -1), labels


def _write_folder(path: Path, images: Iterable[Images], count: int) -> None:
    digits = max(6, len(str(count)))
    with atomic.atomic_folder(path) as folder:
        for number, image in enumerate(images):
            Image.fromarray(grids.to_picture(image)).save(folder / f"{number:0{digits}d}.png")
