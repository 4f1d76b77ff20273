"""Grids of images, and image files.

Images are uint8 arrays, N x C x H x W. A *picture* is an array for image libraries: uint8, H x W in
gray or H x W x 3 in color.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mnistgan.arrays import Images
from mnistgan.errors import UsageError, printable
from mnistgan.storage.atomic import atomic_path, check_regular

Picture: TypeAlias = npt.NDArray[np.uint8]

_MAX_ROWS = 100  # classes in a picture
_GAP = 2  # pixels between the images of a grid; part of the format of samples/*.png
_FILL = 900  # maximum pixels of an enlarged grid, so that it fits on a screen
_WIDEST = 2000  # maximum pixels of a grid that is enlarged nevertheless, twice: a wide screen
BETWEEN = 70  # gray level between images that a person looks at, whose ground is black or white
_MAX_SCALE = 10  # of the default scale: one digit becomes 320 pixels wide, not 896


def to_picture(image: Images) -> Picture:
    """Convert one image, C x H x W, to a picture."""
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)


def to_color(picture: Picture) -> Picture:
    """Convert a picture to H x W x 3."""
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)


def reduce_levels(picture: Picture) -> Picture:
    """Reduce a picture to 32 levels per channel, which look the same in a smaller file."""
    return ((picture >> 3) * (255 / 31)).round().astype(np.uint8)


def grid(images: Images, columns: int | None = None, ground: int = 0) -> Picture:
    """Arrange images in rows with gaps, which are part of the format of samples/*.png.

    Args:
        images: uint8, N x C x H x W.
        columns: images per row; by default, the grid is as square as possible.
        ground: gray level of the gaps, and of places without an image.
    """
    # Not torchvision.utils.make_grid, which imports torch: pages, curves and ``data show`` do not.
    count, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    canvas = np.full((channels, rows, height + _GAP, columns, width + _GAP), ground, np.uint8)
    filled = np.full((rows * columns, channels, height, width), ground, np.uint8)
    filled[:count] = images
    tiles = filled.reshape(rows, columns, channels, height, width)
    canvas[:, :, _GAP:, :, _GAP:] = tiles.transpose(2, 0, 3, 1, 4)
    flat = canvas.reshape(channels, rows * (height + _GAP), columns * (width + _GAP))
    return to_picture(np.pad(flat, ((0, 0), (0, _GAP), (0, _GAP)), constant_values=ground))


def sheet(images: Images, columns: int | None = None, scale: int | None = None) -> Picture:
    """Arrange images for a person: enlarged, see :func:`magnify`, with gray gaps that show edges.

    Args:
        images: uint8, N x C x H x W.
        columns: images per row; by default, the sheet is as square as possible.
        scale: factor to enlarge by; by default it follows from the number of images.
    """
    return magnify(grid(images, columns, BETWEEN), scale)


def ungrid(picture: Picture, size: int) -> Images:
    """Extract the images of a :func:`grid`, uint8 N x C x H x W, with black ones at its end.

    Args:
        picture: the grid.
        size: side of the images in pixels.

    Raises:
        UsageError: the picture is not a grid of images of this size.
    """
    height, width = picture.shape[:2]
    if (
        min(height, width) < size + 2 * _GAP
        or (height - _GAP) % (size + _GAP)
        or (width - _GAP) % (size + _GAP)
    ):
        raise UsageError(f"a picture of {width} x {height} is not a grid of {size} x {size} images")
    tiles = picture[_GAP:, _GAP:].reshape(
        height // (size + _GAP), size + _GAP, width // (size + _GAP), size + _GAP, -1
    )
    images = tiles[:, :size, :, :size].transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(images.reshape(-1, *images.shape[2:]))


def class_grid(
    images: Images, labels: npt.NDArray[np.int64] | None, classes: Sequence[str], columns: int
) -> Picture:
    """The first images of each class, one captioned row per class; a plain grid without labels.

    Args:
        images: uint8, N x C x H x W.
        labels: int64, N, or None. Classes without images are omitted, and all after the first 100.
        classes: name of each label.
        columns: images per class; without labels, maximum number of images per row and column.
    """
    if labels is None:
        return sheet(images[: columns * columns], min(columns, len(images)))
    rows: list[Picture] = []
    present = np.unique(labels)[:_MAX_ROWS]
    for number in present:
        name = printable(classes[number]).replace("\n", " ")
        found = images[np.flatnonzero(labels == number)[:columns]]
        rows.append(caption(sheet(found, columns), name))
    return np.concatenate(rows)


def beside(pictures: Sequence[Picture]) -> Picture:
    """Join pictures horizontally, in color; shorter ones are padded with black."""
    return np.concatenate(list(_padded(pictures, axis=0)), axis=1)


def stacked(pictures: Sequence[Picture]) -> Picture:
    """Join pictures vertically, in color; narrower ones are padded with black."""
    return np.concatenate(list(_padded(pictures, axis=1)), axis=0)


def _padded(pictures: Sequence[Picture], axis: int) -> Iterator[Picture]:
    """The pictures in color, padded with black to the same length along an axis."""
    longest = max(picture.shape[axis] for picture in pictures)
    for picture in pictures:
        widths = [(0, 0)] * 3
        widths[axis] = (0, longest - picture.shape[axis])
        yield np.pad(to_color(picture), widths)


def save_png(path: Path, picture: Picture) -> None:
    """Write a picture as a PNG file, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(to_png(picture))


def to_png(picture: Picture) -> bytes:
    """Encode a picture as PNG."""
    return encode([picture], "PNG")


def encode(
    pictures: Iterable[Picture], kind: Literal["PNG", "GIF", "WEBP"], **options: Any
) -> bytes:
    """Encode pictures as an image file; several pictures are the frames of an animation.

    Args:
        pictures: pictures of one shape. An iterator is read frame by frame.
        kind: file format.
        options: options of Pillow's writer for this format.
    """
    frames = map(Image.fromarray, pictures)
    first = next(frames)
    # Without save_all, Pillow writes only the first frame, and ignores append_images silently.
    if kind != "PNG":
        options |= {"save_all": True, "append_images": frames}
    buffer = io.BytesIO()
    first.save(buffer, format=kind, **options)
    return buffer.getvalue()


def read_png(path: Path, max_side: int = 10_000) -> Picture:
    """Read a PNG that :func:`save_png` wrote.

    Raises:
        UsageError: it is missing or not a PNG, or a side is longer than ``max_side`` pixels.
    """
    try:
        check_regular(path)
        with Image.open(path, formats=("PNG",)) as image:
            # Checked before decoding: a small file can hold a huge picture.
            if max(image.size) > max_side:
                raise ValueError(f"{image.width} x {image.height} pixels is too large")
            return np.asarray(image.convert("L" if image.mode in ("1", "L", "I;16") else "RGB"))
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        # Pillow reports some broken chunks as a SyntaxError.
        raise UsageError(f"{path}: cannot be read as a PNG ({error})") from error


def read_grid(path: Path, size: int) -> Picture:
    """Read a sample grid of a run, which holds 64 images.

    Args:
        path: the PNG file.
        size: side of its images in pixels.

    Raises:
        UsageError: as for :func:`read_png`, or it is larger than any grid of a run.
    """
    return read_png(path, 16 + 9 * (size + 4))  # a little more than 8 x 8 images take


def enlarge(picture: Picture, at_least: int = 320) -> Picture:
    """Repeat a picture's pixels until its longer side has at least ``at_least`` pixels."""
    return magnify(picture, math.ceil(at_least / max(picture.shape[:2])))


def magnify(picture: Picture, scale: int | None = None) -> Picture:
    """Enlarge a picture by nearest neighbor.

    Args:
        picture: any picture.
        scale: how often each pixel is repeated along both axes. By default, the largest scale
            from 1 to 10 whose longer side has at most 900 pixels, or 2 if that side then has at
            most 2000: 64 digits fill 726 x 726, 100 fill 604 x 604, and 1,000 fill 1924 x 1924.
    """
    if scale is None:
        longest = max(picture.shape[:2])
        scale = min(max(_FILL // longest, 2 if 2 * longest <= _WIDEST else 1), _MAX_SCALE)
    # Not resized: interpolation would blur pixels that people want to see one by one.
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def smoothed(picture: Picture, at_least: int) -> Picture:
    """Enlarge a picture as :func:`enlarge` does, but smoothly, by bicubic interpolation."""
    scale = math.ceil(at_least / max(picture.shape[:2]))
    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    larger = image.resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    return np.asarray(larger)


def caption(picture: Picture, text: str) -> Picture:
    """Add a black strip with a line of text above a picture."""
    height = max(18, picture.shape[0] // 16)
    strip = Image.new("L" if picture.ndim == 2 else "RGB", (picture.shape[1], height))
    font = ImageFont.load_default(size=round(height * 0.62))
    ImageDraw.Draw(strip).text((6, height / 2), text, fill="white", font=font, anchor="lm")
    return np.concatenate((np.asarray(strip), picture), axis=0)


def spread(count: int, at_most: int) -> list[int]:
    """Choose at most ``at_most`` of ``count`` indices evenly, including the first and the last."""
    if count <= at_most:
        return list(range(count))
    return [round(position) for position in np.linspace(0, count - 1, at_most)]
