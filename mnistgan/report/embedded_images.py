"""Pictures embedded in the page as ``data:`` URLs.

Files from a run directory are decoded and encoded again, so that no byte of an untrusted file gets
into the page. All pictures are lossless WebP, which is a fifth smaller than PNG.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from mnistgan.errors import UsageError
from mnistgan.rendering.grids import Picture, encode, read_grid, reduce_levels, spread
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory

# Limits on the size of the page, and on what a hostile file can cost. Lengths are those of URLs, in
# characters.
_MOST_LENGTH = 1_200_000  # of all grids together; but at least 6 grids are shown
_MOST_MOVING_LENGTH = 1_600_000
_MOST_GRIDS, _FEWEST_GRIDS = 60, 6
_MOST_FRAMES = 120  # training.gif has at most 100
_MOST_SIDE = 2000
_MOST_PIXELS = 60_000_000  # of all frames together
_MOST_FILE = 2**25


@dataclass(frozen=True)
class Still:
    """A picture in the page.

    Attributes:
        source: its content as a ``data:`` URL.
        width: width in pixels.
        height: height in pixels.
    """

    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Grid:
    """The images from the fixed noise after an epoch."""

    epoch: int
    step: int
    picture: Still


def is_own_file(path: Path) -> bool:
    """Whether a path is a file and not a link: in an untrusted run, a link may lead anywhere."""
    return path.is_file() and not path.is_symlink()


def still(picture: Picture) -> Still:
    """Encode a picture, without loss."""
    height, width = picture.shape[:2]
    return Still(_webp_address([picture]), width, height)


def grids(run: RunDirectory, size: int) -> list[Grid]:
    """The sample grids of a run, or evenly spaced ones if all would make the page too large.

    Args:
        run: the run. Its samples/index.csv has the grids in their order.
        size: side of the images in pixels.

    Raises:
        UsageError: the index or a grid cannot be read.
    """
    rows = tables.existing_samples(run.samples)
    if not rows:
        return []
    # The first grid is the noisiest one, so its compressed size is the largest.
    largest = len(still(reduce_levels(read_grid(rows[0].file, size))).source)
    count = min(max(_MOST_LENGTH // largest, _FEWEST_GRIDS), _MOST_GRIDS)
    chosen = [rows[place] for place in spread(len(rows), count)]
    return [
        Grid(row.epoch, row.step, still(reduce_levels(read_grid(row.file, size)))) for row in chosen
    ]


def moving(path: Path) -> Still | None:
    """A GIF as an animated WebP of half the size; None if it is too large for the page.

    Raises:
        UsageError: the file is not a GIF.
    """
    try:
        with warnings.catch_warnings(), Image.open(path, formats=("GIF",)) as image:
            # Pillow warns about a decompression bomb and about damaged data. Both refuse the file.
            warnings.simplefilter("error")
            width, height = image.size
            most = min(_MOST_FRAMES, _MOST_PIXELS // max(1, width * height))
            if path.stat().st_size > _MOST_FILE or max(width, height) > _MOST_SIDE:
                return None
            mode = "L" if _is_gray(image) else "RGB"
            pictures: list[Picture] = []
            durations: list[int] = []
            for frame in ImageSequence.Iterator(image):
                # In a hostile file, a frame beyond the bounds of the first one enlarges the
                # picture.
                if len(pictures) == most or frame.size != (width, height):
                    return None
                pictures.append(np.asarray(frame.convert(mode)))
                durations.append(int(frame.info.get("duration", 100)))
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: cannot be read as a GIF ({error})") from error
    source = _webp_address(pictures, duration=durations, loop=0)
    return Still(source, width, height) if len(source) <= _MOST_MOVING_LENGTH else None


def _is_gray(image: Image.Image) -> bool:
    palette = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _webp_address(pictures: Sequence[Picture], **options: Any) -> str:
    raw = encode(pictures, "WEBP", lossless=True, quality=20, method=4, **options)
    return f"data:image/webp;base64,{base64.b64encode(raw).decode('ascii')}"
