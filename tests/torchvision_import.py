"""torchvision's data sets, to compare with, also where its compiled operators cannot be loaded.

Beside a torch that its binary was not built for (a CPU-only torch and the registry's CUDA build of
torchvision, say) ``import torchvision`` raises RuntimeError, because the Python side describes
operators that the binary did not bring. mnistgan needs none of it; its tests hold their own reading
of files against torchvision's pure-Python parts.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

_DESCRIBED_WITHOUT_BINARY = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_keep_alive: list[torch.library.Library] = []  # a Library takes its operators along when it goes


def import_datasets() -> ModuleType:
    """The module ``torchvision.datasets``."""
    try:
        return importlib.import_module("torchvision.datasets")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the failed import left behind
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _DESCRIBED_WITHOUT_BINARY:
        library.define(schema)
    _keep_alive.append(library)
    return importlib.import_module("torchvision.datasets")
