"""The moving average of G that samples are drawn from."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Average:
    """Keeps a network as an exponential moving average of another (Yazici et al. 2019).

    BatchNorm's running statistics are averaged like weights, so that they belong to the averaged
    weights; whole-number buffers are copied.

    Args:
        average: moved in place.
        model: the same network, as it learns.
    """

    def __init__(self, average: nn.Module, model: nn.Module) -> None:
        # The tensors of a state_dict are the network's own, and stay so when one is loaded.
        pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
        averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._kept = [kept for kept, _ in averaged]
        self._fresh = [fresh for _, fresh in averaged]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, share: float | Tensor) -> None:
        """Move the average by a share, in (0, 1], of its way to the network."""
        if isinstance(share, Tensor):  # a list: as a single scalar it would be fetched first
            torch._foreach_lerp_(self._kept, self._fresh, [share] * len(self._kept))
        else:
            torch._foreach_lerp_(self._kept, self._fresh, share)
        for kept, fresh in self._copied:
            kept.copy_(fresh)


def warmed_up(decay: float, step: int) -> float:
    """A decay that grows to its value, so that the average soon forgets the first weights.

    min(decay, (1 + t) / (10 + t)) after step t, from 1, as tf.train.ExponentialMovingAverage
    documents it.
    """
    return min(decay, (1 + step) / (10 + step))
