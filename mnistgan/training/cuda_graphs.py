"""Experimental: steps that are recorded once and replayed on a GPU (CUDA graphs).

They give the same numbers as plain steps, but for rounding. Not yet tested on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mnistgan.errors import MnistganError, UsageError
from mnistgan.training.inputs import Batch, StepInputs
from mnistgan.training.ranks import Ranks

_WARM_UPS = 3


def recorded(
    step: Callable[[StepInputs], Tensor], device: torch.device, ranks: Ranks
) -> ReplayedStep:
    """A step that is recorded as a CUDA graph and replayed.

    Raises:
        UsageError: the device is not an NVIDIA GPU, or there are several ranks.
    """
    if device.type != "cuda":
        raise UsageError(
            f"train.accelerate: 'graph' needs an NVIDIA GPU, not {device.type}; use 'none'"
        )
    if ranks.size > 1:
        raise UsageError(
            f"train.accelerate: 'graph' cannot record the communication of {ranks.size} ranks; use "
            "'none'"
        )
    return ReplayedStep(step, CudaGraphs(device), device)


class Recorder(Protocol):
    """Records work on a device, to be done again without Python's part in it."""

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Do some work where it will be captured, so that all that it makes once is made."""

    def capture(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Note what some work does, without doing it.

        Returns:
            Where its result will lie, and what does the work.
        """


class CudaGraphs(Recorder):
    """Records work on a card (Gray 2019, "Getting Started with CUDA Graphs")."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Do it on the stream that captures."""
        main = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(main)
        with torch.cuda.stream(self._stream):
            result = work()
        main.wait_stream(self._stream)
        return result

    def capture(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Note it as a graph.

        Raises:
            MnistganError: it cannot be captured.
        """
        graph = torch.cuda.CUDAGraph()
        try:
            # The outer context, too: after a failure the inner one would leave its stream current.
            # One pool for all: what a graph leaves there is read before the next replay, or never.
            with (
                torch.cuda.stream(self._stream),
                torch.cuda.graph(graph, pool=self._pool, stream=self._stream),
            ):
                result = work()
        except RuntimeError as error:
            # Ending the capture fails, too, and would hide why.
            first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
            if isinstance(first, torch.OutOfMemoryError):
                raise first from None
            raise MnistganError(
                f"this card could not record a step ({str(first).splitlines()[0]}); start again "
                "with --set train.accelerate=none"
            ) from first
        return result, graph.replay


@dataclass
class _Recording:
    """Of steps of one kind.

    Attributes:
        static: the inputs, at the addresses that a replay reads.
        taken: how many such steps there were.
        row: what a replay leaves, once there is one.
        replay: takes a step.
    """

    static: StepInputs
    taken: int = 0
    row: Tensor | None = None
    replay: Callable[[], None] | None = None


class ReplayedStep:
    """A step that is captured once and replayed after that.

    Steps with the R1 penalty and without it have a recording each. The first few of a kind are
    taken plainly, from the same inputs: a capture must find everything made that is made once.

    Args:
        step: what is taken.
        recorder: how it is captured.
        device: where it computes.
    """

    def __init__(
        self, step: Callable[[StepInputs], Tensor], recorder: Recorder, device: torch.device
    ) -> None:
        self._step = step
        self._recorder = recorder
        self._device = device
        self._recordings: dict[tuple[bool, ...], _Recording] = {}

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Take the step."""
        kind = tuple(batch.r1 for batch in inputs.batches)
        if kind not in self._recordings:
            self._recordings[kind] = _Recording(_places_for(inputs, self._device))
        recording = self._recordings[kind]
        _fill(recording.static, inputs)
        recording.taken += 1
        if recording.taken <= _WARM_UPS:
            return self._recorder.warm_up(lambda: self._step(recording.static))
        if recording.replay is None or recording.row is None:
            recording.row, recording.replay = self._recorder.capture(
                lambda: self._step(recording.static)
            )
        recording.replay()
        return recording.row


def _places_for(inputs: StepInputs, device: torch.device) -> StepInputs:
    """Places on the device for inputs of the same kind, not filled yet."""
    batches = (
        Batch(
            torch.empty_like(batch.rows),
            torch.empty_like(batch.z),
            None if batch.mix is None else torch.empty_like(batch.mix),
            batch.r1,
        )
        for batch in inputs.batches
    )
    return StepInputs(
        tuple(batches), torch.empty((), device=device), torch.empty((), device=device)
    )


def _fill(places: StepInputs, inputs: StepInputs) -> None:
    for place, number in zip(_numbers(places), _numbers(inputs), strict=True):
        assert isinstance(place, Tensor)
        if isinstance(number, Tensor):
            place.copy_(number)
        else:
            place.fill_(number)


def _numbers(inputs: StepInputs) -> Iterator[float | Tensor]:
    """All that changes between steps of one kind, in order."""
    for batch in inputs.batches:
        yield batch.rows
        yield batch.z
        if batch.mix is not None:
            yield batch.mix
    yield inputs.lr_factor
    yield inputs.ema_weight
