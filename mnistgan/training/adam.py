"""Adam, as a GAN's loop uses it: from a loss to moved weights in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from mnistgan.training.ranks import ALONE, Ranks


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1; epsilon 1e-8) over the weights of one network.

    The arithmetic is torch's own fused kernel. What its class ``torch.optim.Adam`` adds is left
    out: it imports torch's compiler, a second at the start of every run, and spends a third of its
    time in Python on networks as small as these. Gradients go from autograd to the kernel without
    a stay in ``.grad``, so there is nothing to zero, and no other network's weights get any.

    Args:
        parameters: what is learned; float32.
        betas: decay rates of the two moments.
        ranks: that average their gradients.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        betas: tuple[float, float],
        *,
        ranks: Ranks = ALONE,
    ) -> None:
        self._parameters = list(parameters)
        self._betas = betas
        self._ranks = ranks
        self._first = [torch.zeros_like(one) for one in self._parameters]
        self._second = [torch.zeros_like(one) for one in self._parameters]
        device = self._parameters[0].device
        self._steps = [torch.zeros((), device=device) for _ in self._parameters]

    def minimise(self, loss: Tensor, rate: float | Tensor) -> None:
        """Move the weights one step down the gradient of ``loss``, a scalar, at a rate."""
        # The kernel takes weights, gradients and moments in the order in which they lie in memory,
        # and the gradients of convolutions that are penalised lie in another.
        gradients = [one.contiguous() for one in torch.autograd.grad(loss, self._parameters)]
        self._ranks.average(gradients)
        self._step(gradients, rate)

    @torch.no_grad()
    def _step(self, gradients: list[Tensor], rate: float | Tensor) -> None:
        adam(
            self._parameters,  # type: ignore[arg-type]  # Parameters are Tensors
            gradients,
            self._first,
            self._second,
            [],
            self._steps,
            fused=True,
            amsgrad=False,
            beta1=self._betas[0],
            beta2=self._betas[1],
            lr=rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """What the next steps depend on; references, not copies."""
        return {"steps": self._steps, "first": self._first, "second": self._second}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave.

        Raises:
            KeyError, RuntimeError, TypeError, ValueError: it does not fit these weights.
        """
        for name, tensors in self.state_dict().items():
            for mine, saved in zip(tensors, state[name], strict=True):
                if mine.shape != saved.shape:
                    raise ValueError(f"{name}: {tuple(saved.shape)} is not {tuple(mine.shape)}")
                mine.copy_(saved)
