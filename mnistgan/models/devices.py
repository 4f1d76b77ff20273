"""Where a run computes, and with how many threads."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

from mnistgan.errors import UsageError

_QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


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
    """Have the C library keep up to 1 GiB of what is freed for what comes next.

    glibc gives blocks of more than 32 MiB back to the system at once, and smaller ones by and by:
    a step's images would be fetched anew page by page, each time, which took up to a third of the
    time of a convolutional G and D on a CPU. With another C library this does nothing.
    """
    if platform.libc_ver()[0] == "glibc":
        c_library = ctypes.CDLL(None)
        c_library.mallopt(_M_MMAP_THRESHOLD, 2**30)
        c_library.mallopt(_M_TRIM_THRESHOLD, 2**30)


def _container_cores() -> int:
    """Whole cores' worth of time that Linux gives this container (cgroup v2: quota, period)."""
    try:
        quota, period = _QUOTA_FILE.read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # elsewhere, or "max": there is no limit
        return os.cpu_count() or 1
