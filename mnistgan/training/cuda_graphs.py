"""Training steps recorded once and replayed as CUDA graphs. Experimental: not tested on a GPU.

The results equal those of plain steps up to rounding. Nothing but the trainer's one call knows of
this module.
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
    """Records the operations of a function, to be replayed without running Python."""

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run the work where it will be captured, so that one-time allocations are done."""

    def capture(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Record the work without running it.

        Returns:
            The tensor that will hold the result, and a function that replays the work.
        """


class CudaGraphs(Recorder):
    """Records work as CUDA graphs (Gray 2019, "Getting Started with CUDA Graphs")."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run it on the stream that captures."""
        main = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(main)
        with torch.cuda.stream(self._stream):
            result = work()
        main.wait_stream(self._stream)
        return result

    def capture(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Record it as a graph.

        Raises:
            MnistganError: it cannot be captured.
        """
        graph = torch.cuda.CUDAGraph()
        try:
            # The outer context, too: after a failure the inner one leaves its stream current.
            # One memory pool for all graphs: a result is read before the next replay, or never.
            with (
                torch.cuda.stream(self._stream),
                torch.cuda.graph(graph, pool=self._pool, stream=self._stream),
            ):
                result = work()
        except RuntimeError as error:
            # Ending the capture raises, too, and would hide the cause.
            first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
            if isinstance(first, torch.OutOfMemoryError):
                raise first from None
            raise MnistganError(
                f"this GPU could not record a step ({str(first).splitlines()[0]}); start again "
                "with --set train.accelerate=none"
            ) from first
        return result, graph.replay


@dataclass
class _Recording:
    """The recording of one kind of step.

    Attributes:
        static: inputs at the addresses that a replay reads.
        taken: number of such steps so far.
        row: the result of a replay, once recorded.
        replay: takes a step.
    """

    static: StepInputs
    taken: int = 0
    row: Tensor | None = None
    replay: Callable[[], None] | None = None


class ReplayedStep:
    """A step that is recorded once and then replayed.

    Steps with and without the R1 penalty are recorded separately. The first few of each kind run
    plainly: a capture fails at one-time work such as the setup of cuBLAS.

    Args:
        step: takes a step plainly.
        recorder: records and replays it.
        device: of the networks.
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
            self._recordings[kind] = _Recording(_empty_like(inputs, self._device))
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


def _empty_like(inputs: StepInputs, device: torch.device) -> StepInputs:
    """Uninitialized inputs of the same kind on the device."""
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


def _fill(static: StepInputs, inputs: StepInputs) -> None:
    for target, number in zip(_numbers(static), _numbers(inputs), strict=True):
        assert isinstance(target, Tensor)
        if isinstance(number, Tensor):
            target.copy_(number)
        else:
            target.fill_(number)


def _numbers(inputs: StepInputs) -> Iterator[float | Tensor]:
    """Everything that changes between steps of one kind, in order."""
    for batch in inputs.batches:
        yield batch.rows
        yield batch.z
        if batch.mix is not None:
            yield batch.mix
    yield inputs.lr_factor
    yield inputs.ema_weight
