"""Projection: find the z for which a generator's image is most like a given image.

Minimizes mean((G(z) - x)^2) + 0.001 mean(z^2), pixels in [0, 1], by L-BFGS from several starts.
Inversion by gradient descent follows Creswell & Bharath 2018 ("Inverting the Generator of a
Generative Adversarial Network") and Lipton & Tripathi 2017 ("Precise Recovery of Latent Vectors
from Generative Adversarial Networks").
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.models import networks, noise
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.sampling.generator import Generator, UnitImages

# Weight of mean(z^2), which is the negative log-density of z up to scale. Without it |z| grows to
# three times the length that G was trained on, for an error only a sixth smaller; with it, real
# digits end near the typical length, sqrt(latent_dim).
_PRIOR = 1e-3
_CANDIDATES = 512  # random z, divided among the classes; the best become the starts
# For a conditional generator, every class gets a few short descents; the best are continued.
_TRIAL_STEPS = 100
_TRIALS_PER_CLASS = 2
# A negative has to be this much nearer than the picture, by the mean square. A trained generator's
# nearest image to a test image of MNIST is at least four times as near as to its negative. One that
# draws gray, such as an untrained one, is about as near to both; then nothing is inverted.
_CLEARLY_NEARER = 0.8
_MAX_CLASSES = 100  # all classes are tried in one batch, which takes memory


@dataclass(frozen=True)
class ProjectionOptions:
    """Options of the search for z.

    Attributes:
        restarts: number of starts; the best result is kept.
        steps: maximum number of forward and backward passes; each takes all starts as one batch.
        seed: seed of the starts.
        label: class for a conditional generator; None selects the class that fits best.
    """

    restarts: int = 8
    steps: int = 300
    seed: int = 0
    label: int | None = None


_DEFAULT = ProjectionOptions()


@dataclass(frozen=True)
class NamedImage:
    """An image to project.

    Attributes:
        name: name for messages.
        pixels: uint8, C x H x W.
        is_inverted: whether the pixels are the negative of the picture of this name.
    """

    name: str
    pixels: Images
    is_inverted: bool = False


@dataclass(frozen=True)
class Projection:
    """The result of a projection.

    Attributes:
        target: the image that was projected.
        z: float32, latent_dim.
        label: class number; None for an unconditional generator.
        class_name: name of that class, or None.
        image: G's image of z and label, uint8 C x H x W.
        rms: root mean square difference between image and target, pixels in [0, 1].
    """

    target: NamedImage
    z: Tensor
    label: int | None
    class_name: str | None
    image: Images
    rms: float

    @property
    def length(self) -> float:
        """|z|; for Gaussian noise it is close to sqrt(latent_dim)."""
        return float(self.z.norm())


# enable_grad: a caller inside torch.no_grad() would get no gradients.
@torch.enable_grad()
def project(
    generator: Generator,
    images: Sequence[NamedImage],
    options: ProjectionOptions = _DEFAULT,
    on_progress: OnProgress = no_progress,
) -> list[Projection]:
    """Find each image in a generator's latent space, independently of the others.

    Args:
        generator: on any device; its weights do not change.
        images: images of the generator's shape.
        options: options of the search.
        on_progress: called after each step.

    Raises:
        UsageError: an image has another shape, the class does not exist, there are too many classes
            to try, or the generator's gradients are not finite.
    """
    shape = networks.image_shape(generator.config)
    for image in images:
        if image.pixels.shape != shape:
            raise UsageError(f"{image.name}: give an image of shape {shape}")
    if options.label is not None and not 0 <= options.label < len(generator.classes):
        raise UsageError(f"no class {options.label} among {len(generator.classes)} classes")
    # Planned steps per image. A descent may converge early; progress then jumps to its end.
    each = options.steps + (_TRIAL_STEPS if len(_labels(generator, options)) > 1 else 0)
    found: list[Projection] = []

    def on_step(step: int) -> None:
        done = len(found) * each + step
        on_progress(Progress("projecting", done, len(images) * each, "steps"))

    for image in images:
        found.append(_project(generator, image, options, on_step))
    return found


def fit_better(
    generator: Generator,
    others: Sequence[NamedImage],
    images: Sequence[NamedImage],
    options: ProjectionOptions = _DEFAULT,
) -> list[bool]:
    """Whether each of the others is clearly more like the generator's images than its image is.

    Compares with the nearest of the random images from which :func:`project` starts.

    Args:
        generator: the generator.
        others: another version of each image, such as its negative.
        images: images of the generator's shape.
        options: options of the search.

    Raises:
        UsageError: there are too many classes to try.
    """
    z, labels = _candidates(generator, options)
    made = generator(z, labels if generator.classes else None).astype(np.float32)

    def distance(pixels: Images) -> float:
        return float(((made - pixels) ** 2).mean(axis=(1, 2, 3)).min())

    return [
        distance(other.pixels) < _CLEARLY_NEARER * distance(image.pixels)
        for other, image in zip(others, images, strict=True)
    ]


def _labels(generator: Generator, options: ProjectionOptions) -> Sequence[int]:
    """The labels to try; for an unconditional generator [0], which is not used."""
    if options.label is not None:
        return [options.label]
    count = len(generator.classes)
    if count > _MAX_CLASSES:
        raise UsageError(f"this generator has {count:,} classes, too many to try; set --digit")
    return range(max(1, count))


def _candidates(generator: Generator, options: ProjectionOptions) -> tuple[Tensor, Tensor]:
    """Random z to start from and their labels, class by class; each class has the same z."""
    labels = _labels(generator, options)
    count = max(options.restarts, _CANDIDATES // len(labels))
    shape = (count, generator.config.model.latent_dim)
    z = noise.normal(options.seed, noise.Stream.PROJECTION, 0, shape)
    return z.repeat(len(labels), 1), torch.tensor(labels).repeat_interleave(count)


def _project(
    generator: Generator,
    target: NamedImage,
    options: ProjectionOptions,
    on_step: Callable[[int], None],
) -> Projection:
    device = next(generator.network.parameters()).device
    x = torch.from_numpy(target.pixels / np.float32(255)).to(device)
    unit_images = UnitImages(generator)

    def loss(z: Tensor, labels: Tensor) -> Tensor:
        difference: Tensor = unit_images(z, labels if generator.classes else None) - x
        return difference.square().flatten(1).mean(1) + _PRIOR * z.square().mean(1)

    z, labels = (one.to(device) for one in _candidates(generator, options))
    classes, starts, before = len(_labels(generator, options)), options.restarts, 0
    if classes > 1:
        starts = max(_TRIALS_PER_CLASS, math.ceil(options.restarts / classes))
    # Stable sorts: equal losses give the same starts on every machine.
    with torch.no_grad():
        nearest = loss(z, labels).view(classes, -1).argsort(dim=1, stable=True)[:, :starts]
    first = torch.arange(classes, device=device)[:, None] * (len(z) // classes)
    rows = (first + nearest).flatten()
    z, labels = z[rows], labels[rows]
    if classes > 1:
        z, losses = _descend(loss, z, labels, _TRIAL_STEPS, on_step)
        rows = losses.argsort(stable=True)[: options.restarts]
        z, labels, before = z[rows], labels[rows], _TRIAL_STEPS
    z, losses = _descend(loss, z, labels, options.steps, lambda step: on_step(before + step))
    best = losses.argmin()[None]
    z, label = z[best], labels[best] if generator.classes else None
    image = generator(z, label)[0]
    difference = (image.astype(np.float64) - target.pixels) / 255
    rms = float(np.sqrt((difference**2).mean()))
    number = None if label is None else int(label)
    name = None if number is None else generator.classes[number]
    return Projection(target, z[0].cpu(), number, name, image, rms)


def _descend(
    loss: Callable[[Tensor, Tensor], Tensor],
    z: Tensor,
    labels: Tensor,
    steps: int,
    on_step: Callable[[int], None],
) -> tuple[Tensor, Tensor]:
    """Minimize the loss from each of N starts; returns the N results and their losses."""
    z = z.clone().requires_grad_()
    # One L-BFGS over all starts as a single variable, their losses added up. Measured with a
    # generator of the preset `fast` and ten test images of MNIST: mean loss 0.0064 after 0.6 s per
    # image; one L-BFGS per start: 0.0069 after 0.8 s; one with a line search per row: 0.0065 after
    # 0.5 s.
    optimizer = torch.optim.LBFGS(
        [z], max_iter=steps, max_eval=steps, history_size=10, line_search_fn="strong_wolfe"
    )
    passes = itertools.count(1)

    def closure() -> float:
        total = loss(z, labels).sum()
        # Not backward(), which would also compute the gradients of G's weights, and keep them.
        (z.grad,) = torch.autograd.grad(total, z)
        if not torch.stack((total, z.grad.abs().sum())).isfinite().all():
            raise UsageError("the gradients of this generator are not finite; use another one")
        on_step(min(next(passes), steps))  # the last line search may exceed max_eval
        return total.item()

    optimizer.step(closure)
    with torch.no_grad():
        return z.detach(), loss(z, labels)
