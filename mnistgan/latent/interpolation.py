"""Interpolation in latent space, and closed paths through it. Does not import torch."""

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

Blend: TypeAlias = Callable[[FloatArray, FloatArray, float | FloatArray], FloatArray]
"""A function that interpolates from a start to an end: :func:`lerp` or :func:`slerp`."""


def loop(points: FloatArray, frames: int, blend: Blend) -> FloatArray:
    """Interpolate from each point to the next, and from the last back to the first.

    Args:
        points: float32, P x ...
        frames: length of the path. The P sections get nearly equal numbers of frames; with P frames
            or more, each point is a frame.
        blend: :func:`slerp` or :func:`lerp`.

    Returns:
        float32, frames x ...
    """
    if len(points) == 1:
        return np.broadcast_to(points, (frames, *points.shape[1:]))
    # The end of a section is the first frame of the next: no point is shown twice.
    starts = [number * frames // len(points) for number in range(len(points) + 1)]
    rows = [
        blend(points[number], points[(number + 1) % len(points)], step / (stop - start))
        for number, (start, stop) in enumerate(itertools.pairwise(starts))
        for step in range(stop - start)
    ]
    return np.stack(rows)


def circle(first: FloatArray, second: FloatArray, frames: int) -> FloatArray:
    """Compute a circle around the origin that starts at one point toward another.

    Args:
        first: start, float32, N x D; its length is the radius.
        second: float32, N x D; with the start it spans the plane of the circle.
        frames: length of the path.

    Returns:
        float32, frames x N x D.
    """
    # Gram-Schmidt: the part of the second point that is orthogonal to the first.
    along = _unit(second - np.sum(second * _unit(first), axis=-1, keepdims=True) * _unit(first))
    radius = np.linalg.norm(first, axis=-1, keepdims=True)
    angles = 2 * np.pi * np.arange(frames).reshape(-1, 1, 1) / frames
    return np.asarray(np.cos(angles) * first + np.sin(angles) * radius * along, np.float32)


def square(corners: FloatArray, side: int, blend: Blend) -> FloatArray:
    """Fill a square between four corners: first down its left and right edges, then across.

    Args:
        corners: float32, 4 x D: top left, top right, bottom left, bottom right.
        side: points along an edge, corners included.
        blend: :func:`slerp` or :func:`lerp`.

    Returns:
        float32, side * side x D, row by row.
    """
    shares = np.linspace(0, 1, side, dtype=np.float32)[:, None]
    top_left, top_right, bottom_left, bottom_right = corners
    left, right = blend(top_left, bottom_left, shares), blend(top_right, bottom_right, shares)
    return blend(left[:, None], right[:, None], shares).reshape(side * side, -1)


def lerp(start: FloatArray, end: FloatArray, share: float | FloatArray) -> FloatArray:
    """Interpolate linearly: ``share`` 0 is the start, 1 is the end."""
    return np.asarray((1 - share) * start + share * end, dtype=np.float32)


def slerp(start: FloatArray, end: FloatArray, share: float | FloatArray) -> FloatArray:
    """Interpolate spherically along the last axis: ``share`` 0 is the start, 1 is the end.

    The formula is that of Shoemake 1985 ("Animating Rotation with Quaternion Curves"); White 2016
    ("Sampling Generative Networks") uses it for latent space. Intermediate points keep the length
    that is typical of Gaussian noise; those of :func:`lerp` are shorter than almost all z that G
    was trained on.
    """
    cosine = np.sum(_unit(start) * _unit(end), axis=-1, keepdims=True).clip(-1, 1)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    # Between nearly equal or opposite directions the formula divides zero by zero, so lerp is used.
    degenerate = sine < 1e-6
    divisor = np.where(degenerate, 1.0, sine)
    blended = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / divisor
    return np.asarray(np.where(degenerate, lerp(start, end, share), blended), dtype=np.float32)


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))  # a zero vector stays zero
