"""Lines of handwriting by a conditional generator whose classes are characters.

A line is an array of ink, float32 H x W: 0 is bare paper, 1 is full ink. Line i is a function of
the generator, the seed, i and the text only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.sampling import blocks, conditioning
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import Generator

Ink: TypeAlias = npt.NDArray[np.float32]

STROKES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    " ": (),
    "-": (((0.0, 0.43), (0.36, 0.46)),),
    "/": (((0.0, -0.08), (0.42, 1.02)),),
    ".": (((0.0, 0.05), (0.03, 0.05)),),
    ":": (((0.0, 0.12), (0.03, 0.12)), ((0.02, 0.55), (0.05, 0.55))),
    ",": (((0.08, 0.06), (0.09, -0.02), (0.0, -0.17)),),
}
"""Characters that need no class, as lines through points (x, y above the baseline). The unit is the
height of a typical character."""

_DESCENDERS = frozenset("gjpqy")
_INK = 0.3  # pixels with more ink than this bound a character
_EDGE = 0.4  # amount of ink that stays the same where edges become steeper
_PROBE = 64  # images that tell a typical character's size and the ground's color
_FINER = 8  # strokes are drawn this much larger, then reduced, for smooth edges

# Lengths are in heights of a typical character. They were chosen by eye.
_HEIGHT = 0.68  # of a character, in heights of the line
_BASELINE = 0.81  # from the top, in heights of the line
_MARGIN = 0.3  # left and right of a line
_GAP = 0.17  # between the ink of two characters
_SPACE = 0.4  # in addition to the gap on each side
_DROP = 0.25  # of a descender below the baseline


class _Glyph(NamedTuple):
    """A character's ink at the generator's resolution, and the row of its baseline."""

    ink: Ink
    baseline: float


class _Placed(NamedTuple):
    """A glyph with its place in a line: left end and baseline in pixels, and scale."""

    glyph: _Glyph
    left: float
    baseline: float
    scale: float


@dataclass
class Handwriting:
    """Writes lines of text.

    Attributes:
        generator: a conditional generator; classes with a name of one character are used.
        height: height of a line in pixels.
        seed: seed of the lines.
        hand: seed of a style: all characters of all lines have the z of image 0 of this seed, and
            the same slant. By default each character has a z of its own, and each line a slant.
        truncation: see :class:`SamplingOptions`.

    Raises:
        UsageError: the generator is unconditional, or no class is a character.
    """

    generator: Generator
    height: int
    seed: int = 0
    hand: int | None = None
    truncation: float | None = None
    _labels: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        classes = self.generator.classes
        if not classes:
            raise UsageError(conditioning.NOT_CONDITIONAL)
        self._labels = {name: label for label, name in enumerate(classes) if len(name) == 1}
        if not self._labels:
            raise UsageError(
                "no class of this generator is a single character; its classes: "
                f"{', '.join(classes[:10])}{', ...' if len(classes) > 10 else ''}"
            )
        options = SamplingOptions(truncation=self.truncation)
        images = blocks.block(self.generator, 0, options, _PROBE)
        edges = np.concatenate([images[..., 0], images[..., -1]])
        self._is_inverted = bool(edges.mean() > 127.5)
        probe = self._to_ink(images)
        self._typical = float(np.median([_bounds(ink)[1] - _bounds(ink)[0] for ink in probe]))
        self._stroke = stroke_width(probe)
        # Pillow's transform skips pixels where it makes a picture smaller. So lines that are lower
        # than the images are drawn larger by a whole number, then reduced.
        self._finer = max(1, round(self._typical / (_HEIGHT * self.height)))

    def check(self, characters: Sequence[str]) -> None:
        """Check that all characters can be written.

        Raises:
            UsageError: some cannot; the message names them all, and those that can.
        """
        known = {*self._labels, *STROKES}
        if lacking := [char for char in dict.fromkeys(characters) if char not in known]:
            strokes = [char for char in STROKES if char not in self._labels]
            named = ", ".join(map(repr, lacking))
            drawn = " ".join("space" if char == " " else char for char in strokes)
            raise UsageError(
                f"this generator cannot write {named}; it has the characters "
                f"{' '.join(self._labels)}, and {drawn} are drawn"
            )

    def line(self, text: str, index: int = 0) -> Ink:
        """Write line ``index``, float32 height x width.

        Raises:
            UsageError: characters cannot be written.
        """
        self.check(text)
        rng = noise.rng(self.seed, Stream.LAYOUT, index)
        style = rng if self.hand is None else noise.rng(self.hand, Stream.HAND)
        slant = float(np.clip(style.normal(0.08, 0.08), -0.1, 0.25))
        placed, width = self._place(self._glyphs(text, index, rng), slant, rng)
        finer = self._finer
        page = np.zeros((self.height, finer, math.ceil(width / finer), finer), np.float32)
        for one in placed:
            _draw(page.reshape(self.height * finer, -1), one, slant)
        smaller: Ink = page.mean(axis=(1, 3))
        return smaller

    def _glyphs(self, text: str, index: int, rng: np.random.Generator) -> list[_Glyph | None]:
        """The glyphs of a text; None is a space."""
        images = self._to_ink(self._images(text, index))
        # Strokes drawn for a text are as wide as the generator's in the same text.
        width = stroke_width(images) if len(images) else self._stroke
        written = iter(images)
        glyphs: list[_Glyph | None] = []
        for char in text:
            if char in self._labels:
                ink = next(written)
                drop = _DROP * self._typical if char in _DESCENDERS else 0
                glyphs.append(_Glyph(ink, _bounds(ink)[1] - drop))
            else:
                glyphs.append(self._drawn(char, width, rng) if STROKES[char] else None)
        return glyphs

    def _images(self, text: str, index: int) -> Images:
        """The generator's images of the characters that it has.

        One call for each line, and for nothing else: with another batch size, G may round
        differently, and a line must not depend on the others.
        """
        labels = [self._labels[char] for char in text if char in self._labels]
        latent_dim = self.generator.config.model.latent_dim
        if self.hand is None:
            z = noise.normal(self.seed, Stream.GLYPHS, index, (len(labels), latent_dim))
        else:
            z = noise.normal(self.hand, Stream.SAMPLE, 0, (1, latent_dim)).repeat(len(labels), 1)
        if self.truncation is not None:
            z = noise.truncated(z, self.truncation)
        return self.generator(z, torch.tensor(labels, dtype=torch.int64))

    def _to_ink(self, images: Images) -> Ink:
        """Images as ink, float32 N x H x W, two pixels wider on each side."""
        ink = (images.mean(axis=1) / 255).astype(np.float32)
        ink = 1 - ink if self._is_inverted else ink
        return np.pad(ink, ((0, 0), (2, 2), (2, 2)))

    def _drawn(self, char: str, width: float, rng: np.random.Generator) -> _Glyph:
        """A glyph of strokes of a width, with ends that vary a little."""
        unit = self._typical
        side, baseline = math.ceil(1.8 * unit), math.ceil(1.3 * unit)
        canvas = Image.new("L", (_FINER * side, _FINER * side))
        draw = ImageDraw.Draw(canvas)
        radius = _FINER * width / 2
        for stroke in STROKES[char]:
            points = np.array(stroke) + rng.normal(0, 0.02, (len(stroke), 2))
            x, y = (_FINER * (0.5 * unit + unit * points[:, 0]), baseline - unit * points[:, 1])
            ends = list(zip(x.tolist(), (_FINER * y).tolist(), strict=True))
            draw.line(ends, fill=255, width=round(2 * radius))
            for across, down in ends:  # Pillow's lines have neither round ends nor round corners
                box = (across - radius, down - radius, across + radius, down + radius)
                draw.ellipse(box, fill=255)
        ink = np.asarray(canvas.reduce(_FINER), np.float32) / np.float32(255)
        return _Glyph(ink, baseline)

    def _place(
        self, glyphs: Sequence[_Glyph | None], slant: float, rng: np.random.Generator
    ) -> tuple[list[_Placed], int]:
        """Place glyphs from left to right by the columns of their ink; also the line's width."""
        height = self.height * self._finer
        unit = _HEIGHT * height  # pixels per height of a typical character
        left, placed = _MARGIN * unit, []
        for glyph in glyphs:
            raised, size, gap = rng.normal(size=3).clip(-2, 2)
            if glyph is None:
                left += _SPACE * unit * (1 + 0.1 * size)
                continue
            scale = unit / self._typical * (1 + 0.03 * size)
            start, end = _columns(glyph, slant)
            baseline = _BASELINE * height - 0.025 * raised * unit
            placed.append(_Placed(glyph, left - scale * start, baseline, scale))
            left += scale * (end - start) + (_GAP + 0.03 * gap) * unit
        return placed, math.ceil(left + (_MARGIN - _GAP) * unit)


def stroke_width(ink: Ink) -> float:
    """The mean width of strokes in pixels, from ink, N x H x W.

    Twice the area by the perimeter, both of gray pixels: the perimeter is the total variation
    (the coarea formula), and a long stroke has two sides.
    """
    # Along the diagonals, as Roberts' cross: forward differences along rows and columns make a
    # line at 45 degrees a fifth too narrow.
    falling, rising = ink[:, 1:, 1:] - ink[:, :-1, :-1], ink[:, 1:, :-1] - ink[:, :-1, 1:]
    perimeter = float(np.hypot(falling, rising).sum()) / math.sqrt(2)
    return 2 * float(ink.sum()) / perimeter if perimeter else 1.0


def _bounds(ink: Ink) -> tuple[int, int]:
    """The first row of ink and the row after the last; all rows if there is no ink."""
    rows = np.flatnonzero(ink.max(axis=1) > _INK)
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, len(ink))


def _columns(glyph: _Glyph, slant: float) -> tuple[float, float]:
    """The left and right end of a slanted glyph's ink, in its pixels."""
    down, across = np.nonzero(glyph.ink > _INK)
    if not len(down):
        return 0.0, float(glyph.ink.shape[1])
    moved = across + slant * (glyph.baseline - down - 0.5)
    return float(moved.min()), float(moved.max()) + 1


def _draw(page: Ink, placed: _Placed, slant: float) -> None:
    """Draw a glyph on a page, slanted around its baseline."""
    (ink, row), left, baseline, scale = placed
    start, end = _columns(placed.glyph, slant)
    first = max(0, math.floor(left + scale * start) - 2)
    last = min(page.shape[1], math.ceil(left + scale * end) + 2)
    # Pillow asks for the place in the glyph of each pixel of the page, both counted from edges.
    a, b = 1 / scale, slant / scale
    to_glyph = (a, b, (first - left) * a - baseline * b, 0.0, a, row - baseline * a)
    size = (last - first, len(page))
    glyph = Image.fromarray(ink)
    drawn = np.asarray(
        glyph.transform(size, Image.Transform.AFFINE, to_glyph, Image.Resampling.BICUBIC)
    )
    # An enlarged edge is as blurred as the glyph is enlarged. A steeper one looks like ink.
    sharp = np.clip(_EDGE + (drawn - _EDGE) * max(1.0, scale), 0, 1)
    page[:, first:last] = np.maximum(page[:, first:last], sharp)
