"""Interpolation between points of latent space, and closed walks through it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

Blend: TypeAlias = Callable[[FloatArray, FloatArray, float | FloatArray], FloatArray]
"""Points between two, at shares of the way."""


def loop(points: FloatArray, frames: int, blend: Blend) -> FloatArray:
    """From each point to the next and from the last to the first: a closed walk.

    Args:
        points: float32, P x ...
        frames: of the whole walk, shared among the P ways as evenly as can be; with P or more of
            them, each point is a frame of its own.
        blend: :func:`slerp` or :func:`lerp`.

    Returns:
        float32, frames x ...
    """
    if len(points) == 1:
        return np.broadcast_to(points, (frames, *points.shape[1:]))
    starts = [number * frames // len(points) for number in range(len(points) + 1)]
    rows = [
        blend(points[number], points[(number + 1) % len(points)], step / (stop - start))
        for number, (start, stop) in enumerate(itertools.pairwise(starts))
        for step in range(stop - start)
    ]
    return np.stack(rows)


def circle(first: FloatArray, second: FloatArray, frames: int) -> FloatArray:
    """Around the origin, from a point in the direction of another: a closed walk.

    Args:
        first: float32, N x D; its length is the radius.
        second: likewise.
        frames: of the whole walk.

    Returns:
        float32, frames x N x D.
    """
    along = _unit(second - np.sum(second * _unit(first), axis=-1, keepdims=True) * _unit(first))
    radius = np.linalg.norm(first, axis=-1, keepdims=True)
    angles = 2 * np.pi * np.arange(frames).reshape(-1, 1, 1) / frames
    return np.asarray(np.cos(angles) * first + np.sin(angles) * radius * along, np.float32)


def square(corners: FloatArray, side: int, blend: Blend) -> FloatArray:
    """``side * side`` points between four: blended down the left and right edge, then across.

    Args:
        corners: float32, 4 x D: top left, top right, bottom left, bottom right.
        side: points along an edge, with its corners.
        blend: :func:`slerp` or :func:`lerp`.

    Returns:
        float32, side * side x D, row by row.
    """
    shares = np.linspace(0, 1, side, dtype=np.float32)[:, None]
    top_left, top_right, bottom_left, bottom_right = corners
    left, right = blend(top_left, bottom_left, shares), blend(top_right, bottom_right, shares)
    return blend(left[:, None], right[:, None], shares).reshape(side * side, -1)


def lerp(start: FloatArray, end: FloatArray, share: float | FloatArray) -> FloatArray:
    """The point at ``share`` of the straight line from start to end."""
    return np.asarray((1 - share) * start + share * end, dtype=np.float32)


def slerp(start: FloatArray, end: FloatArray, share: float | FloatArray) -> FloatArray:
    """Spherical interpolation along the last axis (White 2016, "Sampling Generative Networks").

    Keeps the length typical of Gaussian noise, which a straight line through high-dimensional
    space does not. Falls back to :func:`lerp` where the two
    directions are all but equal or opposite.
    """
    cosine = np.sum(_unit(start) * _unit(end), axis=-1, keepdims=True).clip(-1, 1)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    near = sine < 1e-6
    divisor = np.where(near, 1.0, sine)
    blended = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / divisor
    return np.asarray(np.where(near, lerp(start, end, share), blended), dtype=np.float32)


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))
