"""Train, inspect, evaluate and export GANs on MNIST-sized images.

The public names are imported on first use, so ``import mnistgan`` is fast and does not import
torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
"""The version of the package."""

if TYPE_CHECKING:
    from mnistgan.config import RunConfig
    from mnistgan.errors import MnistganError
    from mnistgan.evaluation.results import evaluate
    from mnistgan.export.onnx import export_onnx
    from mnistgan.runs.notebook import LiveBar
    from mnistgan.runs.run import train
    from mnistgan.sampling.blocks import sample
    from mnistgan.sampling.generator import Generator, load_generator
    from mnistgan.synthetic.torch_dataset import SyntheticDigits
    from mnistgan.training.trainer import Trainer

__all__ = [
    "train",
    "load_generator",
    "sample",
    "evaluate",
    "export_onnx",
    "RunConfig",
    "Trainer",
    "Generator",
    "SyntheticDigits",
    "LiveBar",
    "MnistganError",
    "__version__",
]

# Module of each public name. Importing torch takes 1.4 s (benchmarks/results/startup.json), and
# ``mnistgan --help`` must not wait for it.
_HOMES = {
    "train": "runs.run",
    "load_generator": "sampling.generator",
    "sample": "sampling.blocks",
    "evaluate": "evaluation.results",
    "export_onnx": "export.onnx",
    "RunConfig": "config",
    "Trainer": "training.trainer",
    "Generator": "sampling.generator",
    "SyntheticDigits": "synthetic.torch_dataset",
    "LiveBar": "runs.notebook",
    "MnistganError": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mnistgan' has no attribute {name!r}")
    return getattr(import_module(f"mnistgan.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
