"""Training steps recorded once and replayed as CUDA graphs. Experimental: not tested on a GPU.

A graph launches all operations of a step with one call. The results equal those of plain steps up
to rounding. Only :class:`Trainer` uses this module, in one place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mnistgan.errors import MnistganError, UsageError
from mnistgan.training.inputs import Batch, StepInputs
from mnistgan.training.ranks import Ranks

_WARM_UPS = 3  # plain steps before recording, as in torch's notes on CUDA graphs


def recorded(
    step: Callable[[StepInputs], Tensor], device: torch.device, ranks: Ranks
) -> "ReplayedStep":
    """A step that is recorded as a CUDA graph and replayed.

    Raises:
        UsageError: the device is not an NVIDIA GPU, or there are several ranks, whose communication
            cannot be recorded.
    """
    if device.type != "cuda" or ranks.size > 1:
        raise UsageError(
            "train.accelerate: 'graph' needs a single rank on an NVIDIA GPU, not "
            f"{ranks.size} on {device.type}; use 'none'"
        )
    return ReplayedStep(step, CudaGraphs(device))


class CudaGraphs:
    """Records work as CUDA graphs (Gray 2019, "Getting Started with CUDA Graphs")."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run the work on the stream that captures, so that one-time allocations are done."""
        # Each stream waits for the other: without that, the work could read inputs that are not
        # written yet, or its results could be read too early.
        main = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(main)
        with torch.cuda.stream(self._stream):
            result = work()
        main.wait_stream(self._stream)
        return result

    def capture(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record the work without running it.

        Returns:
            A function that replays the work; its result is valid until the next replay.

        Raises:
            MnistganError: the work cannot be captured.
        """
        graph = torch.cuda.CUDAGraph()
        try:
            # The outer context is needed, too: after a failure, the inner one leaves its stream
            # current. All graphs share one memory pool, because a result is read before the next
            # replay or not at all.
            with (
                torch.cuda.stream(self._stream),
                torch.cuda.graph(graph, pool=self._pool, stream=self._stream),
            ):
                result = work()
        except RuntimeError as error:
            # After an error, ending the capture raises another one, which would hide the cause.
            first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
            if isinstance(first, torch.OutOfMemoryError):
                raise first from None
            reason = str(first).splitlines()[0]
            raise MnistganError(
                f"this GPU could not record a step ({reason}); use `train.accelerate = 'none'`"
            ) from first

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


@dataclass
class _Recording:
    """The recording of one kind of step.

    Attributes:
        inputs: tensors at the addresses that a replay reads.
        warm_ups: number of steps taken before recording.
        replay: takes a step, once recorded.
    """

    inputs: StepInputs
    warm_ups: int = 0
    replay: Callable[[], Tensor] | None = None


class ReplayedStep:
    """A step that is recorded once and then replayed.

    Steps with and without the R1 penalty are recorded separately. The first three of each kind are
    not recorded: a capture fails at one-time work such as the setup of cuBLAS.

    Args:
        step: takes a step plainly.
        graphs: record and replay it.
    """

    def __init__(self, step: Callable[[StepInputs], Tensor], graphs: CudaGraphs) -> None:
        self._step = step
        self._graphs = graphs
        self._recordings: dict[tuple[bool, ...], _Recording] = {}

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Take the step."""
        # A graph cannot branch, so each pattern of R1 updates needs its own.
        kind = tuple(batch.r1 for batch in inputs.batches)
        if kind not in self._recordings:
            self._recordings[kind] = _Recording(_as_tensors(inputs))
        recording = self._recordings[kind]
        # A replay reads the addresses that were recorded, so new inputs are copied there.
        for tensor, value in zip(_values(recording.inputs), _values(inputs), strict=True):
            assert isinstance(tensor, Tensor)
            if isinstance(value, Tensor):
                tensor.copy_(value)
            else:
                tensor.fill_(value)
        if recording.warm_ups < _WARM_UPS:
            recording.warm_ups += 1
            return self._graphs.warm_up(lambda: self._step(recording.inputs))
        if recording.replay is None:
            recording.replay = self._graphs.capture(lambda: self._step(recording.inputs))
        return recording.replay()


def _as_tensors(inputs: StepInputs) -> StepInputs:
    """A copy of the inputs in which the two numbers are tensors on the device, uninitialized."""
    batches = tuple(
        Batch._make(value.clone() if isinstance(value, Tensor) else value for value in batch)
        for batch in inputs.batches
    )
    device = batches[0].z.device
    return StepInputs(batches, torch.empty((), device=device), torch.empty((), device=device))


def _values(inputs: StepInputs) -> Iterator[float | Tensor]:
    """All inputs that change between steps of one kind, in order."""
    for batch in inputs.batches:
        yield from (value for value in batch if isinstance(value, Tensor))
    yield inputs.lr_factor
    yield inputs.ema_weight
