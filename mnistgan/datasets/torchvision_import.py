"""Import of torchvision on first use, even if its compiled operators cannot be loaded.

Importing it takes 1.5 s beside torch's own import, so commands that do not need it must not import
it. The names of its data sets are read without importing it.
"""

import ast
import contextlib
import functools
import importlib
import importlib.util
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistgan.errors import UsageError

if TYPE_CHECKING:
    import torch

_DESCRIBED_WITHOUT_BINARY = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_keep_alive: list["torch.library.Library"] = []  # a Library that is collected drops its operators
_lock = threading.Lock()


@functools.cache
def import_torchvision(module: str = "torchvision") -> Any:
    """Import torchvision, or one of its modules by its full name.

    Raises:
        UsageError: torchvision is not installed, or does not match this torch.
    """
    # If torchvision's binary was built for another torch, such as PyPI's CUDA build beside a
    # CPU-only torch, ``import torchvision`` raises RuntimeError: its Python code refers to
    # operators that the binary did not register. mnistgan does not use them, so _import declares
    # them and tries again.
    try:
        with _lock:
            return _import(module)
    except (ImportError, OSError, RuntimeError) as error:
        raise UsageError(
            f"torchvision cannot be imported ({error}); install the version built for your torch"
        ) from error


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        # Only after a failure: declaring operators that were loaded is an error.
        if "torchvision::" not in str(error):
            raise
    import torch

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # left by the failed import
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _DESCRIBED_WITHOUT_BINARY:
        library.define(schema)
    _keep_alive.append(library)
    return importlib.import_module(module)


def public_names() -> tuple[str, ...]:
    """``torchvision.datasets.__all__``, read from its source; empty if that cannot be found."""
    # Parsed, not imported: a config with an unknown name is refused before torch is imported.
    with contextlib.suppress(ValueError, OSError, SyntaxError):
        spec = importlib.util.find_spec("torchvision")
        source = Path(spec.origin if spec and spec.origin else "").parent / "datasets/__init__.py"
        for node in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                return tuple(ast.literal_eval(node.value))
    return ()
