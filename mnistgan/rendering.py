"""Images to look at: grids, PNG files, animations, curves.

Images come as uint8 arrays N x C x H x W; a *picture* is what image libraries take: uint8, H x W
when grey and H x W x 3 in colour.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import imageio.v3 as iio
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mnistgan.config import ScoreKind
from mnistgan.errors import UsageError, printable
from mnistgan.events import Images, score_names
from mnistgan.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Picture: TypeAlias = npt.NDArray[np.uint8]
Metrics: TypeAlias = Mapping[str, npt.NDArray[np.float64]]

ANIMATION_FORMATS = (".gif", ".webp", ".mp4")
CURVE_FORMATS = (".png", ".svg", ".pdf")

_MAX_ROWS = 100
_GAP = 2  # pixels between the images of a grid


def to_picture(image: Images) -> Picture:
    """One image, C x H x W, as a picture."""
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)


def grid(images: Images, columns: int | None = None) -> Picture:
    """The images side by side, black between them, as square as can be unless told otherwise."""
    # Not torchvision.utils.make_grid: pages, curves and ``data show`` draw grids without torch.
    count, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    canvas = np.zeros((channels, rows, height + _GAP, columns, width + _GAP), np.uint8)
    filled = np.zeros((rows * columns, channels, height, width), np.uint8)
    filled[:count] = images
    tiles = filled.reshape(rows, columns, channels, height, width)
    canvas[:, :, _GAP:, :, _GAP:] = tiles.transpose(2, 0, 3, 1, 4)
    flat = canvas.reshape(channels, rows * (height + _GAP), columns * (width + _GAP))
    return to_picture(np.pad(flat, ((0, 0), (0, _GAP), (0, _GAP))))


def ungrid(picture: Picture, size: int) -> Images:
    """The images that a :func:`grid` shows, uint8 N x C x H x W, with the black ones at its end.

    Args:
        picture: the grid.
        size: side of the images.

    Raises:
        UsageError: it is no grid of images of that size.
    """
    height, width = picture.shape[:2]
    if (
        min(height, width) < size + 2 * _GAP
        or (height - _GAP) % (size + _GAP)
        or (width - _GAP) % (size + _GAP)
    ):
        raise UsageError(f"a picture of {width} x {height} is no grid of {size} x {size} images")
    tiles = picture[_GAP:, _GAP:].reshape(
        height // (size + _GAP), size + _GAP, width // (size + _GAP), size + _GAP, -1
    )
    images = tiles[:, :size, :, :size].transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(images.reshape(-1, *images.shape[2:]))


def class_grid(
    images: Images, labels: npt.NDArray[np.int64] | None, classes: Sequence[str], columns: int
) -> Picture:
    """The first images of each class that has any, a row a class; without labels, a plain grid.

    Args:
        images: uint8, N x C x H x W.
        labels: N, or None; of more than a hundred classes the first are shown.
        classes: the names of the labels.
        columns: how many images of each class; of images without labels, the side of the grid.
    """
    if labels is None:
        return grid(images[: columns * columns], min(columns, len(images)))
    blank = np.zeros((columns, *images.shape[1:]), np.uint8)
    rows: list[Picture] = []
    present = np.unique(labels)[:_MAX_ROWS]
    for number in present:
        name = printable(classes[number]).replace("\n", " ")
        row = blank.copy()
        found = images[np.flatnonzero(labels == number)[:columns]]
        row[: len(found)] = found
        rows.append(caption(enlarge(grid(row, columns)), name))
    return np.concatenate(rows)


def beside(pictures: Sequence[Picture]) -> Picture:
    """Pictures in a row, in colour, black below those that are less high."""
    return np.concatenate(list(_padded(pictures, axis=0)), axis=1)


def stacked(pictures: Sequence[Picture]) -> Picture:
    """Pictures one below the other, in colour, black beside those that are less wide."""
    return np.concatenate(list(_padded(pictures, axis=1)), axis=0)


def _padded(pictures: Sequence[Picture], axis: int) -> Iterator[Picture]:
    """The pictures in colour and of one length along an axis."""
    longest = max(picture.shape[axis] for picture in pictures)
    for picture in pictures:
        colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)
        widths = [(0, 0)] * 3
        widths[axis] = (0, longest - picture.shape[axis])
        yield np.pad(colour, widths)


def save_png(path: Path, picture: Picture) -> None:
    """Write a picture as PNG, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(to_png(picture))


def to_png(picture: Picture) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def read_png(path: Path, max_side: int = 10_000) -> Picture:
    """Read a PNG that :func:`save_png` wrote.

    Raises:
        UsageError: it is missing, no such image, or has a side longer than ``max_side`` pixels.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("no file")
        with Image.open(path, formats=("PNG",)) as image:
            if max(image.size) > max_side:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            return np.asarray(image.convert("L" if image.mode in ("1", "L", "I;16") else "RGB"))
    except (OSError, ValueError, Warning, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: cannot be read as a PNG ({error})") from error


def read_grid(path: Path, size: int) -> Picture:
    """Read a grid that a run left.

    Args:
        path: of its PNG.
        size: side of the images in it.

    Raises:
        UsageError: as :func:`read_png`, or it is larger than any grid of a run.
    """
    return read_png(path, 16 + 9 * (size + 4))


# Animations ------------------------------------------------------------------------------------


def enlarge(picture: Picture, at_least: int = 320) -> Picture:
    """The picture with its pixels repeated until its longer side has so many."""
    factor = math.ceil(at_least / max(picture.shape[:2]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def caption(picture: Picture, text: str) -> Picture:
    """The picture with a line of text in a strip of its own above it."""
    height = max(18, picture.shape[0] // 16)
    strip = Image.new("L" if picture.ndim == 2 else "RGB", (picture.shape[1], height))
    font = ImageFont.load_default(size=round(height * 0.62))
    ImageDraw.Draw(strip).text((6, height / 2), text, fill="white", font=font, anchor="lm")
    return np.concatenate((np.asarray(strip), picture), axis=0)


def spread(count: int, at_most: int) -> list[int]:
    """Which of ``count`` frames to keep so that ``at_most`` remain: first, last, evenly between."""
    if count <= at_most:
        return list(range(count))
    return [round(position) for position in np.linspace(0, count - 1, at_most)]


def check_suffix(path: Path, known: Sequence[str]) -> None:
    """Refuse, before any work, a file name whose ending says no format of ours.

    Raises:
        UsageError: naming the endings that are known.
    """
    if path.suffix.lower() not in known:
        raise UsageError(f"{path}: unknown ending {path.suffix!r}; use {', '.join(known)}")


def save_animation(
    path: Path, frames: Sequence[Picture], fps: float, hold_last: float = 0.0
) -> None:
    """Write frames of one size as GIF, WebP or MP4, looping for ever, atomically.

    Args:
        path: its ending chooses the format.
        frames: the pictures, all of one shape.
        fps: frames a second.
        hold_last: seconds that the last frame stays longer.

    Raises:
        UsageError: unknown ending.
    """
    check_suffix(path, ANIMATION_FORMATS)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".mp4":
            still = [frames[-1]] * round(hold_last * fps)
            _save_mp4(temporary, [*frames, *still], fps)
        else:
            durations = [1000 / fps] * len(frames)
            durations[-1] += 1000 * hold_last
            _save_pillow(temporary, frames, durations)


def _save_pillow(path: Path, frames: Sequence[Picture], durations: list[float]) -> None:
    options: dict[str, Any] = {"lossless": True} if path.suffix.lower() == ".webp" else {}
    options["duration"] = durations if len(durations) > 1 else durations[0]  # as Pillow wants it
    mode = "L" if frames[0].ndim == 2 else "RGB"
    stack = np.stack(frames)
    if path.suffix.lower() == ".gif":
        # 32 levels look the same; 60 frames of noisy digits took 1.4 MB instead of 3.5.
        stack = ((stack >> 3) * (255 / 31)).round().astype(np.uint8)
    # Into memory first: on a full disk imageio would leave a traceback of its own.
    raw = iio.imwrite("<bytes>", stack, extension=path.suffix.lower(), plugin="pillow",
                      is_batch=True, mode=mode, loop=0, **options)  # fmt: skip
    assert raw is not None
    path.write_bytes(raw)


def _save_mp4(path: Path, frames: Sequence[Picture], fps: float) -> None:
    height, width = (side + side % 2 for side in frames[0].shape[:2])  # H.264 takes even sides
    shape = (len(frames), height, width, 3)
    stack = np.zeros(shape, np.uint8)
    for target, frame in zip(stack, frames, strict=True):
        colour = frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=-1)
        target[: frame.shape[0], : frame.shape[1]] = colour
    iio.imwrite(path, stack, plugin="FFMPEG", fps=fps, codec="libx264", macro_block_size=2)


# Curves ----------------------------------------------------------------------------------------


def save_curves(
    path: Path,
    runs: Mapping[str, Metrics],
    scores: Sequence[ScoreKind],
    measured: Mapping[str, Metrics] | None = None,
) -> None:
    """Draw losses, D's scores and what was measured over the steps; several runs overlay.

    A single run has a colour a quantity, several runs a colour a run and a line style a quantity.

    Args:
        path: PNG, SVG or PDF by its ending.
        runs: label -> columns of its metrics.csv.
        scores: what D's scores are in each run, which decides their labels and range.
        measured: label -> columns of its evaluations.csv, for runs that were measured.

    Raises:
        UsageError: unknown ending, or no run has a step to draw.
    """
    check_suffix(path, CURVE_FORMATS)
    if not any(len(metrics["step"]) for metrics in runs.values()):
        raise UsageError("there is no step to plot yet; train on, then plot")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    real_name, fake_name = score_names("critic" if set(scores) == {"critic"} else "probability")
    measured = {run: table for run, table in (measured or {}).items() if len(table["step"])}
    panels = 3 if measured else 2
    figure = Figure(figsize=(5 * panels, 4), layout="constrained", dpi=120)
    left, right, *third = figure.subplots(1, panels)
    _panel(left, runs, {"loss_D": "loss_D", "loss_G": "loss_G"})
    _panel(right, runs, {"D(x)": real_name, "D(G(z1))": fake_name})
    left.set(title="losses", xlabel="step")
    right.set(title=f"{real_name} and {fake_name}", xlabel="step")
    if set(scores) == {"probability"}:
        right.set_ylim(0, 1)
    if third:
        _measured_panel(third[0], measured, list(runs))
    # Without a date and with fixed ids, the same run draws the same file.
    with atomic_path(path) as temporary, rc_context({"svg.hashsalt": "mnistgan"}):
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        kind = path.suffix.lower()
        figure.savefig(temporary, format=kind[1:], metadata=metadata.get(kind))


def _panel(axes: Axes, runs: Mapping[str, Metrics], columns: Mapping[str, str]) -> None:
    for number, (run, metrics) in enumerate(runs.items()):
        for style, (column, label) in enumerate(columns.items()):
            colour = f"C{number if len(runs) > 1 else style}"
            dashes = "--" if len(runs) > 1 and style else "-"
            name = f"{run}: {label}" if len(runs) > 1 else label
            steps, values = metrics["step"], metrics[column]
            keep = spread(len(steps), 4000)
            axes.plot(steps[keep], values[keep], color=colour, alpha=0.2, linewidth=0.6)
            axes.plot(
                steps[keep], smooth(values)[keep], dashes, color=colour, label=name, linewidth=1.4
            )
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="upper right")  # "best" looks at every step, for seconds


def _measured_panel(axes: Axes, measured: Mapping[str, Metrics], runs: list[str]) -> None:
    for run, table in measured.items():
        colour = f"C{runs.index(run)}"
        name = run if len(runs) > 1 else None
        axes.plot(table["step"], table["frechet_distance"], "o-", color=colour, label=name)
    above_zero = any((table["frechet_distance"] > 0).any() for table in measured.values())
    scale = "log" if above_zero else "linear"
    axes.set(title="Frechet distance", xlabel="step", yscale=scale)
    axes.grid(alpha=0.25, which="both")
    if len(runs) > 1:
        axes.legend(fontsize=8, loc="upper right")


def smooth(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The running mean over a fiftieth of the series, cut off at its ends."""
    half = len(values) // 100
    sums = np.concatenate(([0.0], np.cumsum(values)))
    index = np.arange(len(values))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return np.asarray((sums[high] - sums[low]) / (high - low))
