"""The networks G and D, built from a model config.

A generator maps z (N x latent_dim) to images (N x C x H x W) in the range of its output activation.
A discriminator maps such images to N logits. Conditional networks take labels (int64, N) as a
second argument. No discriminator has BatchNorm, so real and fake images can share a batch.
"""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.overrides import TorchFunctionMode

from mnistgan.config import RunConfig, sections
from mnistgan.models.noise import torch_seed

Shape: TypeAlias = tuple[int, int, int]  # C, H, W of an image

# Further arguments of G, after z, and of D, after the images: (labels,) for conditional networks,
# else ().
LabelInput: TypeAlias = tuple[Tensor, ...]

_LABEL_DIM = 32  # size of a label embedding


@dataclass(frozen=True)
class PixelRange:
    """The range of pixel values in G's output and in D's input."""

    low: float
    high: float

    def from_uint8(self, images: Tensor) -> Tensor:
        """uint8 images as float32 in this range."""
        scale = (self.high - self.low) / 255
        return images.to(torch.float32).mul_(scale).add_(self.low)

    def to_unit(self, images: Tensor) -> Tensor:
        """Images in this range, scaled to [0, 1]."""
        return (images - self.low) / (self.high - self.low)

    def to_uint8(self, images: Tensor) -> Tensor:
        """Images in this range as uint8, rounded to the nearest level."""
        scale = 255 / (self.high - self.low)
        # In place, for fewer passes over memory. The cast truncates; adding 0.5 makes it round.
        # Without clamp, a value past either end could wrap around.
        return (images * scale).add_(0.5 - self.low * scale).clamp_(0, 255).to(torch.uint8)


RANGES = {"tanh": PixelRange(-1.0, 1.0), "sigmoid": PixelRange(0.0, 1.0)}


def pixel_range(config: RunConfig) -> PixelRange:
    """The pixel range of a config's networks."""
    return RANGES[config.model.generator.output]


def build_generator(config: RunConfig) -> nn.Module:
    """Build G on the CPU; its initial weights are a function of the config."""
    model, shape = config.model, image_shape(config)
    inputs = model.latent_dim + (_LABEL_DIM if model.conditional else 0)
    with _initialized_from(torch_seed(config.seed, network=0)):
        if isinstance(model, sections.MlpConfig):
            network = mlp_generator(model.generator, inputs, shape)
        else:
            network = dcgan_generator(model.generator, inputs, shape)
        if model.conditional:
            network = ConditionalGenerator(network, len(model.classes))
        return network.apply(_init_normal) if model.init == "normal" else network


def outline_generator(config: RunConfig) -> nn.Module:
    """Build G without weights, on the meta device, where tensors of any size take no memory."""
    with torch.device("meta"), _Uninitialized():
        return build_generator(config)


class _Uninitialized(TorchFunctionMode):
    """Skips the functions of ``torch.nn.init``."""

    # For normal_ on the meta device, torch 2.14 imports its compiler. That took 2.6 of the 5.1
    # seconds of a first `mnistgan sample`.
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def build_discriminator(config: RunConfig) -> nn.Module:
    """Build D on the CPU; its initial weights are a function of the config."""
    model, shape = config.model, image_shape(config)
    with _initialized_from(torch_seed(config.seed, network=1)):
        if isinstance(model, sections.MlpConfig):
            inputs = math.prod(shape) + (_LABEL_DIM if model.conditional else 0)
            network = mlp_discriminator(model.discriminator, inputs)
            if model.conditional:
                network = ConditionalDiscriminator(network, len(model.classes))
        else:
            network = layers = dcgan_discriminator(model.discriminator, shape)
            if model.conditional:
                network = ProjectionDiscriminator(layers, len(model.classes))
        network = network.apply(_init_normal) if model.init == "normal" else network
        # Spectral norm comes last, so that initialization sees the plain layers' weights.
        return network.apply(_spectral_norm) if model.discriminator.spectral_norm else network


def image_shape(config: RunConfig) -> Shape:
    """C, H, W of a config's images."""
    return (config.data.channels, config.data.image_size, config.data.image_size)


def largest_layer(config: RunConfig) -> int:
    """The numbers that one image takes in the layer of G with the largest output."""
    model, shape = config.model, image_shape(config)
    if isinstance(model, sections.MlpConfig):
        return max(*model.generator.widths, math.prod(shape))
    # Each stage has half the channels and four times the pixels of the one before.
    return max(model.generator.width * (shape[1] // 2) ** 2, math.prod(shape))


def count_parameters(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


@torch.no_grad()
def generate(generator: nn.Module, z: Tensor, labels: LabelInput, pixels: PixelRange) -> Tensor:
    """Generate uint8 images N x C x H x W; leaves G's mode and gradients unchanged.

    Args:
        generator: G.
        z: float32 N x latent_dim.
        labels: see :data:`LabelInput`.
        pixels: range of G's output.
    """
    # In training mode, BatchNorm would use the statistics of this batch, and an image would depend
    # on the others in it (soumith/dcgan.torch#19).
    training = generator.training
    generator.eval()
    try:
        return pixels.to_uint8(generator(z, *labels))
    finally:
        generator.train(training)


# Fully connected -------------------------------------------------------------------------------


def mlp_generator(config: sections.MlpGeneratorConfig, inputs: int, shape: Shape) -> nn.Module:
    """For each width: Linear (-> BatchNorm) -> activation; then Linear -> tanh or sigmoid.

    BatchNorm: Ioffe & Szegedy 2015.
    """
    layers: list[nn.Module] = []
    for width in config.widths:
        batch_norm = config.norm == "batch"
        layers.append(nn.Linear(inputs, width, bias=not batch_norm))  # BatchNorm has a bias
        layers += [nn.BatchNorm1d(width)] if batch_norm else []
        layers.append(_activation(config.activation, config.slope))
        inputs = width
    # No BatchNorm on the output: Radford et al. 2016, section 3, found training unstable with it.
    last = nn.Linear(inputs, math.prod(shape))
    return nn.Sequential(*layers, last, _output(config.output), nn.Unflatten(1, shape))


def mlp_discriminator(config: sections.MlpDiscriminatorConfig, inputs: int) -> nn.Module:
    """For each width: Linear -> activation; then Linear to one logit."""
    layers: list[nn.Module] = [nn.Flatten()]
    for width in config.widths:
        layers += [nn.Linear(inputs, width), _activation(config.activation, config.slope)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 1), nn.Flatten(0))


# Convolutional ---------------------------------------------------------------------------------


def dcgan_generator(config: sections.DcganGeneratorConfig, inputs: int, shape: Shape) -> nn.Module:
    """FC -> BatchNorm -> ReLU, then transposed convolutions (kernel 4) that double the side.

    After Radford et al. 2016 ("Unsupervised Representation Learning with Deep Convolutional
    GANs"), section 3. The number of stages depends on the image size; see :func:`stages`.
    """
    channels, size, _ = shape
    count = stages(size)
    start = size >> count  # side of the first feature maps
    width = config.width << (count - 1)
    # No biases before BatchNorm, which has its own.
    layers: list[nn.Module] = [
        nn.Linear(inputs, width * start * start, bias=False),
        nn.Unflatten(1, (width, start, start)),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    ]
    # Kernel 4, as in its authors' torch code (5 in the paper's figure 1): a kernel size that the
    # stride does not divide causes checkerboard patterns (Odena et al. 2016, "Deconvolution and
    # Checkerboard Artifacts").
    for _ in range(count - 1):
        layers += [
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(inplace=True),
        ]
        width //= 2
    # No BatchNorm on the output, as in the paper.
    return nn.Sequential(
        *layers, nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1), _output(config.output)
    )


def dcgan_discriminator(config: sections.DcganDiscriminatorConfig, shape: Shape) -> nn.Sequential:
    """Convolutions (kernel 4) that halve the side, each with LeakyReLU; then FC to one logit.

    After Radford et al. 2016, section 3, without BatchNorm.
    """
    # With the paper's BatchNorm, one pass over real and fake images together would mix their
    # statistics, and gradient penalties would not be defined per image (Gulrajani et al. 2017,
    # section 4).
    inputs, size, _ = shape
    count = stages(size)
    layers: list[nn.Module] = []
    for stage in range(count):
        width = config.width << stage
        layers += [
            nn.Conv2d(inputs, width, 4, stride=2, padding=1),
            nn.LeakyReLU(config.slope, inplace=True),
        ]
        inputs = width
    end = size >> count
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * end * end, 1), nn.Flatten(0))


def stages(size: int) -> int:
    """Number of stride-2 layers: at least 2, and more while the side stays whole and at least 4.

    28 -> 14 -> 7, 32 -> 16 -> 8 -> 4, 64 -> 32 -> 16 -> 8 -> 4.
    """
    count = 2
    while size % 2 ** (count + 1) == 0 and size >> (count + 1) >= 4:
        count += 1
    return count


# Conditional -----------------------------------------------------------------------------------


class ConditionalGenerator(nn.Module):
    """A generator with a label embedding appended to z.

    After Mirza & Osindero 2014 ("Conditional Generative Adversarial Nets"), section 3.2.

    Args:
        images: a generator whose input has room for the embedding.
        classes: number of classes.
    """

    def __init__(self, images: nn.Module, classes: int) -> None:
        super().__init__()
        self.images = images
        self.labels = nn.Embedding(classes, _LABEL_DIM)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images of z (N x latent_dim) and labels.

        Labels are int64 N, or float32 N x classes: the weight of each class's embedding.
        """
        # A walk from class to class interpolates embeddings, so its labels are weights of classes.
        embedding = self.labels.weight
        embedded = labels @ embedding if labels.is_floating_point() else self.labels(labels)
        images: Tensor = self.images(torch.cat((z, embedded), dim=1))
        return images


class ConditionalDiscriminator(nn.Module):
    """A discriminator with a label embedding appended to the pixels.

    After Mirza & Osindero 2014 ("Conditional Generative Adversarial Nets"), section 3.2.

    Spectral normalization does not apply to the embedding: it bounds how fast the logit changes
    with the image.

    Args:
        logits: a fully connected discriminator whose input has room for the embedding.
        classes: number of classes.
    """

    def __init__(self, logits: nn.Module, classes: int) -> None:
        super().__init__()
        self.logits = logits
        self.labels = nn.Embedding(classes, _LABEL_DIM)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """N logits of images and their labels, int64 N."""
        logits: Tensor = self.logits(torch.cat((images.flatten(1), self.labels(labels)), dim=1))
        return logits


class ProjectionDiscriminator(nn.Module):
    """A discriminator whose logit is l(f) + f . v_y, of features f and a label y.

    After Miyato & Koyama 2018 ("cGANs with Projection Discriminator", equation 3). The paper sums
    the features over their positions; here each position keeps its own weights.

    Args:
        layers: a discriminator that ends in Linear -> Flatten.
        classes: number of classes.
    """

    def __init__(self, layers: nn.Sequential, classes: int) -> None:
        super().__init__()
        *features, last, self.flatten = layers
        assert isinstance(last, nn.Linear)
        self.features = nn.Sequential(*features)
        self.logits = last
        # One v per class. They are the weight of a Linear and not an Embedding, because spectral
        # normalization has to include them: the image affects the logit through f . v, too.
        self.vectors = nn.Linear(last.in_features, classes, bias=False)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """N logits of images and their labels, int64 N."""
        features = self.features(images)
        projected = self.vectors(features).gather(1, labels[:, None])
        logits: Tensor = self.flatten(self.logits(features) + projected)
        return logits


# Pieces ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _initialized_from(seed: int) -> Iterator[None]:
    """Seed torch's global random generator inside the context, and restore its state afterward."""
    # torch's layers take no generator of their own to initialize weights from.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # manual_seed() would seed GPUs, too
        yield


def _activation(name: sections.Activation, slope: float) -> nn.Module:
    return nn.ReLU(inplace=True) if name == "relu" else nn.LeakyReLU(slope, inplace=True)


def _output(name: sections.OutputRange) -> nn.Module:
    return nn.Tanh() if name == "tanh" else nn.Sigmoid()


def _init_normal(module: nn.Module) -> None:
    """N(0, 0.02) for weights (Radford et al. 2016, section 4).

    N(1, 0.02) for BatchNorm's weights and 0 for biases are not in the paper but in its code.
    """
    # Embeddings keep torch's N(0, 1), which is the scale of the z that G's are appended to.
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _spectral_norm(module: nn.Module) -> None:
    """Add torch's spectral normalization (Miyato et al. 2018, algorithm 1)."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        spectral_norm(module)
