"""Export as a folder for a model hub: weights, ONNX, config, a picture and a model card.

It can be uploaded as it is. No network is used.
"""

import json
import re
from pathlib import Path

from mnistgan import datasets
from mnistgan.config import toml
from mnistgan.config.sections import UNNAMED
from mnistgan.errors import UsageError
from mnistgan.export import card, onnx, safetensors
from mnistgan.export.measured import Measured
from mnistgan.models import networks
from mnistgan.rendering import grids
from mnistgan.sampling import blocks
from mnistgan.sampling.generator import Generator
from mnistgan.storage import atomic, run_directory

_SAMPLES = 100


def export_hub(
    generator: Generator,
    folder: Path,
    *,
    name: str = "",
    measured: Measured | None = None,
    license_id: str = card.UNKNOWN_LICENSE,
) -> onnx.Exported:
    """Write a generator as a folder for a model hub, which ``load_generator`` can read.

    Args:
        generator: the generator.
        folder: new or empty folder.
        name: name of the model; by default that of the run config.
        measured: figures for the model card.
        license_id: the hub's name of the license of the weights, such as ``mit``.

    Returns:
        The result of the ONNX export.

    Raises:
        UsageError: the folder is not empty or cannot be written, or the license is not a name.
        ExportError: the ONNX model differs from the original; nothing is written.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]{0,63}", license_id):
        raise UsageError(
            f"license: {license_id!r} is not the name of a license on the hub, such as mit or "
            "cc-by-sa-4.0"
        )
    atomic.check_folder(folder, empty=True)
    config = toml.without_places(generator.config)
    images, _ = blocks.sample_labeled(generator, _SAMPLES)
    sequence = blocks.DEFAULT.class_sequence_for(generator)
    columns = sequence.columns if sequence else None
    name = name or config.name or f"{config.model.family}-{datasets.stem(config.data.name)}"
    facts = {
        "step": generator.step,
        "epoch": generator.epoch,
        "parameters": networks.count_parameters(generator.network),
        "samples": _SAMPLES,
        "columns": columns,
    }
    with atomic.atomic_folder(folder) as temporary:
        safetensors.export_safetensors(generator, temporary / run_directory.HUB_FILE)
        exported = onnx.export_onnx(generator, temporary / "model.onnx")
        grids.save_png(temporary / "samples.png", grids.sheet(images, columns))
        # Not config.toml, by which a run directory is recognized; hubs count downloads by this one.
        text = json.dumps(toml.to_table(config), indent=2) + "\n"
        (temporary / "config.json").write_text(text, encoding="utf-8", newline="\n")
        text = card.write(name, config, facts, measured, license_id)
        (temporary / "README.md").write_text(text, encoding="utf-8", newline="\n")
    return exported


def names_data(generator: Generator) -> bool:
    """Whether the folder of a generator names its training images; it names no path."""
    return toml.without_places(generator.config).data.name != UNNAMED
