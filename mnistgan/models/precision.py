"""In which format a step's numbers are multiplied."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

_FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def resolve(name: str, device: torch.device) -> torch.dtype:
    """The format that a config names; ``auto`` takes what the device multiplies fastest."""
    return _FORMATS[_fastest(device) if name == "auto" else name]


def _fastest(device: torch.device) -> str:
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return "bfloat16" if major >= 8 else "float32"
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        has = torch.cpu.get_capabilities()
        return "bfloat16" if has.get("amx_bf16") or has.get("avx512_bf16") else "float32"
    return "float32"


@contextlib.contextmanager
def products(dtype: torch.dtype) -> Iterator[None]:
    """Let float32 products and convolutions, as in a penalty, be about as precise as ``dtype``.

    torch's settings are global: they are as before after this.
    """
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest" if dtype == torch.float32 else "medium")
    torch.backends.cudnn.allow_tf32 = dtype != torch.float32  # true by default, for convolutions
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def lowered(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """A context in which layers multiply in ``dtype`` (torch's autocast), for float32 as ever.

    It is left between a weight's use and its update: inside, a weight is converted once.
    """
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
