"""The moving average of G that samples are drawn from."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Average:
    """Keeps a network as an exponential moving average of another (Yazici et al. 2019).

    BatchNorm's running statistics are averaged like weights, so that they belong to the averaged
    weights; whole-number buffers are copied.

    Args:
        average: moved in place.
        model: the same network, as it learns.
        decay: share of the average that stays, once warmed up.
    """

    def __init__(self, average: nn.Module, model: nn.Module, decay: float) -> None:
        self._decay = decay
        # The tensors of a state_dict are the network's own, and stay so when one is loaded.
        pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
        averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._kept = [kept for kept, _ in averaged]
        self._fresh = [fresh for _, fresh in averaged]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average after step ``step``, from 1."""
        move = get_ema_multi_avg_fn(warmed_up(self._decay, step))
        move(self._kept, self._fresh, step)
        for kept, fresh in self._copied:
            kept.copy_(fresh)


def warmed_up(decay: float, step: int) -> float:
    """A decay that grows to its value, so that the average soon forgets the first weights.

    min(decay, (1 + t) / (10 + t)), as tf.train.ExponentialMovingAverage documents it.
    """
    return min(decay, (1 + step) / (10 + step))
