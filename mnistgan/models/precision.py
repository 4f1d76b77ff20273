"""The number format of matrix products and convolutions."""

import contextlib
from collections.abc import Iterator

import torch

_FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def resolve(name: str, device: torch.device) -> torch.dtype:
    """The format that a config names; ``auto`` is the one in which the device is fastest."""
    return _FORMATS[_fastest(device) if name == "auto" else name]


def _fastest(device: torch.device) -> str:
    # bfloat16 only where the hardware multiplies it; elsewhere torch emulates it.
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return "bfloat16" if major >= 8 else "float32"
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        has = torch.cpu.get_capabilities()
        return "bfloat16" if has.get("amx_bf16") or has.get("avx512_bf16") else "float32"
    return "float32"


@contextlib.contextmanager
def matmul_precision(dtype: torch.dtype) -> Iterator[None]:
    """Lower the precision of float32 products and convolutions to about that of ``dtype``.

    Penalties compute in float32 tensors even in a bfloat16 run; this lets their products use the
    fast hardware, too. torch's settings are global, so they are restored afterward.
    """
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest" if dtype == torch.float32 else "medium")
    torch.backends.cudnn.allow_tf32 = dtype != torch.float32  # torch's default is True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def autocast(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """Torch's autocast to ``dtype``; does nothing for float32.

    Leave it before each update: it caches the converted weights until it ends.
    """
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
