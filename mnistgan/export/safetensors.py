"""Export to safetensors: weights and config, without code."""

from pathlib import Path

from mnistgan.sampling.generator import Generator
from mnistgan.storage import generator_safetensors


def export_safetensors(generator: Generator, path: Path) -> None:
    """Write a generator as a safetensors file, which ``load_generator`` can read.

    Raises:
        UsageError: the extension is not .safetensors, or the folder cannot be written.
    """
    weights = generator.network.state_dict()
    generator_safetensors.write(path, generator.config, weights, generator.step, generator.epoch)
