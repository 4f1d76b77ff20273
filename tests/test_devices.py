"""Where a run computes."""

from __future__ import annotations

import pytest
import torch

from mnistgan import devices
from mnistgan.errors import UsageError


def test_auto_is_always_there() -> None:
    assert torch.zeros(1, device=devices.resolve("auto")).item() == 0


def test_a_device_that_is_not_there() -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(UsageError, match=rf"'{missing}' is not available"):
        devices.resolve(missing)
