"""Where a run computes."""

from __future__ import annotations

import torch

from mnistgan.errors import UsageError


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
