"""The moving average of G that samples are drawn from."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


@torch.no_grad()
def update(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move an exponential moving average of weights one step (Yazici et al. 2019).

    BatchNorm's running statistics are averaged like weights, so that they belong to the averaged
    weights; whole-number buffers are copied.

    Args:
        average: moved in place.
        model: the same network after step ``step``.
        decay: share of the average that stays, once warmed up.
        step: from 1.
    """
    kept, fresh = average.state_dict(), model.state_dict()
    averaged = [name for name, tensor in kept.items() if tensor.is_floating_point()]
    move = get_ema_multi_avg_fn(warmed_up(decay, step))
    move([kept[name] for name in averaged], [fresh[name] for name in averaged], step)
    for name in kept.keys() - set(averaged):
        kept[name].copy_(fresh[name])


def warmed_up(decay: float, step: int) -> float:
    """A decay that grows to its value, so that the average soon forgets the first weights.

    min(decay, (1 + t) / (10 + t)), as tf.train.ExponentialMovingAverage documents it.
    """
    return min(decay, (1 + step) / (10 + step))
