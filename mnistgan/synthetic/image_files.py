"""Writes image streams to files: one grid, a folder of PNGs, or one ``.npz``."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from mnistgan.errors import UsageError
from mnistgan.rendering import grids
from mnistgan.storage import atomic
from mnistgan.storage.npz import Piece, write_npz

Format: TypeAlias = Literal["grid", "png", "npz"]

MAX_GRID = 10_000
_MAX_PIXELS = 10**8  # of an enlarged grid; image viewers refuse larger ones


def check(path: Path, kind: Format, count: int, size: int, scale: int | None) -> None:
    """Check that a format can be written to a path, before any image is drawn.

    Args:
        path: file or folder.
        kind: the format.
        count: number of images.
        size: their side in pixels.
        scale: see :func:`write_images`.

    Raises:
        UsageError: the suffix is wrong, the path is not writable, the folder of PNGs is not empty,
            or the grid would be too large.
    """
    if kind == "grid" and count > MAX_GRID:
        raise UsageError(f"a grid holds at most {MAX_GRID:,} images; use --format npz or png")
    if scale is not None and count * (size * scale) ** 2 > _MAX_PIXELS:
        raise UsageError(f"--scale {scale}: the grid would be too large; choose a smaller scale")
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
    scale: int | None = None,
    classes: Sequence[str] = (),
) -> None:
    """Write a stream of images; for ``npz``, also their labels and the names of the classes.

    The formats ``png`` and ``npz`` need constant memory. A grid is limited to MAX_GRID images.

    Args:
        path: checked with :func:`check`.
        kind: ``grid`` writes one PNG, ``png`` a folder of numbered PNGs, ``npz`` one array file
            with ``images`` (uint8, N x H x W, or N x H x W x 3 in color) and, if the stream has
            any, ``labels``.
        pieces: images, uint8 n x C x H x W, with labels or None.
        count: total number of images.
        shape: C, H, W of an image.
        columns: number of columns of a grid; by default the grid is square.
        scale: scale of a grid, see :func:`grids.magnify`.
        classes: the name of each label, in order.

    Raises:
        UsageError: the folder is not writable.
    """
    if kind == "grid":
        images = np.concatenate([images for images, _ in pieces])
        grids.save_png(path, grids.sheet(images, columns, scale))
    elif kind == "png":
        # Equal lengths, so that programs that sort by name keep the order of the images.
        digits = max(6, len(str(count)))
        every = (image for images, _ in pieces for image in images)
        with atomic.atomic_folder(path) as folder:
            for number, image in enumerate(every):
                Image.fromarray(grids.to_picture(image)).save(folder / f"{number:0{digits}d}.png")
    else:
        channels, height, width = shape
        full = (count, height, width) if channels == 1 else (count, height, width, channels)
        # Gray images have the same bytes with and without the last axis, which is 1 long.
        arrays = ((np.moveaxis(images, 1, -1), labels) for images, labels in pieces)
        write_npz(path, arrays, full, classes)
