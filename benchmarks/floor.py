"""The minimum time of a step: its matrix products, and the bytes that have to be moved."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mnistgan.models import precision
from mnistgan.training.trainer import Trainer

_PRODUCTS = ("mm", "addmm", "convolution", "convolution_backward")
_ADAM_BYTES = 28  # float32: weight, gradient and two moments read; weight and moments written
_AVERAGE_BYTES = 12  # the average read and written, the weight read


class Products(TorchDispatchMode):
    """Counts the matrix products and convolutions that run inside it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[Any] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count the call, and execute it."""
        if func.overloadpacket.__name__ in _PRODUCTS:
            self.found[func, tuple(map(_described, args))] += 1
        return func(*args, **(kwargs or {}))


def _described(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return ("tensor", tuple(argument.shape), argument.stride(), argument.dtype)
    return tuple(argument) if isinstance(argument, list) else argument


def _made(argument: Any) -> Any:
    if isinstance(argument, tuple) and argument and argument[0] == "tensor":
        _, shape, stride, dtype = argument
        return torch.empty_strided(shape, stride, dtype=dtype).normal_()
    return list(argument) if isinstance(argument, tuple) else argument


def seconds(trainer: Trainer) -> dict[str, float]:
    """The floor of a step on a CPU, in seconds: products, and bytes moved.

    The products of each shape are timed alone, at their fastest. The bytes of Adam and of the
    moving average are divided by the rate at which a large array is copied. Penalties of every n-th
    step count by their share.
    """
    # A whole cycle of R1 updates, so that its products count with the right share.
    every = trainer.config.train.r1_every if trainer.config.train.r1 else 1
    with Products() as products:
        for _ in range(every):
            trainer.one_step()
    dtype = precision.resolve(trainer.config.train.precision, trainer.device)
    with torch.no_grad(), precision.matmul_precision(dtype):
        arithmetic = sum(
            count * _fastest(lambda call=call: call[0](*call[1]))
            for count, call in (
                (count, (func, [_made(one) for one in described]))
                for (func, described), count in products.found.items()
            )
        )
    state = trainer.state()
    weights = {
        name: sum(t.numel() for t in state.get(name, {}).values())
        for name in ("generator", "discriminator", "average")
    }
    moved = _ADAM_BYTES * (weights["generator"] + weights["discriminator"])
    moved += _AVERAGE_BYTES * weights["average"]
    return {"products": arithmetic / every, "bytes": moved / _bandwidth()}


def _fastest(work: Any, times: int = 30) -> float:
    # The minimum: other work on the machine can only make a time longer.
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _bandwidth() -> float:
    """Bytes per second, read and written, for a copy of an array as large as a large network."""
    source = torch.ones(4_000_000)  # 16 MB, more than a core's cache
    target = torch.empty_like(source)
    return 2 * source.nbytes / _fastest(lambda: target.copy_(source))
