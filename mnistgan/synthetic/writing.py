"""Pictures of text, written by a generator whose classes are characters."""

import csv
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeAlias

import numpy as np
from PIL import Image, ImageColor

from mnistgan.errors import UsageError
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.rendering.grids import Picture, save_png
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import atomic
from mnistgan.storage.npz import Piece, write_npz
from mnistgan.synthetic import patterns
from mnistgan.synthetic.handwriting import Handwriting, Ink
from mnistgan.text import decoded

WriteFormat: TypeAlias = Literal["png", "npz"]
TRANSPARENT = "transparent"
LABELS = "labels.csv"
"""The transcriptions in a folder of pictures: ``file,text``."""

_MOST_CHARACTERS = patterns.MOST_CHARACTERS


@dataclass(frozen=True)
class WriteRequest:
    """The text to write, and the pictures to make of it.

    Attributes:
        text: the text. Exactly one of ``text``, ``file`` and ``pattern`` is given.
        file: UTF-8 file with one text per line. Picture i has line i; after the last, the first
            follows again.
        pattern: pattern of random texts, see :mod:`patterns`.
        count: number of pictures; by default the lines of ``file``, else a single one.
        seed: seed of the texts and of the handwriting.
        hand: see :class:`Handwriting`.
        truncation: see :class:`Handwriting`.
        ink: color of the ink, a name or as ``#rrggbb``.
        paper: color of the paper, or ``transparent``.
        height: height of the pictures in pixels.
        format: ``png`` writes one PNG or, with a ``count`` or a ``file``, a folder; ``npz`` writes
            one array file.
        labels: whether to write the transcriptions of several pictures.

    Raises:
        UsageError: options contradict each other, or a color is unknown.
    """

    text: str | None = None
    file: Path | None = None
    pattern: str | None = None
    count: int | None = None
    seed: int = 0
    hand: int | None = None
    truncation: float | None = None
    ink: str = "black"
    paper: str = "white"
    height: int = 64
    format: WriteFormat = "png"
    labels: bool = False

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.text, self.file, self.pattern)) != 1:
            raise UsageError("give one of a text, --file and --pattern")
        if self.labels and self.is_single:
            raise UsageError("--labels is for several pictures; give --count, too")
        if self.format == "npz" and self.paper == TRANSPARENT:
            raise UsageError(f"--paper {TRANSPARENT} is only for --format png")
        _color("--ink", self.ink)
        if self.paper != TRANSPARENT:
            _color("--paper", self.paper)

    @property
    def is_single(self) -> bool:
        """Whether the result is one PNG file."""
        return self.format == "png" and self.count is None and self.file is None

    @property
    def target(self) -> Path:
        """The default file or folder."""
        if self.format == "npz":
            return Path("writing.npz")
        return Path("writing.png" if self.is_single else "writing")

    def picture(self, ink: Ink) -> Picture:
        """A line of ink in its colors: gray, color or, on transparent paper, color and alpha."""
        color = _color("--ink", self.ink)
        is_clear = self.paper == TRANSPARENT
        paper = color if is_clear else _color("--paper", self.paper)
        channels = [low + (high - low) * ink for low, high in zip(paper, color, strict=True)]
        if is_clear:
            channels.append(255 * ink)
        elif len(set(paper)) == len(set(color)) == 1:
            channels = channels[:1]
        picture = np.empty((*ink.shape, len(channels)), np.uint8)
        for number, channel in enumerate(channels):
            picture[..., number] = np.round(channel)
        return picture[..., 0] if len(channels) == 1 else picture


def _color(option: str, text: str) -> tuple[int, int, int]:
    """Red, green and blue of a color, 0 to 255.

    Raises:
        UsageError: the text is not an opaque color.
    """
    try:
        red, green, blue, alpha = (*ImageColor.getrgb(text), 255)[:4]
        if alpha != 255:
            raise ValueError("transparent")
    except ValueError as error:
        what = f"a name, such as navy, or #rrggbb{f', or {TRANSPARENT}' * (option == '--paper')}"
        raise UsageError(f"{option} {text}: is not a color; give {what}") from error
    return red, green, blue


@dataclass(frozen=True)
class _Texts:
    """The texts of a request: how many there are by default, their characters, and text i."""

    count: int
    characters: str
    at: Callable[[int], str]


def _texts(request: WriteRequest) -> _Texts:
    """The texts of a request.

    Raises:
        UsageError: the pattern or the file cannot be used, or a text is empty or too long.
    """
    if request.pattern is not None:
        pattern = patterns.parse(request.pattern)
        seed = request.seed
        return _Texts(
            1, pattern.characters, lambda index: pattern.draw(noise.rng(seed, Stream.TEXT, index))
        )
    lines = [request.text or ""] if request.file is None else _lines(request.file)
    for number, line in enumerate(lines, 1):
        if not 0 < len(line) <= _MOST_CHARACTERS:
            where = "the text" if request.file is None else f"{request.file}: line {number}"
            raise UsageError(f"{where} must have 1 to {_MOST_CHARACTERS} characters")
    return _Texts(len(lines), "".join(lines), lambda index: lines[index % len(lines)])


def _lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        UsageError: it cannot be read, is not UTF-8, or is empty.
    """
    try:
        text = decoded(atomic.read_bytes(path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    if not text:
        raise UsageError(f"{path}: is empty; give one text per line")
    return text.removesuffix("\n").split("\n")


def write(
    source: Path,
    request: WriteRequest,
    target: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> Path:
    """Write text with a generator.

    Picture i and its text are a function of the request without its count, and of i.

    Args:
        source: generator file, checkpoint or run directory.
        request: which text, in which pictures.
        target: file or folder; by default as :attr:`WriteRequest.target`.
        on_progress: called with the number of pictures.

    Returns:
        The target.

    Raises:
        UsageError: the target cannot be written, or the generator cannot write the text.
    """
    path = target or request.target
    texts = _texts(request)
    count = request.count or texts.count
    # The target is checked before the generator is loaded, which takes longer.
    if request.format == "png" and not request.is_single:
        atomic.check_folder(path, empty=True)
    else:
        atomic.check_target(path, f".{request.format}")
    writer = Handwriting(
        load_generator(source), request.height, request.seed, request.hand, request.truncation
    )
    writer.check(texts.characters)

    def written() -> Iterator[tuple[str, Picture]]:
        for index in range(count):
            text = texts.at(index)
            yield text, request.picture(writer.line(text, index))
            on_progress(Progress("writing", index + 1, count))

    if request.is_single:
        save_png(path, next(written())[1])
    elif request.format == "png":
        _write_folder(path, written(), count, request.labels)
    else:
        with tempfile.TemporaryFile(dir=path.parent) as pixels:
            _write_npz(path, written(), request.labels, pixels)
    return path


def _write_folder(
    path: Path, written: Iterator[tuple[str, Picture]], count: int, labels: bool
) -> None:
    """Write a folder of numbered PNGs and, with labels, a table of the texts."""
    digits = max(6, len(str(count)))  # as in `sample --format png`
    rows = [("file", "text")]
    with atomic.atomic_folder(path) as folder:
        for number, (text, picture) in enumerate(written):
            name = f"{number:0{digits}d}.png"
            Image.fromarray(picture).save(folder / name)
            rows.append((name, text))
        if labels:
            with (folder / LABELS).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)


def _write_npz(
    path: Path, written: Iterator[tuple[str, Picture]], labels: bool, pixels: IO[bytes]
) -> None:
    """Write one array of pictures, padded with paper on the right, and their widths.

    Args:
        path: the file.
        written: texts and pictures.
        labels: whether to write the texts, too.
        pixels: an empty temporary file. The padded width is known only after the last picture.
    """
    texts, shapes = [], []
    for text, picture in written:
        texts.append(text)
        shapes.append(picture.shape)
        pixels.write(np.ascontiguousarray(picture).data)
    pixels.seek(0)
    widest = max(shape[1] for shape in shapes)

    def padded() -> Iterator[Piece]:
        for shape in shapes:
            raw = pixels.read(int(np.prod(shape)))
            picture = np.frombuffer(raw, np.uint8).reshape(shape)
            # The margin of a line is paper: its last column continues to the right.
            width = [(0, 0), (0, widest - shape[1]), (0, 0)][: len(shape)]
            yield np.pad(picture, width, mode="edge")[None], None

    full = (len(shapes), shapes[0][0], widest, *shapes[0][2:])
    more = {"widths": np.array([shape[1] for shape in shapes], np.int64)}
    write_npz(path, padded(), full, more=more | ({"texts": np.array(texts)} if labels else {}))
