"""Every kind of picture against a reading of its own: from the samples, by the formats' rules.

PNG files are written here bit by bit (W3C, PNG Specification, third edition), so that nothing of
Pillow's decides what their pixels mean.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.datasets.fitting import Fit

SIDE = 8
BACKGROUNDS = {"black": (0, 0, 0), "white": (255, 255, 255), "#804020": (0x80, 0x40, 0x20)}
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6  # color types
SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
DEPTHS = {
    GRAY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GRAY_ALPHA: (8, 16),
    RGBA: (8, 16),
}
Floats = npt.NDArray[np.float64]


def write_png(
    path: Path, samples: npt.NDArray[Any], kind: int, depth: int, chunks: dict[bytes, bytes]
) -> None:
    """Write samples, H x W x samples per pixel, each below 2**depth."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    height, width, _ = samples.shape
    rows = samples.reshape(height, -1).astype(np.uint32)
    bits = (rows[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    packed = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = {b"IHDR": header, **chunks, b"IDAT": zlib.compress(raw), b"IEND": b""}
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items()))


def expected(rgba: Floats, background: tuple[int, ...], channels: int, alpha: str) -> Floats:
    """H x W x 4 in [0, 1] over a background: channels x H x W in [0, 255]."""
    color, opacity = rgba[..., :3], rgba[..., 3:]
    if alpha == "ink" and opacity.min() < 1:
        color = np.ones_like(color)
    over = color * opacity + np.array(background) / 255 * (1 - opacity)
    if channels == 1:
        over = (over @ [0.299, 0.587, 0.114])[..., None]
    return np.moveaxis(over * 255, -1, 0)


def check(path: Path, rgba: Floats, tolerance: float = 2) -> None:
    for name, background in BACKGROUNDS.items():
        for channels in (1, 3):
            for alpha in ("blend", "ink"):
                keys = {"background": name, "channels": channels, "alpha": alpha}
                data = datasets.load(
                    DataConfig.model_validate({"name": f"{path}/", "image_size": SIDE, **keys})
                )
                wanted = expected(rgba, background, channels, alpha)
                np.testing.assert_allclose(data.images[0], wanted, atol=tolerance)


def files() -> list[tuple[int, int, bool]]:
    with_key = [(kind, depth, True) for kind in (GRAY, RGB, PALETTE) for depth in DEPTHS[kind]]
    return with_key + [(kind, depth, False) for kind in DEPTHS for depth in DEPTHS[kind]]


class TestPng:
    @pytest.mark.parametrize(("kind", "depth", "transparent"), files())
    @pytest.mark.parametrize("seed", range(2))
    def test_every_color_type_and_depth(
        self, tmp_path: Path, kind: int, depth: int, transparent: bool, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        top = 2**depth - 1
        samples = rng.integers(0, top + 1, (SIDE, SIDE, SAMPLES[kind]))
        chunks: dict[bytes, bytes] = {b"bKGD": struct.pack(">H", 1) * (3 if kind in (2, 6) else 1)}
        rgba = np.ones((SIDE, SIDE, 4))
        if kind == PALETTE:
            colors = rng.integers(0, 256, (top + 1, 4))
            chunks = {b"PLTE": colors[:, :3].astype(np.uint8).tobytes()}
            if transparent:
                chunks[b"tRNS"] = colors[:, 3].astype(np.uint8).tobytes()
            else:
                colors[:, 3] = 255
            rgba = colors[samples[..., 0]] / 255
        else:
            colors = samples[..., :3] if kind in (RGB, RGBA) else samples[..., :1]
            rgba[..., :3] = colors / top
            if kind in (GRAY_ALPHA, RGBA):
                rgba[..., 3] = samples[..., -1] / top
            if transparent:
                key = colors[3, 5]
                chunks[b"tRNS"] = b"".join(struct.pack(">H", value) for value in key)
                rgba[..., 3] = (colors != key).any(axis=-1)
        write_png(tmp_path / "set" / "a.png", samples, kind, depth, chunks)
        check(tmp_path / "set", rgba)

    @pytest.mark.parametrize("depth", [1, 2, 4, 8])
    def test_a_palette_with_one_transparent_entry(self, tmp_path: Path, depth: int) -> None:
        samples = np.arange(SIDE * SIDE).reshape(SIDE, SIDE, 1) % 2**depth
        colors = np.random.default_rng(0).integers(0, 256, (2**depth, 3))
        chunks = {b"PLTE": colors.astype(np.uint8).tobytes(), b"tRNS": b"\xff\0"}
        write_png(tmp_path / "set" / "a.png", samples, PALETTE, depth, chunks)
        rgba = np.dstack([colors[samples[..., 0]] / 255, samples[..., 0] != 1])
        check(tmp_path / "set", rgba)


def test_opaque_pictures_are_not_ink(tmp_path: Path) -> None:
    samples = random((SIDE, SIDE, 4))
    samples[..., 3] = 255
    write_png(tmp_path / "set" / "a.png", samples, RGBA, 8, {})
    check(tmp_path / "set", samples / 255)


def random(shape: tuple[int, ...], top: int = 256, seed: int = 0) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, top, shape)


def fitted(image: Image.Image, channels: int = 3) -> npt.NDArray[np.uint8]:
    fit = Fit.of(DataConfig.model_validate({"image_size": SIDE, "channels": channels}))
    return np.moveaxis(fit.picture(image), 0, -1)


class TestModes:
    """Pictures in memory, as from_torchvision may be given them, over black."""

    @pytest.mark.parametrize(
        ("mode", "planes"),
        [("1", 1), ("L", 1), ("LA", 2), ("La", 2), ("RGB", 3), ("RGBA", 4), ("RGBa", 4),
         ("RGBX", 4), ("CMYK", 4), ("YCbCr", 3), ("P", 1), ("PA", 2), ("HSV", 3)],
    )  # fmt: skip
    def test_a_mode_of_bytes(self, mode: str, planes: int) -> None:
        raw = random((SIDE, SIDE, planes)).astype(np.uint8)
        palette = random((256, 3), seed=1)
        if mode == "1":
            image = Image.fromarray(raw[..., 0] > 127)
        else:
            image = Image.frombytes(mode, (SIDE, SIDE), raw.tobytes())
        if mode in ("P", "PA"):
            image.putpalette(palette.astype(np.uint8).tobytes())
        if mode in ("La", "RGBa"):  # colors are multiplied already, and never above the alpha
            raw[..., :-1] = np.minimum(raw[..., :-1], raw[..., -1:])
            image = Image.frombytes(mode, (SIDE, SIDE), raw.tobytes())
        x = raw.astype(np.float64)
        first, last = x[..., :1], x[..., -1:] / 255
        readings: dict[str, Callable[[], Any]] = {
            "1": lambda: (first > 127) * 255.0,
            "L": lambda: first,
            "LA": lambda: first * last,
            "La": lambda: first,
            "RGB": lambda: x,
            "RGBA": lambda: x[..., :3] * last,
            "RGBa": lambda: x[..., :3],
            "RGBX": lambda: x[..., :3],
            "CMYK": lambda: (255 - x[..., :3]) * (1 - last),
            "YCbCr": lambda: from_ycbcr(x),
            "P": lambda: palette[raw[..., 0]],
            "PA": lambda: palette[raw[..., 0]] * last,
            "HSV": lambda: from_hsv(x),
        }
        wanted = readings[mode]()
        np.testing.assert_allclose(
            fitted(image), np.broadcast_to(wanted, (SIDE, SIDE, 3)), atol=2.01
        )

    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
    def test_a_transparent_value_in_memory(self, mode: str) -> None:
        raw = random((SIDE, SIDE)).astype(np.uint8) | 1
        image = Image.fromarray(raw).convert(mode)
        if mode == "P":
            image.putpalette(np.repeat(np.arange(256), 3).astype(np.uint8).tobytes())
        values = np.asarray(image.convert("L"))
        key = int(values.max())
        image.info["transparency"] = (key,) * 3 if mode == "RGB" else key
        wanted = np.where(values == key, 0, values)
        np.testing.assert_allclose(fitted(image, 1)[..., 0], wanted, atol=1)

    @pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
    def test_sixteen_bits(self, mode: str) -> None:
        values = random((SIDE, SIDE), 2**16)
        raw = values.astype(">u2" if mode == "I;16B" else "<u2").tobytes()
        image = Image.frombytes(mode, (SIDE, SIDE), raw)
        np.testing.assert_allclose(fitted(image, 1)[..., 0], values / 257, atol=1)

    @pytest.mark.parametrize(
        ("values", "scale"),
        [
            (random((SIDE, SIDE)).astype(np.int32), 1.0),
            (random((SIDE, SIDE), 2**16).astype(np.int32), 1 / 257),
            (random((SIDE, SIDE)).astype(np.float32), 1.0),
            ((random((SIDE, SIDE)) / 255).astype(np.float32), 255.0),
            (np.zeros((SIDE, SIDE), np.float32), 1.0),
        ],
    )
    def test_integers_and_floats(self, values: npt.NDArray[Any], scale: float) -> None:
        image = Image.fromarray(values)
        assert image.mode in ("I", "F")
        np.testing.assert_allclose(fitted(image, 1)[..., 0], values * scale, atol=1)

    @pytest.mark.parametrize(
        "values", [[-1, 5], [0, 70_000], [-0.5, 0.5], [0.0, 256.0], [float("nan"), 1.0]]
    )
    def test_an_unknown_range_is_refused(self, values: list[float]) -> None:
        kind = np.int32 if isinstance(values[1], int) else np.float32
        image = Image.fromarray(np.full((SIDE, SIDE), values[1], kind))
        image.putpixel((0, 0), values[0])
        with pytest.raises(ValueError, match="its values are from"):
            fitted(image)


def from_ycbcr(x: Floats) -> Floats:
    """JFIF's conversion."""
    y, blue, red = x[..., 0], x[..., 1] - 128, x[..., 2] - 128
    rgb = [y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue]
    return np.stack(rgb, axis=-1).clip(0, 255)


def from_hsv(x: Floats) -> Floats:
    import colorsys

    flat = [colorsys.hsv_to_rgb(*pixel) for pixel in x.reshape(-1, 3) / 255]
    return np.array(flat).reshape(x.shape) * 255
