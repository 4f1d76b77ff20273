"""Noise by (seed, stream, index), and walks through it.

Every random draw in mnistgan comes from here. The generator is counter-based (Philox4x64-10:
Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"), keyed by the run's seed and a
stream, with the index as the counter's highest word: any draw can be made again by itself, in any
order, in any process. So there is no random state to save, and none to restore.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

WalkPath: TypeAlias = Literal["slerp", "linear", "circle"]
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
Blend: TypeAlias = Callable[[FloatArray, FloatArray, float | FloatArray], FloatArray]
"""Points between two, at shares of the way."""


class Stream(IntEnum):
    """What a draw is for; draws for different purposes never share numbers."""

    WEIGHTS = 0
    EPOCH = 1
    NOISE = 2
    PENALTY = 3
    FIXED = 4
    SAMPLE = 5
    WALK = 6
    CLASSIFIER = 7
    SUBSET = 8
    PROJECTION = 9


def rng(seed: int, stream: Stream, index: int = 0) -> np.random.Generator:
    """The generator of one draw; independent for each (seed, stream, index)."""
    counter = np.array([0, 0, 0, index], dtype=np.uint64)
    key = np.array([seed, stream], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def normal(seed: int, stream: Stream, index: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise as float32, on the CPU."""
    return torch.from_numpy(rng(seed, stream, index).standard_normal(shape, dtype=np.float32))


def uniform(seed: int, stream: Stream, index: int, shape: tuple[int, ...]) -> Tensor:
    """Noise uniform in [0, 1) as float32, on the CPU."""
    return torch.from_numpy(rng(seed, stream, index).random(shape, dtype=np.float32))


def truncated(z: Tensor, limit: float) -> Tensor:
    """Standard normal noise made truncated normal: each value in [-limit, limit], in its order.

    By the distribution functions, so that each value is still a function of its own draw alone,
    where Brock et al. 2019 ("Large Scale GAN Training for High Fidelity Natural Image Synthesis",
    section 3.1) draw again what is too large; the distribution is the same.
    """
    normal_cdf, inverse = torch.special.ndtr, torch.special.ndtri
    low, high = normal_cdf(torch.tensor([-limit, limit], dtype=torch.float64))
    moved: Tensor = inverse(low + (high - low) * normal_cdf(z.double()))
    return moved.clamp(-limit, limit).to(z.dtype)


Distribution: TypeAlias = Callable[[int, Stream, int, tuple[int, ...]], Tensor]

_TURNS = 32  # in a block; another number would change every run


class Noise:
    """Draws for turn after turn, made and moved to the device in blocks.

    A block's move is one wait for the device where a move each turn would be many. Which numbers a
    turn gets depends on the seed, the stream and the turn alone.

    Args:
        draw: :func:`normal` or :func:`uniform`.
        seed: of the run.
        stream: what the draws are for.
        shape: of one turn's draw.
        device: where they are used.
    """

    def __init__(
        self,
        draw: Distribution,
        seed: int,
        stream: Stream,
        shape: tuple[int, ...],
        device: torch.device,
    ) -> None:
        self._draw = draw
        self._key = (seed, stream)
        self._shape = (_TURNS, *shape)
        self._device = device
        self._block = (-1, torch.empty(0))

    def __getitem__(self, turn: int) -> Tensor:
        """The draw of a turn, float32; turns count from 0."""
        number, row = divmod(turn, _TURNS)
        if self._block[0] != number:
            block = self._draw(*self._key, number, self._shape)
            self._block = (number, block.to(self._device))
        return self._block[1][row]


def permutation(seed: int, epoch: int, count: int) -> Tensor:
    """The order in which an epoch sees ``count`` images, as int64."""
    order = rng(seed, Stream.EPOCH, epoch).permutation(count)
    return torch.from_numpy(order.astype(np.int64))  # int32 on some platforms


def torch_seed(seed: int, player: int) -> int:
    """A seed for torch's own initialisers, for one of the networks of a run."""
    return int(rng(seed, Stream.WEIGHTS, player).integers(2**63))


def walk(path: WalkPath, seed: int, walkers: int, frames: int, latent_dim: int) -> Tensor:
    """Closed walks through latent space: the frame after the last would be the first.

    Args:
        path: ``slerp`` or ``linear`` between four random points and back to the first, or
            ``circle``: around the origin, from one point in the direction of another.
        seed: of the random points.
        walkers: how many walks, side by side.
        frames: steps of each walk.
        latent_dim: length of one z.

    Returns:
        float32, frames x walkers x latent_dim.
    """
    points = rng(seed, Stream.WALK).standard_normal((4, walkers, latent_dim), dtype=np.float32)
    if path == "circle":
        return torch.from_numpy(_circle(points[0], points[1], frames))
    return torch.from_numpy(loop(points, frames, slerp if path == "slerp" else lerp))


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
    starts = [number * frames // len(points) for number in range(len(points) + 1)]
    rows = [
        blend(points[number], points[(number + 1) % len(points)], step / (stop - start))
        for number, (start, stop) in enumerate(itertools.pairwise(starts))
        for step in range(stop - start)
    ]
    return np.stack(rows)


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


def _circle(first: FloatArray, second: FloatArray, frames: int) -> FloatArray:
    along = _unit(second - np.sum(second * _unit(first), axis=-1, keepdims=True) * _unit(first))
    radius = np.linalg.norm(first, axis=-1, keepdims=True)
    angles = 2 * np.pi * np.arange(frames).reshape(-1, 1, 1) / frames
    return np.asarray(np.cos(angles) * first + np.sin(angles) * radius * along, np.float32)


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))
