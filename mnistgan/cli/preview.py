"""Images drawn with characters, for a terminal."""

import functools
import itertools
import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.color import Color
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from mnistgan.arrays import Images
from mnistgan.rendering import grids

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Rows x columns x R, G, B."""

_GAP = 2  # pixels between images: two columns, or one line
_SMALLEST = 14  # side of an image in pixels, except that of smaller ones
_ENOUGH = 6  # with less room than for these at full size, twice as many rows and columns are shown
_SHADES = " .:-=+*#%@"


def preview(images: Images, console: Console, height: int | None = None) -> Segments:
    """The first images in rows and columns, as many as fit.

    An image takes a column for each of its columns, and a line for two of its rows; it is reduced
    if fewer than six would fit.

    Args:
        images: uint8, N x C x H x W.
        console: where they are shown, which limits their width.
        height: maximum number of lines; by default the console's.
    """
    lines = max(console.height if height is None else height, 1)
    side, columns, rows = _layout(images.shape[-1], len(images), console.width, lines)
    mosaic = _mosaic(images[: columns * rows], side, columns)[: 2 * lines, : console.width]
    # Two pixels per character: a half block shows its foreground above its background, which needs
    # 256 colors for shades of gray. With fewer colors a character stands for the mean of both.
    colored = console.color_system in ("256", "truecolor") and console.encoding == "utf-8"
    draw = _half_blocks if colored else _shades
    drawn = [
        [*draw(upper, lower), Segment.line()]
        for upper, lower in zip(mosaic[::2], mosaic[1::2], strict=True)
    ]
    # Not a Text, which Rich lays out anew at each refresh. On one core at 200 columns, that took 8
    # ms for 8 reduced images; this takes 7 ms for 18 images of four times as many pixels.
    return Segments(itertools.chain.from_iterable(drawn))


def _layout(size: int, count: int, width: int, lines: int) -> tuple[int, int, int]:
    """The side of an image in pixels, which is even, and the numbers of columns and rows."""
    side = size * math.ceil(_SMALLEST / size)
    while True:
        side += side % 2
        columns = max(1, min(count, (width + _GAP) // (side + _GAP)))
        rows = max(1, min(-(-count // columns), (2 * lines + _GAP) // (side + _GAP)))
        if columns * rows >= min(count, _ENOUGH) or side // 2 < _SMALLEST:
            return side, columns, rows
        side //= 2


def _mosaic(images: Images, side: int, columns: int) -> Pixels:
    """The images in rows, without gaps at the edges."""
    resized = np.stack([_resize(image, side) for image in images])
    step, rows = side + _GAP, -(-len(images) // columns)
    mosaic = np.full((rows * step, columns * step, 3), grids.BETWEEN, np.uint8)
    for number, image in enumerate(resized):
        row, column = divmod(number, columns)
        mosaic[row * step : row * step + side, column * step : column * step + side] = image
    return mosaic[:-_GAP, :-_GAP]


def _resize(image: Images, side: int) -> Pixels:
    """One image, C x H x W, as side x side pixels, each the mean of the area that it covers."""
    picture = Image.fromarray(grids.to_picture(image)).convert("RGB")
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _half_blocks(upper: Pixels, lower: Pixels) -> Iterator[Segment]:
    pairs = zip(map(tuple, upper.tolist()), map(tuple, lower.tolist()), strict=True)
    for colors, equal in itertools.groupby(pairs):
        yield Segment("\N{UPPER HALF BLOCK}" * len(list(equal)), _style(*colors))


@functools.lru_cache(2**14)
def _style(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom))


def _shades(upper: Pixels, lower: Pixels) -> Iterator[Segment]:
    level = (upper.astype(int) + lower).mean(axis=-1) / 2 * (len(_SHADES) - 1) / 255
    yield Segment("".join(_SHADES[int(value)] for value in level.round()))
