"""The exponential moving average of G's weights, used for sampling."""

import torch
from torch import Tensor, nn


class MovingAverage:
    """Keeps a network as the exponential moving average of another.

    Karras et al. 2018 ("Progressive Growing of GANs", appendix A.1); Yazici et al. 2019 ("The
    Unusual Effectiveness of Averaging in GAN Training") compare such averages. BatchNorm's running
    statistics are averaged, too, since they have to match the weights. Integer buffers are copied.

    Args:
        average: updated in place.
        network: the same architecture, while it trains.
    """

    def __init__(self, average: nn.Module, network: nn.Module) -> None:
        # A state_dict holds the network's own tensors, and loading one writes into them, so these
        # lists stay valid after a checkpoint was restored.
        pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
        averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averages = [average for average, _ in averaged]
        self._latest = [latest for _, latest in averaged]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, weight: float | Tensor) -> None:
        """Set the average to (1 - weight) * average + weight * network; weight in (0, 1]."""
        # A single scalar tensor as weight would be fetched from the device; a list of tensors is
        # not.
        if isinstance(weight, Tensor):
            torch._foreach_lerp_(self._averages, self._latest, [weight] * len(self._averages))
        else:
            torch._foreach_lerp_(self._averages, self._latest, weight)
        for average, latest in self._copied:
            average.copy_(latest)


def warmed_up_decay(decay: float, step: int) -> float:
    """The decay after a step, counted from 1: min(decay, (1 + step) / (10 + step)).

    It is small at first, so that the random initial weights soon lose their influence. The formula
    is that of ``tf.train.ExponentialMovingAverage``.
    """
    return min(decay, (1 + step) / (10 + step))
