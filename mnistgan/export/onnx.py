"""Export to ONNX; the result is compared with the original in PyTorch."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mnistgan import arguments
from mnistgan.config import toml
from mnistgan.errors import ExportError
from mnistgan.models import noise
from mnistgan.sampling import conditioning
from mnistgan.sampling.generator import Generator, UnitImages
from mnistgan.storage.atomic import atomic_path, check_target

OPSET = 18
# 2 is the size of the example; the others show that the batch size is dynamic.
CHECKED_BATCHES = (1, 2, 17)
RTOL, ATOL = 1e-3, 1e-4


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        path: the ONNX file.
        opset: version of its operator set.
        difference: largest absolute difference from PyTorch's images in all checked batches.
    """

    path: Path
    opset: int
    difference: float


def export_onnx(generator: Generator, path: Path | str) -> Exported:
    """Write a generator as a single ONNX file and compare its output with PyTorch's.

        exported = mnistgan.export_onnx(mnistgan.load_generator("my-run"), "digits.onnx")
        exported.difference  # from PyTorch

    Inputs: ``z`` (float32, batch x latent_dim) and, for a conditional generator, ``labels`` (int64,
    batch). Output: ``images`` (float32, batch x C x H x W, in [0, 1]). The batch size is dynamic.
    The metadata holds the run config as TOML under ``mnistgan.config``; its key ``model.classes``
    has the class names.

    Raises:
        UsageError: the extension is not .onnx, or the folder cannot be written.
        ExportError: onnxruntime's images differ (rtol 1e-3, atol 1e-4); no file is written.
    """
    arguments.instance("generator", generator, Generator, "a Generator")
    path = arguments.path("path", path)
    check_target(path, ".onnx")
    model = UnitImages(generator).eval()
    # The check runs on the temporary file, so a wrong model never gets the final name.
    with atomic_path(path) as temporary:
        _write(model, generator, temporary)
        return Exported(path, OPSET, _check(model, generator, temporary))


def _write(model: UnitImages, generator: Generator, path: Path) -> None:
    import onnx

    # torch.export treats a size of 1 as a constant (pytorch/pytorch#133653), so the example has 2.
    example = _inputs(generator, 2)
    batch = {0: torch.export.Dim("batch")}
    # external_data=False: by default torch writes the weights to a second file.
    with _quiet():
        program = torch.onnx.export(
            model,
            tuple(example.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(example),
            output_names=["images"],
            dynamic_shapes=dict.fromkeys(example, batch),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    config = toml.to_toml(toml.without_places(generator.config))
    step, epoch = generator.step, generator.epoch
    metadata = {"mnistgan.config": config, "mnistgan.step": str(step), "mnistgan.epoch": str(epoch)}
    # onnxruntime reads these with get_modelmeta().custom_metadata_map.
    onnx.helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto)
    onnx.save_model(proto, path)


@torch.no_grad()
def _check(model: UnitImages, generator: Generator, path: Path) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in CHECKED_BATCHES:
        inputs = _inputs(generator, batch)
        expected = model(*inputs.values()).numpy()
        (images,) = session.run(["images"], {key: one.numpy() for key, one in inputs.items()})
        same_shape = images.shape == expected.shape
        difference = float(np.abs(images - expected).max()) if same_shape else np.inf
        if not same_shape or not np.allclose(images, expected, RTOL, ATOL):
            raise ExportError(
                f"the exported model differs from PyTorch by up to {difference:.2g} in a batch of "
                f"{batch}; try other versions of torch and onnxruntime"
            )
        worst = max(worst, difference)
    return worst


def _inputs(generator: Generator, batch: int) -> dict[str, Tensor]:
    shape = (batch, generator.config.model.latent_dim)
    inputs = {"z": noise.normal(0, noise.Stream.SAMPLE, 0, shape)}
    if generator.classes:
        labels = conditioning.every_class(generator.classes).labels(0, batch)
        inputs["labels"] = torch.from_numpy(labels)
    return inputs


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's output, log messages and warnings about its own internals."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        sink = io.StringIO()
        with warnings.catch_warnings(), redirect_stdout(sink), redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
