"""Random numbers as a function of (seed, stream, index).

Every random draw in mnistgan comes from here. The generator is counter-based (Philox4x64-10:
Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"), with the run's seed and the
stream as its key and the index as the highest word of its counter. Any draw can be repeated alone,
in any order and in any process, so there is no random state to save or to restore.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor


class Stream(IntEnum):
    """The purpose of a draw; different purposes never share numbers.

    The values are part of what makes a run reproducible: do not renumber.
    """

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
    GLYPHS = 10
    TEXT = 11
    LAYOUT = 12
    HAND = 13


def rng(seed: int, stream: Stream, index: int = 0) -> np.random.Generator:
    """A random generator, independent for each (seed, stream, index)."""
    # The counter counts up from its lowest word. With the index in the highest, 2**192 blocks of
    # numbers lie between two indices, so their draws never overlap.
    counter = np.array([0, 0, 0, index], dtype=np.uint64)
    key = np.array([seed, stream], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def normal(seed: int, stream: Stream, index: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers, float32, on the CPU."""
    # Drawn by NumPy even for a GPU: torch's generators give other numbers on each kind of device.
    return torch.from_numpy(rng(seed, stream, index).standard_normal(shape, dtype=np.float32))


def uniform(seed: int, stream: Stream, index: int, shape: tuple[int, ...]) -> Tensor:
    """Uniform numbers in [0, 1), float32, on the CPU."""
    return torch.from_numpy(rng(seed, stream, index).random(shape, dtype=np.float32))


def truncated(z: Tensor, limit: float) -> Tensor:
    """Map standard normal noise to the normal distribution truncated to [-limit, limit].

    The truncation trick of Brock et al. 2019 ("Large Scale GAN Training for High Fidelity Natural
    Image Synthesis", section 3.1).
    """
    # The paper draws values beyond the limit again. Mapping through the distribution functions
    # gives the same distribution, and each value remains a function of its own draw.
    # In float64: float32's ndtr is 1 from 5.4 on, where its inverse is infinite.
    normal_cdf, inverse = torch.special.ndtr, torch.special.ndtri
    low, high = normal_cdf(torch.tensor([-limit, limit], dtype=torch.float64))
    moved: Tensor = inverse(low + (high - low) * normal_cdf(z.double()))
    return moved.clamp(-limit, limit).to(z.dtype)


Distribution: TypeAlias = Callable[[int, Stream, int, tuple[int, ...]], Tensor]

_BLOCK = 32  # draws; another number would change every run


@dataclass
class Noise:
    """An endless sequence of draws of one shape, on a device; ``noise[i]`` is draw i, from 0.

    Attributes:
        draw: :func:`normal` or :func:`uniform`.
        seed: seed of the run.
        stream: purpose of the draws.
        shape: shape of one draw.
        device: device that the draws are moved to.
    """

    # Draws are made and moved to the device in blocks: moving each alone would make the host wait
    # for the device at every step.

    draw: Distribution
    seed: int
    stream: Stream
    shape: tuple[int, ...]
    device: torch.device

    def __post_init__(self) -> None:
        self._block = (-1, torch.empty(0))  # number and draws of the last block used

    def __getitem__(self, index: int) -> Tensor:
        number, row = divmod(index, _BLOCK)
        if self._block[0] != number:
            block = self.draw(self.seed, self.stream, number, (_BLOCK, *self.shape))
            self._block = (number, block.to(self.device))
        return self._block[1][row]


def permutation(seed: int, epoch: int, count: int) -> Tensor:
    """The order of ``count`` images in an epoch, int64."""
    order = rng(seed, Stream.EPOCH, epoch).permutation(count)
    return torch.from_numpy(order.astype(np.int64))  # NumPy gives int32 on Windows


def torch_seed(seed: int, network: int) -> int:
    """A seed for torch's weight initialization: network 0 is G, 1 is D."""
    return int(rng(seed, Stream.WEIGHTS, network).integers(2**63))
