"""Lines of handwriting, by networks that draw plain bars."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image, ImageDraw
from support import Tiny
from torch import Tensor, nn

from mnistgan.errors import UsageError
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.sampling.generator import Generator
from mnistgan.synthetic import handwriting
from mnistgan.synthetic.handwriting import Handwriting, Ink, stroke_width

BARS = {"1": (13, 3), "0": (8, 12), "|": (20, 2), "g": (5, 4), "ten": (0, 28)}
"""The first column and the width of the bar of each class. All are 20 rows high."""


class Bars(nn.Module):
    """Draws the bar of each class, white on black, and remembers its inputs."""

    def __init__(self, negative: bool = False, top: Sequence[int] = (4,)) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.sign = -1 if negative else 1
        self.top = top
        self.seen: list[Tensor] = []

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        self.seen.append(z)
        images = torch.full((len(z), 1, 28, 28), -1.0)
        for row, label in enumerate(labels.tolist()):
            left, width = list(BARS.values())[label]
            top = self.top[row % len(self.top)]
            images[row, 0, top : top + 20, left : left + width] = 1
        return images * self.sign


@pytest.fixture
def bars(tiny: Tiny) -> Generator:
    return of(Bars(), tiny)


def of(network: Bars, tiny: Tiny) -> Generator:
    config = tiny(("model.conditional", True), ("model.classes", list(BARS)))
    return Generator(network, config, 0, 0)


HEIGHT = 100
UNIT = 68  # pixels of a bar: characters take 0.68 of a line


def runs(ink: Ink, axis: int = 0) -> list[tuple[int, int]]:
    """The first column of each run of columns with ink, and the column after its last."""
    has = np.pad(ink.max(axis=axis) > 0.5, 1).astype(int)
    edges = np.flatnonzero(np.diff(has))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def slant_of(bar: Ink) -> float:
    """How far a bar leans to the right per row, from the middles of its rows."""
    rows = np.flatnonzero(bar.max(axis=1) > 0.9)[3:-3]
    middles = (bar[rows] * np.arange(bar.shape[1])).sum(axis=1) / bar[rows].sum(axis=1)
    return -float(np.polyfit(rows, middles, 1)[0])


def test_gaps_are_between_the_ink_wherever_it_is_in_an_image(bars: Generator) -> None:
    for index in range(10):
        line = Handwriting(bars, HEIGHT).line("10|0|1", index)
        assert line.shape[0] == HEIGHT
        found = runs(line)
        assert len(found) == 6
        gaps = [right[0] - left[1] for left, right in itertools.pairwise(found)]
        # 0.17 of the height, and up to 0.06 more or less; a blurred edge is a pixel or two.
        assert all(0.11 * UNIT - 2 <= gap <= 0.23 * UNIT + 2 for gap in gaps), gaps
        assert len(set(gaps)) > 2, "they vary"
        margin = 0.3 * UNIT
        assert found[0][0] == pytest.approx(margin, abs=2)
        assert line.shape[1] - found[-1][1] == pytest.approx(margin, abs=0.06 * UNIT + 3)


def test_a_space_is_wider_than_a_gap(bars: Generator) -> None:
    plain, spaced = (runs(Handwriting(bars, HEIGHT).line(text, 1)) for text in ("11", "1 1"))
    wider = (spaced[1][0] - spaced[0][1]) - (plain[1][0] - plain[0][1])
    assert 0.25 * UNIT < wider < 0.6 * UNIT


def test_characters_stand_on_one_line_wherever_they_are_in_their_images(tiny: Tiny) -> None:
    writer = Handwriting(of(Bars(top=(0, 2, 4, 8)), tiny), HEIGHT)
    bottoms, heights = [], []
    for index in range(20):
        line = writer.line("1001", index)
        for left, right in runs(line):
            (top, bottom), *_ = runs(line[:, left:right], axis=1)
            bottoms.append(bottom)
            heights.append(bottom - top)
    assert np.mean(bottoms) == pytest.approx(81, abs=1)
    assert 0 < np.std(bottoms) < 3
    assert np.abs(np.array(bottoms) - 81).max() <= 0.05 * UNIT + 1
    assert np.mean(heights) == pytest.approx(UNIT, abs=1.5)


def test_a_descender_goes_below_the_line(bars: Generator) -> None:
    line = Handwriting(bars, HEIGHT).line("1g", 2)
    one, below = (runs(line[:, left:right], axis=1)[0][1] for left, right in runs(line))
    assert below - one == pytest.approx(0.25 * UNIT, abs=0.1 * UNIT + 1)


def test_black_on_white_is_the_same_ink(tiny: Tiny, bars: Generator) -> None:
    negative = of(Bars(negative=True), tiny)
    pages = [Handwriting(one, HEIGHT).line("10", 0) for one in (bars, negative)]
    np.testing.assert_allclose(pages[0], pages[1], atol=1e-5)


def test_each_character_has_a_z_of_its_own_or_all_have_that_of_a_hand(tiny: Tiny) -> None:
    network = Bars()
    generator = of(network, tiny)
    writer = Handwriting(generator, 20, seed=3)
    network.seen.clear()
    writer.line("1-0 1", 5)
    (z,) = network.seen
    assert torch.equal(z, noise.normal(3, Stream.GLYPHS, 5, (3, 8)))
    writer = Handwriting(generator, 20, seed=3, hand=11, truncation=0.5)
    network.seen.clear()
    writer.line("1-0 1", 5)
    (z,) = network.seen
    first = noise.normal(11, Stream.SAMPLE, 0, (256, 8))[:1]  # image 0 of `sample --seed 11`
    assert torch.equal(z, noise.truncated(first, 0.5).repeat(3, 1))


def test_a_hand_has_one_slant_and_lines_have_slants_of_their_own(bars: Generator) -> None:
    def slants(hand: int | None) -> npt.NDArray[np.float64]:
        writer = Handwriting(bars, HEIGHT, hand=hand)
        return np.array([slant_of(writer.line("1", index)) for index in range(12)])

    free, first, second = slants(None), slants(1), slants(2)
    assert -0.12 < free.min() < free.max() < 0.27
    assert np.ptp(free) > 0.1
    assert max(np.ptp(first), np.ptp(second)) < 0.02
    assert abs(first.mean() - second.mean()) > 0.02


def test_a_line_depends_on_its_text_index_and_seed_alone(bars: Generator) -> None:
    first = Handwriting(bars, 40, seed=2).line("10:1", 7)
    writer = Handwriting(bars, 40, seed=2)
    for index in (0, 9):
        writer.line("111111", index)
    np.testing.assert_array_equal(writer.line("10:1", 7), first)
    for other in (Handwriting(bars, 40, seed=3).line("10:1", 7), writer.line("10:1", 8)):
        assert other.shape != first.shape or (other != first).any()


@pytest.mark.parametrize("ends", [(400, 1200, 2000, 1200), (400, 300, 2000, 1900)])
@pytest.mark.parametrize("width", [2, 3, 6, 10])
def test_the_width_of_a_drawn_line(width: int, ends: tuple[int, int, int, int]) -> None:
    canvas = Image.new("L", (8 * 300, 8 * 300))
    ImageDraw.Draw(canvas).line(ends, fill=255, width=8 * width)
    ink = np.asarray(canvas.reduce(8), np.float32)[None] / np.float32(255)
    assert stroke_width(ink) == pytest.approx(width, rel=0.1)
    assert stroke_width(np.zeros((2, 9, 9), np.float32)) == 1


def test_strokes_are_as_wide_as_the_characters(bars: Generator) -> None:
    scale = UNIT / 20
    for index in range(5):
        line = Handwriting(bars, HEIGHT).line("|-|", index)
        _, (left, right), _ = runs(line)
        assert right - left == pytest.approx(0.36 * UNIT + 2 * scale, abs=8)
        thickness = line[:, (left + right) // 2].sum()
        # A bar of 2 x 20 pixels: twice its area by its perimeter is 80 / 44.
        assert thickness == pytest.approx(80 / 44 * scale, rel=0.25)


@pytest.mark.parametrize(
    ("char", "top", "bottom"),
    [
        ("-", 0.40, 0.49),
        (".", 0.05, 0.05),
        (":", 0.55, 0.12),
        (",", 0.06, -0.17),
        ("/", 1.02, -0.08),
    ],
)
def test_where_strokes_are(bars: Generator, char: str, top: float, bottom: float) -> None:
    line = Handwriting(bars, HEIGHT).line(char, 1)
    rows = runs(line, axis=1)
    assert len(rows) == (2 if char == ":" else 1)
    half = _half_of_a_typical_stroke(bars)
    assert rows[0][0] == pytest.approx(81 - UNIT * max(top, bottom) - half, abs=0.1 * UNIT)
    assert rows[-1][1] == pytest.approx(81 - UNIT * min(top, bottom) + half, abs=0.1 * UNIT)


def _half_of_a_typical_stroke(bars: Generator) -> float:
    return Handwriting(bars, HEIGHT)._stroke / 2 * UNIT / 20


def test_only_spaces_and_only_strokes(bars: Generator) -> None:
    assert not Handwriting(bars, HEIGHT).line("  ").any()
    assert len(runs(Handwriting(bars, HEIGHT).line("-/"))) == 2


def test_a_class_comes_before_a_stroke(tiny: Tiny) -> None:
    config = tiny(("model.conditional", True), ("model.classes", ["-", "0", "a", "b", "ten"]))
    network = Bars()
    line = Handwriting(Generator(network, config, 0, 0), HEIGHT).line("-")
    (top, bottom), *_ = runs(line, axis=1)
    assert bottom - top > 0.9 * UNIT, "a bar"


def test_characters_that_are_lacking_are_all_named(bars: Generator) -> None:
    with pytest.raises(UsageError) as error:
        Handwriting(bars, HEIGHT).line("x1\n0é-ten x")
    assert str(error.value) == (
        "this generator cannot write 'x', '\\n', 'é', 't', 'e', 'n'; it has the characters "
        "1 0 | g, and space - / . : , are drawn"
    )


def test_generators_that_cannot_write(tiny: Tiny) -> None:
    words = ["ten", "eleven"]
    config = tiny(("model.conditional", True), ("model.classes", words))
    with pytest.raises(UsageError, match=r"is a single character; its classes: ten, eleven$"):
        Handwriting(Generator(Bars(), config, 0, 0), HEIGHT)
    with pytest.raises(UsageError, match="was trained without labels"):
        Handwriting(Generator(Bars(), tiny(), 0, 0), HEIGHT)


def test_an_enlarged_line_has_sharp_edges(bars: Generator) -> None:
    for height in (28, 280):
        line = Handwriting(bars, height).line("0")
        row = line[round(0.5 * height)]
        between = np.count_nonzero((row > 0.1) & (row < 0.9))
        assert between <= 6, "the two edges, three pixels each"
        assert row.max() == pytest.approx(1)


def test_strokes_stay_on_their_canvas() -> None:
    for char, strokes in handwriting.STROKES.items():
        for x, y in (point for stroke in strokes for point in stroke):
            assert 0 <= x <= 1.1, char
            assert -0.3 <= y <= 1.1, char


@pytest.mark.parametrize("height", [6, 10])
def test_a_low_line_is_a_high_one_reduced(bars: Generator, height: int) -> None:
    for index in range(10):
        low, high = (Handwriting(bars, side).line("|-0", index) for side in (height, 4 * height))
        columns = min(low.shape[1], high.shape[1] // 4)
        reduced = Image.fromarray(high).resize(
            (columns, height), Image.Resampling.BOX, (0, 0, 4 * columns, 4 * height)
        )
        np.testing.assert_allclose(low[:, :columns], np.asarray(reduced), atol=0.1)
