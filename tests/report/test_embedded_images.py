"""Pictures embedded in a page: an untrusted GIF is decoded within limits."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from mnistgan.report import embedded_images


@pytest.mark.parametrize("name", ["bomb", "growing", "long"])
def test_a_gif_beyond_the_limits_is_not_embedded(tmp_path: Path, name: str) -> None:
    first, more, count = {
        "bomb": ((2000, 2000), (2000, 2000), 16),
        "growing": ((20, 20), (3000, 3000), 2),
        "long": ((2, 2), (2, 2), 130),
    }[name]
    path = tmp_path / "a.gif"
    path.write_bytes(gif(first, more, count))
    assert embedded_images.moving(path) is None


def gif(first: tuple[int, int], more: tuple[int, int], count: int) -> bytes:
    """A GIF of black frames; the first one sets the size of the picture."""
    frames = []
    for size in (first, more):
        buffer = io.BytesIO()
        Image.new("P", size).save(buffer, "GIF", optimize=False)
        frames.append(buffer.getvalue()[:-1])
    frame = frames[1][frames[1].index(b"\x2c") :]
    return frames[0] + frame * (count - 1) + b";"
