"""Device, threads and memory."""

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
    """The device named in a config; ``auto`` selects a GPU if there is one.

    Raises:
        UsageError: the device is not available.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    available = {"cuda": cuda, "mps": mps, "cpu": True}
    if name == "auto":
        name = next(device for device, present in available.items() if present)
    if not available[name]:
        raise UsageError(
            f"train.device: {name!r} is not available to torch {torch.__version__}; use 'cpu'"
        )
    return torch.device(name)


def use_threads(count: int | None) -> None:
    """Set the number of CPU threads of this process.

    Args:
        count: None is torch's default, ``OMP_NUM_THREADS`` or one per core, limited to a
            container's CPU quota.
    """
    # torch counts the machine's cores and does not know the quota. Linux pauses all threads of a
    # container that has used up its quota, so additional threads only make it pause earlier.
    if count is None and "OMP_NUM_THREADS" not in os.environ:
        count = min(torch.get_num_threads(), _container_cores())
    if count is not None and count != torch.get_num_threads():
        torch.set_num_threads(count)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute with a single thread inside the context."""
    before = torch.get_num_threads()
    use_threads(1)
    try:
        yield
    finally:
        use_threads(before)


def keep_freed_memory() -> None:
    """Let glibc keep up to 1 GiB of freed memory for reuse; does nothing with other C libraries."""
    # By default glibc returns blocks over 32 MiB to the system at once, and each step faults its
    # pages in again: a third of the time of `dcgan` in float32 on a CPU (commit 5c8a2d6), and about
    # a tenth of the time of sampling (commit 935a202).
    if platform.libc_ver()[0] == "glibc":
        c_library = ctypes.CDLL(None)
        c_library.mallopt(_M_MMAP_THRESHOLD, 2**30)
        c_library.mallopt(_M_TRIM_THRESHOLD, 2**30)


def _container_cores() -> int:
    """The container's CPU quota in whole cores (cgroup v2: quota and period)."""
    try:
        quota, period = _QUOTA_FILE.read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # not Linux, or "max": unlimited
        return os.cpu_count() or 1
