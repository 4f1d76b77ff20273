"""Adam, as a GAN's loop uses it: from a loss to moved weights in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from mnistgan.training.ranks import ALONE, Ranks

_FIRST_SCALE = 2.0**16
_GROW_AFTER = 2000  # steps without an overflow, as torch.amp.GradScaler has it


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1; epsilon 1e-8) over the weights of one network.

    The arithmetic is torch's own fused kernel. What its class ``torch.optim.Adam`` adds is left
    out: it imports torch's compiler, a second at the start of every run, and spends a third of its
    time in Python on networks as small as these. Gradients go from autograd to the kernel without
    a stay in ``.grad``, so there is nothing to zero, and no other network's weights get any.

    Args:
        parameters: what is learned; float32.
        betas: decay rates of the two moments.
        scaled: scale losses up against the underflow of float16 gradients, and leave a step out
            when they overflow (Micikevicius et al. 2018, section 3.2).
        ranks: that average their gradients.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        betas: tuple[float, float],
        *,
        scaled: bool,
        ranks: Ranks = ALONE,
    ) -> None:
        self._parameters = list(parameters)
        self._betas = betas
        self._ranks = ranks
        self._first = [torch.zeros_like(one) for one in self._parameters]
        self._second = [torch.zeros_like(one) for one in self._parameters]
        device = self._parameters[0].device
        self._steps = [torch.zeros((), device=device) for _ in self._parameters]
        self._scale = torch.tensor([_FIRST_SCALE, 0.0], device=device) if scaled else None

    def minimise(self, loss: Tensor, rate: float | Tensor) -> None:
        """Move the weights one step down the gradient of ``loss``, a scalar, at a rate."""
        if self._scale is None:
            self._step(self._gradients(loss), rate)
            return
        scale = self._scale[0]
        gradients = self._gradients(loss * scale)
        # No branch on the device's numbers: the kernel itself leaves the step out.
        finite = torch.stack([one.isfinite().all() for one in gradients]).all()
        self._step(gradients, rate, scale.clone(), (~finite).float())
        self._scale.copy_(_next_scale(self._scale, finite))

    def _gradients(self, loss: Tensor) -> tuple[Tensor, ...]:
        # The kernel takes weights, gradients and moments in the order in which they lie in memory,
        # and the gradients of convolutions that are compiled, or penalised, lie in another.
        found = torch.autograd.grad(loss, self._parameters)
        gradients = tuple(one.contiguous() for one in found)
        self._ranks.average(gradients)
        return gradients

    @torch.no_grad()
    def _step(
        self,
        gradients: tuple[Tensor, ...],
        rate: float | Tensor,
        scale: Tensor | None = None,
        overflow: Tensor | None = None,
    ) -> None:
        adam(
            self._parameters,  # type: ignore[arg-type]  # Parameters are Tensors
            list(gradients),
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
            grad_scale=scale,
            found_inf=overflow,
        )

    def state_dict(self) -> dict[str, Any]:
        """What the next steps depend on; references, not copies."""
        state = {"steps": self._steps, "first": self._first, "second": self._second}
        return state if self._scale is None else {**state, "scale": [self._scale]}

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


def _next_scale(scale: Tensor, finite: Tensor) -> Tensor:
    """The scale and its steps without an overflow: halved by one, doubled after long without."""
    value, calm = scale[0], scale[1] + 1
    none = torch.zeros_like(calm)  # a number of Python's would have to be sent to the device
    grown = torch.where(calm >= _GROW_AFTER, value * 2, value)
    calm = torch.where(calm >= _GROW_AFTER, none, calm)
    return torch.stack((torch.where(finite, grown, value / 2), torch.where(finite, calm, none)))
