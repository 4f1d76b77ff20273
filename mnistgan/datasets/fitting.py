"""Fitting images of any size and color: the result is square, of a given size, gray or RGB.

The aspect ratio is kept: an image is padded with a background, or cropped to its middle square.
``torchvision.transforms.v2`` resizes, pads, crops and converts, with Pillow for PIL images. It is
imported only for pictures that need this.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageColor

from mnistgan.arrays import Images
from mnistgan.config import DataConfig
from mnistgan.datasets.torchvision_import import import_torchvision

SMALL = 16
"""Side of a :func:`thumbnail`."""
RESAMPLING = Image.Resampling.BICUBIC


@dataclass(frozen=True)
class Fit:
    """Options of fitting: size and channels of the result, and how an image becomes square.

    Attributes:
        size: side of the result in pixels.
        channels: channels of the result: 1 (gray) or 3 (RGB).
        mode: ``pad`` keeps the whole image, ``crop`` its largest middle square.
        background: R, G, B of the padding and behind transparent pixels, 0 to 255.
    """

    size: int
    channels: Literal[1, 3]
    mode: Literal["pad", "crop"] = "pad"
    background: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of(cls, config: DataConfig) -> "Fit":
        """The options of fitting in a config."""
        red, green, blue = ImageColor.getrgb(config.background)[:3]
        return cls(config.image_size, config.channels, config.fit, (red, green, blue))

    def arrays(self, images: Images) -> Images:
        """Fit uint8 images n x H x W x C; returns uint8 n x channels x size x size."""
        images = recolor(images, self.channels)
        if images.shape[1:3] == (self.size, self.size):
            return np.moveaxis(images, -1, 1)
        fitted = np.empty((len(images), self.channels, self.size, self.size), np.uint8)
        for target, image in zip(fitted, images, strict=True):
            picture = Image.fromarray(image[..., 0] if self.channels == 1 else image)
            target[:] = _planes(self._square(picture))
        return fitted

    def picture(self, image: Image.Image) -> Images:
        """Fit a picture in any of Pillow's modes; returns uint8 channels x size x size."""
        # Resized before the background is added: transparent pixels of an edge then blend with it.
        square = self._square(_plain(image))
        if square.mode == "RGBA":
            backdrop = Image.new("RGBA", square.size, (*self.background, 255))
            square = Image.alpha_composite(backdrop, square).convert("RGB")
        if self.channels == 1 and square.mode == "RGB":
            square = _v2().rgb_to_grayscale(square)
        if self.channels == 3 and square.mode == "L":
            square = _v2().grayscale_to_rgb(square)
        return _planes(square)

    def _square(self, image: Image.Image) -> Image.Image:
        """Crop or pad a picture to a square and resize it, in its own mode."""
        if image.size == (self.size, self.size):
            return image
        # Cropped before resizing: otherwise a long picture is enlarged to a huge one first.
        if self.mode == "crop":
            image = _v2().center_crop(image, [min(image.size)])
        scale = self.size / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        scaled: Image.Image = _v2().resize(image, [height, width], interpolation=RESAMPLING)
        backdrop: dict[str, int | tuple[int, ...]] = {
            "L": recolor(np.array([[[self.background]]], np.uint8), 1).item(),
            "RGB": self.background,
            "RGBA": (0, 0, 0, 0),
        }
        left, top = (self.size - width) // 2, (self.size - height) // 2
        around = [left, top, self.size - width - left, self.size - height - top]
        padded: Image.Image = _v2().pad(scaled, around, fill=backdrop[image.mode])
        return padded


def _v2() -> Any:
    return import_torchvision("torchvision.transforms.v2.functional")


def _plain(image: Image.Image) -> Image.Image:
    """Convert a picture to mode L, RGB or RGBA."""
    # 16 bits per pixel: convert("L") would clip values at 255 instead of scaling them.
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    mode = "L" if image.mode in ("L", "1") else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _planes(square: Image.Image) -> Images:
    """The pixels of a picture, uint8 C x H x W."""
    array = np.asarray(square)
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)


def recolor(images: Images, channels: int) -> Images:
    """Convert images n x H x W x C, C 1 or 3, to gray (1 channel) or RGB (3 channels).

    Gray is the luma of ITU-R BT.601.
    """
    # In the fixed-point arithmetic of Pillow, so that an array and a file of the same image give
    # the same result.
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    luma = np.array([19595, 38470, 7471], np.uint32)
    return ((images @ luma + 0x8000) >> 16).astype(np.uint8)[..., None]


def thumbnail(image: Image.Image) -> Images:
    """A small version of a picture on black, for :func:`is_colored`: uint8 1 x 16 x 16 x 3."""
    # By Pillow alone: a folder whose fitted pictures are cached loads without torchvision.
    small = _plain(image).convert("RGBA").resize((SMALL, SMALL))
    black = Image.new("RGBA", small.size, "black")
    return np.asarray(Image.alpha_composite(black, small))[None, ..., :3]


def is_colored(images: Images) -> bool:
    """Whether any pixel of images n x H x W x C is not gray."""
    return images.shape[-1] == 3 and bool((images != images[..., :1]).any())
