"""A trained generator: maps noise to images."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mnistgan import arguments, datasets
from mnistgan.arrays import Images
from mnistgan.config import RunConfig, toml
from mnistgan.errors import FileFormatError, UsageError
from mnistgan.generators import named
from mnistgan.models import devices, networks, noise
from mnistgan.models.noise import Stream
from mnistgan.storage import checkpoint, run_directory
from mnistgan.storage.run_directory import RunDirectory

_MOST_COLUMNS = 62  # classes shown in a notebook


@dataclass(frozen=True)
class Generator:
    """A trained generator, ready to be sampled.

    Attributes:
        network: maps z, float32 N x latent_dim, to images in the config's output range; if it is
            conditional, it takes their labels as a second argument.
        config: config of the run that trained it.
        step: number of updates of G.
        epoch: epoch of that step.
    """

    network: nn.Module
    config: RunConfig
    step: int
    epoch: int

    def __post_init__(self) -> None:
        arguments.instance("network", self.network, nn.Module, "a torch.nn.Module")
        arguments.instance("config", self.config, RunConfig, "a RunConfig")
        # Sampling allocates the same blocks again and again: a tenth of its time (commit 935a202).
        devices.keep_freed_memory()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the labels; empty for an unconditional generator."""
        return self.config.model.classes

    def __call__(self, z: Tensor, labels: Tensor | None = None) -> Images:
        """Generate images from noise.

        Args:
            z: float32, N x latent_dim.
            labels: required for a conditional generator: int64, N; or float32, N x classes, the
                weight of each class's embedding.

        Returns:
            uint8, N x C x H x W.

        Raises:
            UsageError: z or labels have another shape or type, labels are missing, or are given to
                an unconditional generator.
        """
        size = self.config.model.latent_dim
        if not isinstance(z, Tensor) or z.dtype != torch.float32 or z.shape[1:] != (size,):
            raise arguments.wrong("z", f"a tensor, float32 N x {size}", z)
        if (labels is None) == bool(self.classes):
            raise UsageError(
                "this generator is conditional: give labels, too"
                if self.classes
                else "this generator was trained without labels: give z alone"
            )
        if labels is not None:
            self._check(labels, len(z))
        device = next(self.network.parameters()).device
        label_input = () if labels is None else (labels.to(device),)
        pixels = networks.pixel_range(self.config)
        return networks.generate(self.network, z.to(device), label_input, pixels).cpu().numpy()

    def _check(self, labels: object, count: int) -> None:
        """Refuse labels that the network cannot take."""
        classes = len(self.classes)
        known = {(torch.int64, (count,)), (torch.float32, (count, classes))}
        if not isinstance(labels, Tensor) or (labels.dtype, tuple(labels.shape)) not in known:
            what = f"a tensor, int64 {count} or float32 {count} x {classes}"
            raise arguments.wrong("labels", what, labels)
        numbers = labels if labels.dtype == torch.int64 else labels[:0]
        if not ((numbers >= 0) & (numbers < classes)).all():
            raise UsageError(f"labels: must be from 0 to {classes - 1}")

    def _repr_png_(self) -> bytes:
        """Samples as PNG, for notebooks; a conditional generator shows one column per class."""
        from mnistgan.rendering import grids

        columns = len(self.classes[:_MOST_COLUMNS]) or 8
        count = 8 * columns
        z = noise.normal(0, Stream.SAMPLE, 0, (count, self.config.model.latent_dim))
        labels = torch.arange(count) % columns if self.classes else None
        images = self(z, labels)
        picture = grids.enlarge(grids.grid(images, columns, grids.BETWEEN))
        where = f"{self.config.model.family}, epoch {self.epoch}, step {self.step:,}"
        return grids.to_png(grids.caption(picture, where))


class UnitImages(nn.Module):
    """G as a module whose images are in [0, 1], for either output activation."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.network = generator.network
        self.pixels = networks.pixel_range(generator.config)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map z, float32 N x latent_dim, and labels, int64 N, to float32 N x C x H x W."""
        label_input = () if labels is None else (labels,)
        images: Tensor = self.pixels.to_unit(self.network(z, *label_input))
        return images


def load_generator(path: Path | str) -> Generator:
    """Load an installed generator, a generator file or folder, or a checkpoint or run.

        generator = mnistgan.load_generator("mnist")
        generator.config.data.name

    The generator is on the CPU. A folder is a run directory, or one for a model hub. A string that
    is exactly the name of an installed generator stands for its file; a :class:`~pathlib.Path` is
    always a path.
    Paths in the file's config are ignored: the file may come from somebody else. The training
    images of a run directory are those that its ``config.toml`` names.

    Raises:
        UsageError: the folder has no generator.
        FileFormatError: the file is not a generator of mnistgan, or is damaged.
    """
    plugin = named.find(path) if isinstance(path, str) else None
    given = plugin.path if plugin else arguments.path("path", path)
    path = run_directory.generator_path(given)
    file = checkpoint.read_file(path, keep_places=False)
    config = toml.without_places(file.config)
    if given != path:
        with contextlib.suppress(UsageError):  # config.toml may be missing or of another version
            config = _with_images_of(RunDirectory(given), config)
    # assign=True then uses the file's own tensors. If the network had tensors of its own, a small
    # file whose config describes a huge network could exhaust the memory.
    network = networks.outline_generator(config)
    try:
        # assign=True takes the file's dtypes, too, and layers of integers cannot be computed.
        if any(one.dtype != file.weights[key].dtype for key, one in network.state_dict().items()):
            raise TypeError("other dtypes")
        network.load_state_dict(file.weights, assign=True)
    # load_state_dict raises these for missing names, other shapes and other types.
    except (KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path}: its weights do not fit its config") from error
    return Generator(network.eval(), config, file.step, file.epoch)


def _with_images_of(run: RunDirectory, config: RunConfig) -> RunConfig:
    """The config with the data set that a run directory names.

    The run may come from somebody else. Its data root is used only if the data set is in it, so
    that nothing is downloaded to a folder that the user did not choose.
    """
    data = run.read_config().data
    root = data.root if data.root and datasets.is_here(data) else None
    update = {"name": data.name, "labels": data.labels, "root": root}
    return config.model_copy(update={"data": config.data.model_copy(update=update)})
