"""The number format of matrix products and convolutions."""

import contextlib
from collections.abc import Iterator

import torch

_FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def resolve(name: str, device: torch.device) -> torch.dtype:
    """The format named in a config: float32 or bfloat16; ``auto`` selects the device's fastest.

    bfloat16: Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training".
    """
    return _FORMATS[_fastest(device) if name == "auto" else name]


def _fastest(device: torch.device) -> str:
    # bfloat16 makes a step 1.5 to 2.1 times as fast where the hardware multiplies it
    # (benchmarks/results/throughput.json), at the same quality within the error: the Frechet
    # distance of `fast` is 1.53 +- 0.09, with float32 1.49 +- 0.03 (ablation.json). Elsewhere torch
    # emulates it. float16 would need loss scaling, and no measurement showed a gain (d7aff62).
    if device.type == "cuda":
        # Not torch.cuda.is_bf16_supported(), which by default counts emulation, too.
        major, _ = torch.cuda.get_device_capability(device)  # 8: Ampere
        return "bfloat16" if major >= 8 else "float32"
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        has = torch.cpu.get_capabilities()
        return "bfloat16" if has.get("amx_bf16") or has.get("avx512_bf16") else "float32"
    return "float32"


@contextlib.contextmanager
def matmul_precision(dtype: torch.dtype) -> Iterator[None]:
    """Lower the precision of float32 products and convolutions to about that of ``dtype``.

    Penalties compute in float32 tensors even in a bfloat16 run; with this, their products also use
    the fast hardware. torch's settings are global, so they are restored afterward.
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
    """A context of torch's autocast to ``dtype``; does nothing for float32.

    End it before each update: it caches the converted weights until it ends, so later products
    would use the old ones.
    """
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
