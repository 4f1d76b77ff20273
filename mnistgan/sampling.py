"""Images out of a generator file: the same for the same seed, whatever the count or the batch.

Image i of a seed depends on (seed, i) alone: noise is drawn and sent through G in blocks of a fixed
size, the last one padded, because a matrix product of another shape may round differently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mnistgan import checkpoint, devices, latents, networks, rundir
from mnistgan.config import RunConfig
from mnistgan.errors import FileFormatError
from mnistgan.events import Images
from mnistgan.latents import Stream
from mnistgan.progress import OnProgress, Progress, no_progress

BLOCK = 256


@dataclass(frozen=True)
class Generator:
    """A trained generator, ready to be sampled.

    Attributes:
        network: maps z, float32 N x latent_dim, to images in the config's output range.
        config: of the run that trained it.
        step: updates of G that it has had.
        epoch: the epoch of that step.
    """

    network: nn.Module
    config: RunConfig
    step: int
    epoch: int

    def __post_init__(self) -> None:
        devices.keep_freed_memory()

    def __call__(self, z: Tensor) -> Images:
        """Images of noise of one's own: float32 N x latent_dim to uint8 N x C x H x W."""
        z = z.to(next(self.network.parameters()).device)
        return networks.generate(self.network, z, networks.pixel_range(self.config)).cpu().numpy()


def load_generator(path: Path | str) -> Generator:
    """Load a generator file, a checkpoint, or a run directory's generator, on the CPU.

    Raises:
        UsageError: a folder that holds no generator.
        FileFormatError: the file is none of ours, is damaged, or does not fit its own config.
    """
    path = rundir.generator_path(Path(path))
    file = checkpoint.load_generator(path)
    # On the meta device the network takes no memory: only the file's own tensors do.
    with torch.device("meta"):
        network = networks.build_generator(file.config)
    try:
        network.load_state_dict(file.weights, assign=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path}: its weights do not fit its config") from error
    return Generator(network.eval(), file.config, file.step, file.epoch)


def sample(generator: Generator, count: int, seed: int = 0) -> Images:
    """``count`` images as one array, uint8 N x C x H x W."""
    return np.concatenate(list(sample_blocks(generator, count, seed)))


def sample_blocks(
    generator: Generator,
    count: int,
    seed: int = 0,
    on_progress: OnProgress = no_progress,
) -> Iterator[Images]:
    """The same images in blocks of at most 256, so that any number fits in memory."""
    for number, start in enumerate(range(0, count, BLOCK)):
        yield block(generator, number, seed)[: count - start]
        on_progress(Progress("sampling", min(start + BLOCK, count), count))


def block(generator: Generator, number: int, seed: int = 0) -> Images:
    """A whole block of a seed's images, uint8 256 x C x H x W: the first is ``256 * number``."""
    z = latents.normal(seed, Stream.SAMPLE, number, (BLOCK, generator.config.model.latent_dim))
    return generator(z)
