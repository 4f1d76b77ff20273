"""ONNX files, checked with onnxruntime as a user would load them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from support import Tiny

from mnistgan.errors import ExportError, UsageError
from mnistgan.export import onnx as export
from mnistgan.models import networks
from mnistgan.sampling.generator import Generator, load_generator


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"model.generator.output": "sigmoid"},
        {
            "model": {"family": "dcgan", "latent_dim": 6, "generator": {"width": 4}},
            "data.channels": 3,
        },
    ],
)
def test_every_family_is_exported(tiny: Tiny, tmp_path: Path, keys: dict[str, Any]) -> None:
    config = tiny(*keys.items())
    network = networks.build_generator(config)
    network(torch.randn(64, config.model.latent_dim))  # BatchNorm statistics of its own
    generator = Generator(network.eval(), config, step=7, epoch=1)
    result = export.export_onnx(generator, tmp_path / "g.onnx")
    assert result.difference < 1e-4
    raw = result.path.read_bytes()  # torch notes the place of each operation in its source
    for place in (Path(export.__file__).parents[1], Path(torch.__file__).parent):
        assert str(place).encode() not in raw
    assert [path.name for path in tmp_path.iterdir()] == ["g.onnx"]

    session = onnxruntime.InferenceSession(result.path, providers=["CPUExecutionProvider"])
    (z,), (images,) = session.get_inputs(), session.get_outputs()
    assert (z.name, z.shape) == ("z", ["batch", config.model.latent_dim])
    assert images.name == "images"
    assert session.get_modelmeta().custom_metadata_map["mnistgan.step"] == "7"
    text = session.get_modelmeta().custom_metadata_map["mnistgan.config"]
    assert f'family = "{config.model.family}"' in text
    noise = np.random.default_rng(0).standard_normal((5, config.model.latent_dim))
    (out,) = session.run(None, {"z": noise.astype(np.float32)})
    assert out.shape == (5, config.data.channels, 28, 28)
    assert out.min() >= 0
    assert out.max() <= 1
    opset = {entry.domain: entry.version for entry in onnx.load(result.path).opset_import}
    assert opset[""] == result.opset


@pytest.mark.slow
def test_a_model_that_differs_leaves_no_file(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = export._write

    def write_another(model: Any, generator: Generator, path: Path) -> None:
        original(model, generator, path)
        with torch.no_grad():
            next(model.parameters()).add_(0.5)

    monkeypatch.setattr(export, "_write", write_another)
    target = tmp_path / "g.onnx"
    target.write_bytes(b"the one before")
    with pytest.raises(ExportError, match="differs from PyTorch by up to"):
        export.export_onnx(load_generator(trained), target)
    assert target.read_bytes() == b"the one before"
    assert len(list(tmp_path.iterdir())) == 1


def test_another_ending_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"use \.onnx"):
        export.export_onnx(load_generator(trained), tmp_path / "g.pt")
