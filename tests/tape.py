"""A CUDA graph for tests without a card: work is noted call by call, and done again later.

It holds what a graph holds to: the calls, the addresses of what they read and write, and Python's
numbers are those of the recording. Only, it notes work by doing it, so the first replay is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mnistgan.training.cuda_graphs import CudaGraphs

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "scalar_tensor", "lift_fresh")
"""What a recording on a card fails at: numbers would have to come from there, or to go there."""


class Tape(TorchDispatchMode):
    """Notes every call of an operator that runs inside it, below autograd."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call, and note it."""
        assert func.overloadpacket.__name__ not in WAITS, func
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        """Make the calls again, their results at the same addresses."""
        for func, args, kwargs, result in self.calls:
            for place, fresh in zip(_tensors(result), _tensors(func(*args, **kwargs)), strict=True):
                if place.data_ptr() != fresh.data_ptr():  # neither a view nor a change in place
                    place.copy_(fresh)


def _tensors(result: Any) -> list[Tensor]:
    results = result if isinstance(result, tuple | list) else [result]
    return [one for one in results if isinstance(one, Tensor)]


class Tapes(CudaGraphs):
    """Tapes in the place of graphs.

    Attributes:
        plain: how often work was done plainly.
        replayed: how often work was replayed, of each recording.
    """

    def __init__(self) -> None:
        self.plain = 0
        self.replayed: list[int] = []

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Do some work."""
        self.plain += 1
        return work()

    def capture(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Note some work."""
        number = len(self.replayed)
        self.replayed.append(0)
        tape = Tape()
        with tape:
            result = work()

        def replay() -> Tensor:
            self.replayed[number] += 1
            if self.replayed[number] > 1:
                tape.replay()
            return result

        return replay
