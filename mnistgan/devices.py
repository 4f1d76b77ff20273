"""Where a run computes, and with how many threads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from mnistgan.errors import UsageError

_QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")


def resolve(name: str) -> torch.device:
    """The device that a config names; ``auto`` takes a GPU where there is one.

    Raises:
        UsageError: it is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, present in there.items() if present)
    if not there[name]:
        raise UsageError(
            f"train.device: {name!r} is not available to this torch ({torch.__version__}); use "
            "'auto' or 'cpu', or install a build of torch for it"
        )
    return torch.device(name)


def use_threads(count: int | None) -> None:
    """Set how many CPU threads this process computes with.

    Args:
        count: as many; None leaves torch's default, one for each core that the process may run on
            or what ``OMP_NUM_THREADS`` says, but takes no more than a container's share of the
            processor, which torch does not see: more threads than that wait for each other.
    """
    if count is None and "OMP_NUM_THREADS" not in os.environ:
        count = min(torch.get_num_threads(), _container_cores())
    if count is not None and count != torch.get_num_threads():
        torch.set_num_threads(count)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """While this lasts, this thread computes alone."""
    before = torch.get_num_threads()
    use_threads(1)
    try:
        yield
    finally:
        use_threads(before)


def keep_freed_memory() -> None:
    """Have the C library keep what is freed for what comes next.

    glibc gives memory back to the system beyond twice the largest block that it ever freed, at most
    32 MiB: without this, each block of images would be given back and fetched anew page by page,
    which took a tenth of the time of sampling. Elsewhere it does nothing.
    """
    torch.empty(2**24, dtype=torch.uint8)


def _container_cores() -> int:
    """Whole cores' worth of time that Linux gives this container (cgroup v2: quota, period)."""
    try:
        quota, period = _QUOTA_FILE.read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # elsewhere, or "max": there is no limit
        return os.cpu_count() or 1
