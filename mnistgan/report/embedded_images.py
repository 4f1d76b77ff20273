"""Pictures that lie within a page, as ``data:`` addresses.

Whatever is read from a run directory is decoded and written anew: no byte of a stranger's picture
reaches the page. All are lossless WebP, smaller than PNG by a fifth.
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
from mnistgan.rendering.grids import Picture, encode, lighter, read_grid, spread
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory

_MOST_LENGTH = 1_200_000  # of all grids' addresses, unless the fewest take more
_MOST_MOVING_LENGTH = 1_600_000
_MOST_GRIDS, _FEWEST_GRIDS = 60, 6
_MOST_FRAMES = 120  # an animation of ours has 100
_MOST_SIDE = 2000
_MOST_PIXELS = 60_000_000  # of all frames together
_MOST_FILE = 2**25


@dataclass(frozen=True)
class Still:
    """A picture of a page.

    Attributes:
        source: its content, as a ``data:`` address.
        width: in pixels.
        height: likewise.
    """

    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Grid:
    """What the fixed noise gave after an epoch."""

    epoch: int
    step: int
    picture: Still


def is_own_file(path: Path) -> bool:
    """Whether it is a file and no link, which in a stranger's run may lead anywhere."""
    return path.is_file() and not path.is_symlink()


def still(picture: Picture) -> Still:
    """A picture as it is, to the last bit."""
    height, width = picture.shape[:2]
    return Still(_webp_address([picture]), width, height)


def grids(run: RunDirectory, size: int) -> list[Grid]:
    """The grids of a run, thinned out evenly where they would make a page heavy.

    Args:
        run: its samples/index.csv says which, in which order.
        size: side of its images.

    Raises:
        UsageError: the index or a grid cannot be read.
    """
    rows = tables.read_samples(run.samples)
    if not rows:
        return []
    # The first is the noisiest, and so the largest.
    largest = len(still(lighter(read_grid(rows[0].file, size))).source)
    count = min(max(_MOST_LENGTH // largest, _FEWEST_GRIDS), _MOST_GRIDS)
    chosen = [rows[place] for place in spread(len(rows), count)]
    return [Grid(row.epoch, row.step, still(lighter(read_grid(row.file, size)))) for row in chosen]


def moving(path: Path) -> Still | None:
    """A GIF as an animated WebP of half its size; None where it is too large for a page.

    Raises:
        UsageError: it is no GIF.
    """
    try:
        with warnings.catch_warnings(), Image.open(path, formats=("GIF",)) as image:
            warnings.simplefilter("error")
            width, height = image.size
            most = min(_MOST_FRAMES, _MOST_PIXELS // max(1, width * height))
            if path.stat().st_size > _MOST_FILE or max(width, height) > _MOST_SIDE:
                return None
            mode = "L" if _is_grey(image) else "RGB"
            pictures: list[Picture] = []
            durations: list[int] = []
            for frame in ImageSequence.Iterator(image):
                # A frame that reaches beyond the picture makes the picture larger.
                if len(pictures) == most or frame.size != (width, height):
                    return None
                pictures.append(np.asarray(frame.convert(mode)))
                durations.append(int(frame.info.get("duration", 100)))
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: cannot be read as a GIF ({error})") from error
    source = _webp_address(pictures, duration=durations, loop=0)
    return Still(source, width, height) if len(source) <= _MOST_MOVING_LENGTH else None


def _is_grey(image: Image.Image) -> bool:
    palette = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _webp_address(pictures: Sequence[Picture], **options: Any) -> str:
    raw = encode(pictures, "WEBP", lossless=True, quality=20, method=4, **options)
    return f"data:image/webp;base64,{base64.b64encode(raw).decode('ascii')}"
