"""Where a run computes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnistgan.errors import UsageError
from mnistgan.models import devices


def test_auto_is_always_there() -> None:
    assert torch.zeros(1, device=devices.resolve("auto")).item() == 0


def test_a_device_that_is_not_there() -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(UsageError, match=rf"'{missing}' is not available"):
        devices.resolve(missing)


class TestThreads:
    @pytest.fixture(autouse=True)
    def _as_before(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        yield
        torch.set_num_threads(before)

    def test_as_many_as_asked_for(self) -> None:
        devices.use_threads(3)
        assert torch.get_num_threads() == 3

    @pytest.mark.parametrize(
        ("quota", "threads"),
        [
            ("100000 100000\n", 1),
            ("50000 100000\n", 1),
            ("800000 100000\n", 2),
            ("max 100000\n", 2),
        ],
    )
    def test_no_more_than_a_container_may_use(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, threads: int
    ) -> None:
        monkeypatch.setattr(devices, "_QUOTA_FILE", tmp_path / "cpu.max")
        monkeypatch.setattr(os, "cpu_count", lambda: 64)
        devices.use_threads(None)
        assert torch.get_num_threads() == 2
        (tmp_path / "cpu.max").write_text(quota)
        devices.use_threads(None)
        assert torch.get_num_threads() == threads

    def test_the_environment_has_the_last_word(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(devices, "_QUOTA_FILE", tmp_path / "cpu.max")
        (tmp_path / "cpu.max").write_text("100000 100000\n")
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        devices.use_threads(None)
        assert torch.get_num_threads() == 2


FETCHED_AGAIN = """
import resource
import numpy as np
from mnistgan.models import devices

def faults():
    np.ones(2**26, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(2**26, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

left = faults()
devices.keep_freed_memory()
assert 10 * faults() < left
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own habit")
def test_what_is_freed_is_kept_for_what_comes_next() -> None:
    subprocess.run([sys.executable, "-c", FETCHED_AGAIN], check=True)
