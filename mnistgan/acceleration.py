"""How a step is carried out: as Python says it, from a recording, or with compiled networks.

All give the same numbers, but for rounding.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from mnistgan.errors import MnistganError, UsageError
from mnistgan.step import Inputs, Step, Turn

Way: TypeAlias = Literal["none", "graph", "compile"]
TakeStep: TypeAlias = Callable[[Inputs], Tensor]
"""What takes a step, as :class:`Step` does; its result holds until the next one."""
Kind: TypeAlias = tuple[bool, ...]
"""What tells a step from others whose inputs have the same shapes: which turns have a penalty."""

_WARM_UPS = 3
_COMPILERS = ("c++", "g++", "clang++", "cl")


def resolve(name: str, device: torch.device, ranks: int = 1) -> Way:
    """The way that a config names.

    ``auto`` is "none" even on a card, as long as nobody has seen the tests that need one pass.

    Raises:
        UsageError: it does not work here.
    """
    if name == "auto":
        return "none"
    if name == "graph" and device.type != "cuda":
        raise UsageError(
            f"train.accelerate: 'graph' records on an NVIDIA card, not on {device.type}; use 'none'"
        )
    if name == "graph" and ranks > 1:
        raise UsageError(
            f"train.accelerate: 'graph' cannot record what {ranks} ranks tell each other; use "
            "'none'"
        )
    if name == "compile" and not any(map(shutil.which, (os.environ.get("CXX", ""), *_COMPILERS))):
        raise UsageError(
            "train.accelerate: 'compile' needs a C++ compiler; install one, such as g++, or use "
            "'none'"
        )
    return name  # type: ignore[return-value]  # the config knows no other


def accelerated(step: Step, way: Way, device: torch.device) -> TakeStep:
    """A step, carried out this way."""
    if way == "graph":
        return Replayed(step, CudaGraphs(device), device)
    if way == "compile":
        step.compile()
        return _explained(step)
    return step


def _explained(step: TakeStep) -> TakeStep:
    def run(inputs: Inputs) -> Tensor:
        from torch._dynamo.exc import TorchDynamoException

        try:
            return step(inputs)
        except TorchDynamoException as error:
            raise _failed("compile the networks", error) from error

    return run


def _failed(what: str, error: Exception) -> MnistganError:
    reason = " ".join(str(error).split("\n\n")[0].split())
    return MnistganError(f"torch could not {what} ({reason}); train with train.accelerate = 'none'")


class CudaGraphs:
    """Records work on a card (Gray 2019, "Getting Started with CUDA Graphs")."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def beside(self, work: Callable[[], Tensor]) -> Tensor:
        """Do some work where it would be recorded, so that all that it makes once is made."""
        main = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(main)
        with torch.cuda.stream(self._stream):
            result = work()
        main.wait_stream(self._stream)
        return result

    def record(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Note what some work does on the card, without doing it.

        Returns:
            Where its result will lie, and what does the work.
        """
        graph = torch.cuda.CUDAGraph()
        # One pool for all: nothing that a recording leaves there is read after the next replay.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            result = work()
        return result, graph.replay


class Replayed:
    """A step that is recorded once and replayed after that, without Python's part in it.

    Steps that differ in more than numbers, such as one with a penalty, have a recording each. The
    first few of a kind are taken plainly: a recording must find everything made that is made once.

    Args:
        step: what is taken.
        recorder: how it is recorded.
        device: where it computes.
    """

    def __init__(self, step: TakeStep, recorder: CudaGraphs, device: torch.device) -> None:
        self._step = step
        self._recorder = recorder
        self._device = device
        self._taken: Counter[Kind] = Counter()
        self._places: dict[Kind, Inputs] = {}
        self._recorded: dict[Kind, tuple[Tensor, Callable[[], None]]] = {}

    def __call__(self, inputs: Inputs) -> Tensor:
        """Take the step."""
        kind = tuple(turn.r1 for turn in inputs.turns)
        self._taken[kind] += 1
        if self._taken[kind] <= _WARM_UPS:
            return self._recorder.beside(lambda: self._step(inputs))
        if kind not in self._recorded:
            self._places[kind] = places = _like(inputs, self._device)
            _fill(places, inputs)
            try:
                self._recorded[kind] = self._recorder.record(lambda: self._step(places))
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                raise _failed("record a step on this card", error) from error
        _fill(self._places[kind], inputs)
        row, replay = self._recorded[kind]
        replay()
        return row


def _like(inputs: Inputs, device: torch.device) -> Inputs:
    """Places on the device for inputs of the same kind."""
    turns = (
        Turn(
            torch.empty_like(turn.rows),
            torch.empty_like(turn.z),
            None if turn.mix is None else torch.empty_like(turn.mix),
            turn.r1,
        )
        for turn in inputs.turns
    )
    return Inputs(tuple(turns), torch.empty((), device=device), torch.empty((), device=device))


def _fill(places: Inputs, inputs: Inputs) -> None:
    for place, number in zip(_numbers(places), _numbers(inputs), strict=True):
        assert isinstance(place, Tensor)
        if isinstance(number, Tensor):
            place.copy_(number)
        else:
            place.fill_(number)


def _numbers(inputs: Inputs) -> Iterator[float | Tensor]:
    """All that changes between steps of one kind, in order."""
    for turn in inputs.turns:
        yield turn.rows
        yield turn.z
        if turn.mix is not None:
            yield turn.mix
    yield inputs.rate_left
    yield inputs.ema_share
