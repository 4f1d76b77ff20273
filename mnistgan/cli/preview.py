"""A few images drawn with characters, for a terminal."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from mnistgan.arrays import Images
from mnistgan.rendering import grids

Pixels: TypeAlias = npt.NDArray[np.float64]
"""Rows x columns x R, G, B, from 0 to 255."""

_SIDE = 14  # of one image, in half character cells: 14 columns and 7 lines
_SHADES = " .:-=+*#%@"


def preview(images: Images, console: Console, at_most: int = 8) -> Text:
    """The first images side by side, as many as fit the width of the console."""
    count = max(1, min(at_most, console.width // (_SIDE + 1)))
    row = np.concatenate(
        [np.pad(_shrink(image), ((0, 0), (0, 1), (0, 0))) for image in images[:count]], 1
    )
    row = row[:, : console.width]
    # Two pixels per character: a half block shows its foreground above its background, which needs
    # 256 colors for shades of gray. With fewer colors a character stands for the mean of both.
    colored = console.color_system in ("256", "truecolor") and console.encoding == "utf-8"
    lines = (
        _half_blocks(upper, lower) if colored else _shades(upper, lower)
        for upper, lower in zip(row[::2], row[1::2], strict=True)
    )
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


def _shrink(image: Images) -> Pixels:
    """One image, C x H x W, as _SIDE x _SIDE pixels, each the mean of the area it covers."""
    picture = Image.fromarray(grids.to_picture(image)).convert("RGB")
    return np.asarray(picture.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float64)


def _half_blocks(upper: Pixels, lower: Pixels) -> Text:
    line = Text(no_wrap=True)
    for top, bottom in zip(upper.astype(int).tolist(), lower.astype(int).tolist(), strict=True):
        style = Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom))
        line.append("\N{UPPER HALF BLOCK}", style)
    return line


def _shades(upper: Pixels, lower: Pixels) -> Text:
    level = (upper + lower).mean(axis=-1) / 2 * (len(_SHADES) - 1) / 255
    return Text("".join(_SHADES[int(value)] for value in level.round()), no_wrap=True)
