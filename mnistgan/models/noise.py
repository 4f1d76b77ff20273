"""Noise by (seed, stream, index), and walks through it.

Every random draw in mnistgan comes from here. The generator is counter-based (Philox4x64-10:
Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"), keyed by the run's seed and a
stream, with the index as the counter's highest word: any draw can be made again by itself, in any
order, in any process. So there is no random state to save, and none to restore.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor


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
