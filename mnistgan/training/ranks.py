"""The processes that train one run together, as torchrun starts them.

Synchronous data parallelism: each rank takes an equal share of the config's batch, and gradients
are averaged, so all ranks always hold the same weights. BatchNorm's statistics are those of a
rank's own share, as in torch's DistributedDataParallel.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mnistgan.errors import MnistganError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


_RESUME = "resume from the last checkpoint: `mnistgan.train(config, 'RUN', resume=True)`"


class PartnerLostError(MnistganError):
    """Another rank of the run ended early; that rank's own message says why."""


class Ranks:
    """This process's place among the ranks of a run; a single process is rank 0 of 1.

    Attributes:
        rank: number of this process, from 0; only rank 0 writes files.
        size: number of ranks.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    # Not torch's DistributedDataParallel: with BatchNorm, two forward passes before one backward
    # pass fail from torch 2.6 on (pytorch/pytorch#175024), and it exchanges only gradients in
    # ``.grad``.

    def local_rows(self, batch: Tensor) -> Tensor:
        """This rank's rows of a whole batch, whose length is a multiple of the size."""
        rows = len(batch) // self.size
        return batch[self.rank * rows : (self.rank + 1) * rows]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their means over all ranks, in one exchange."""
        if self.size == 1:
            return
        import torch

        # One flat tensor: an exchange of many small tensors would wait once for each of them.
        whole = torch.cat([tensor.detach().flatten() for tensor in tensors])
        with _together() as dist:
            dist.all_reduce(whole)
        means = (whole / self.size).split([tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.detach().copy_(mean.view_as(tensor))

    def any(self, wanted: bool, device: torch.device) -> bool:
        """Whether ``wanted`` is true on any rank; all ranks get the same answer."""
        if self.size == 1:
            return wanted
        import torch

        flag = torch.tensor([float(wanted)], device=device)
        with _together() as dist:
            dist.all_reduce(flag)
        return bool(flag.item())

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by those of rank 0."""
        if self.size > 1:
            with _together() as dist:
                for tensor in tensors:
                    dist.broadcast(tensor, 0)


ALONE = Ranks()


def join(device: torch.device) -> Ranks:
    """Join the other ranks if torchrun started this process.

    Args:
        device: device of the run; ranks on GPUs communicate by NCCL, others by Gloo.

    Raises:
        MnistganError: the ranks could not connect.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    import torch
    import torch.distributed as dist

    if not dist.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        with _together():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        # A process that ends while the group's threads live may be aborted by their destructors,
        # which torchrun takes for a failure (commit 8465940).
        atexit.register(dist.destroy_process_group)
    return Ranks(dist.get_rank(), dist.get_world_size())


def rank() -> int:
    """This process's rank by torchrun's environment variable, without joining; 0 by default."""
    return int(os.environ.get("RANK", "0"))


def is_started() -> bool:
    """Whether torchrun started this process."""
    return "RANK" in os.environ


def launch(count: int, arguments: Sequence[str]) -> int:
    """Let torchrun start ranks on this machine that run the command line with these arguments.

    Returns:
        The exit code: of the rank that failed first, or of the signal that ended them.

    Raises:
        MnistganError: a rank was killed.
    """
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.WARNING)  # hides torchrun's; the ranks print their own messages
    # Otherwise torchrun sets one thread per rank and prints a long message about it.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    options = torchrun.parse_args(["--standalone", f"--nproc-per-node={count}", "-m", "mnistgan"])
    options.training_script_args = list(arguments)  # torchrun would parse --nproc itself
    try:
        torchrun.run(options)
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        if failure.exitcode < 0:  # minus the signal's number, as in subprocess
            killed = f"rank {number} was killed by signal {-failure.exitcode}"
            raise MnistganError(f"{killed}; {_RESUME}") from error
        return int(failure.exitcode)
    except SignalException as error:
        return 128 + int(error.sigval)
    return 0


@contextlib.contextmanager
def _together() -> Iterator[Any]:
    """Yield ``torch.distributed``; a RuntimeError inside means that another rank was lost."""
    import torch.distributed as dist

    try:
        yield dist
    except RuntimeError as error:
        raise PartnerLostError(f"another rank of this run ended early; {_RESUME}") from error
