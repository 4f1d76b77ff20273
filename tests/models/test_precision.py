"""In which format layers multiply."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mnistgan.models import precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
    ],
)
def test_a_processor_gets_what_it_is_fast_at(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], chosen: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert precision.resolve("auto", CPU) == chosen
    assert precision.resolve("float32", CPU) == torch.float32


def test_a_torch_that_cannot_tell_gets_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision.resolve("auto", CPU) == torch.float32


@pytest.mark.parametrize(
    ("capability", "chosen"),
    [((9, 0), torch.bfloat16), ((8, 0), torch.bfloat16), ((7, 5), torch.float32)],
)
def test_a_card_gets_what_its_generation_is_fast_at(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], chosen: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.resolve("auto", CUDA) == chosen


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layers_multiply_in_it_and_nothing_is_left_changed(dtype: torch.dtype) -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with precision.matmul_precision(dtype), precision.autocast(dtype, CPU):
        assert nn.Linear(3, 2)(torch.ones(1, 3)).dtype == dtype
        assert torch.backends.cudnn.allow_tf32 == (dtype != torch.float32)
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before
    assert nn.Linear(3, 2)(torch.ones(1, 3)).dtype == torch.float32
