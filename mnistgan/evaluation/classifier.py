"""The small convolutional classifier whose features and verdicts the measures are made of.

For MNIST its weights ship with the package, so that figures can be compared between runs, machines
and papers; ``benchmarks/train_classifier.py`` makes them. For another data set with labels one is
trained on the spot and kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnistgan.arrays import Images, Labels
from mnistgan.catalog import DATA_SETS
from mnistgan.errors import FileFormatError
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.storage import tensor_zip

FEATURES = 128
"""Length of the feature vector."""

SHIPPED = "mnistgan-lenet-v1"
"""The classifier of MNIST that comes with the package; others add what they were trained on."""

SHIPPED_CLASSES = DATA_SETS["mnist"].classes

TRAIN_BATCH = 128

_BATCH = 500  # of inference: fixed, because another batch may round differently
_SHIFT = 2  # pixels, for each 28 of the side


class LeNet(nn.Module):
    """Three convolutions and two layers on top, with BatchNorm, ReLU and max pooling.

    After LeCun et al. 1998 ("Gradient-based learning applied to document recognition", section
    II.B), in today's parts.

    Args:
        channels: of the images; their size may be any of at least 12 pixels.
        classes: how many logits.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 16, 5, padding=2, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, padding=2, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.AdaptiveMaxPool2d(3),
            nn.Flatten(),
        )
        self.features = nn.Sequential(
            nn.Linear(64 * 9, FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.ReLU(inplace=True)
        )
        self.logits = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features N x 128 and logits N x classes of images in [-1, 1]."""
        features = self.features(self.convolutions(images))
        return features, self.logits(features)


@dataclass(frozen=True)
class Seen:
    """What the classifier saw in some images.

    Attributes:
        features: float64, N x 128.
        probabilities: float64, N x classes.
    """

    features: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]

    @cached_property
    def labels(self) -> Labels:
        """The most probable class of each image."""
        return np.asarray(self.probabilities.argmax(axis=1))


@dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Attributes:
        network: in evaluation mode, on the CPU.
        name: what stands beside each result.
        sha256: of its weights, which stands there too.
        accuracy: on images it was not trained on; None where there were none.
    """

    network: LeNet
    name: str
    sha256: str
    accuracy: float | None

    def classes_of(self, images: Images) -> Labels:
        """The most probable classes of a few images, uint8 N x C x H x W, at a glance.

        Quicker than :meth:`see`, whose numbers do not depend on what stands beside an image.
        """
        with torch.no_grad():
            _, logits = self.network(_scaled(torch.from_numpy(np.array(images))))
        return np.asarray(logits.argmax(dim=1).numpy())

    def see(
        self, images: Images, what: str = "measuring", on_progress: OnProgress = no_progress
    ) -> Seen:
        """Features and probabilities of images, uint8 N x C x H x W.

        The same for each image whatever stands beside it: blocks have one size, the last is padded.
        """
        features = np.empty((len(images), FEATURES))
        probabilities = np.empty((len(images), self.network.logits.out_features))
        for start in range(0, len(images), _BATCH):
            block = images[start : start + _BATCH]
            padded = np.concatenate(
                (block, np.zeros((_BATCH - len(block), *block.shape[1:]), np.uint8))
            )
            with torch.no_grad():
                seen, logits = self.network(_scaled(torch.from_numpy(padded)))
            end = start + len(block)
            features[start:end] = seen[: len(block)].numpy()
            probabilities[start:end] = logits[: len(block)].double().softmax(dim=1).numpy()
            on_progress(Progress(what, end, len(images)))
        return Seen(features, probabilities)


def _scaled(images: Tensor) -> Tensor:
    return images.to(torch.float32).div_(127.5).sub_(1)


# Training --------------------------------------------------------------------------------------


def fit(
    images: Images,
    labels: Labels,
    classes: int,
    *,
    epochs: int = 6,
    seed: int = 0,
    on_progress: OnProgress = no_progress,
) -> LeNet:
    """Train a classifier on images, uint8 N x C x H x W, and labels, N.

    Adam with one cycle of the learning rate (Smith & Topin 2019), images shifted by up to two
    pixels, and the average of the weights over the last third of the way (Izmailov et al. 2018).
    The same data and seed give the same weights on the same build and thread count.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(noise.torch_seed(seed, network=2))
        network = LeNet(images.shape[1], classes)
    steps_per_epoch = max(1, len(images) // TRAIN_BATCH)
    steps = epochs * steps_per_epoch
    adam = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=6e-3, total_steps=steps)
    average = torch.optim.swa_utils.AveragedModel(network, use_buffers=True)
    network.train()
    tensors = torch.from_numpy(images), torch.from_numpy(labels)
    for step in range(steps):
        epoch, position = divmod(step, steps_per_epoch)
        if position == 0:
            order = noise.rng(seed, Stream.CLASSIFIER, 2 * epoch).permutation(len(images))
        rows = torch.from_numpy(order[position * TRAIN_BATCH : (position + 1) * TRAIN_BATCH])
        batch = _shifted(
            _scaled(tensors[0][rows]), noise.rng(seed, Stream.CLASSIFIER, 2 * step + 1)
        )
        loss = F.cross_entropy(network(batch)[1], tensors[1][rows])
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        schedule.step()
        if step >= steps - steps // 3:
            average.update_parameters(network)
        if step % 20 == 0 or step + 1 == steps:
            on_progress(Progress("training the classifier", step + 1, steps, "steps"))
    network.load_state_dict(average.module.state_dict())
    return network.eval()


def _shifted(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Each image moved by a few pixels of its own, over the colour of empty paper (-1)."""
    count, channels, size, _ = images.shape
    reach = max(1, round(_SHIFT * size / 28))
    padded = F.pad(images, (reach,) * 4, value=-1.0)
    moves = torch.from_numpy(rng.integers(0, 2 * reach + 1, (2, count, 1)))
    rows, columns = moves + torch.arange(size)
    index = torch.arange(count).view(-1, 1, 1, 1)
    channel = torch.arange(channels).view(1, -1, 1, 1)
    return padded[index, channel, rows[:, None, :, None], columns[:, None, None, :]]


def accuracy(network: LeNet, images: Images, labels: Labels) -> float:
    """The share of images whose most probable class is their label."""
    seen = Classifier(network, "", "", None).see(images, "testing the classifier")
    return float((seen.labels == labels).mean())


# Files -----------------------------------------------------------------------------------------


def save(path: Path, network: LeNet, tested: float | None) -> str:
    """Write a classifier as a sealed archive; returns the SHA-256 of the file."""
    tensor_zip.write(path, {"format": _FORM, "weights": network.state_dict(), "accuracy": tested})
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(path: Path, name: str) -> Classifier:
    """Read what :func:`save` wrote.

    Raises:
        FileFormatError: the file is damaged, or is no classifier.
    """
    content = tensor_zip.read(path)
    weights: dict[str, Any] = content.get("weights", {})
    try:
        channels = weights["convolutions.0.weight"].shape[1]
        network = LeNet(channels, len(weights["logits.bias"]))
        network.load_state_dict(weights)
        if content["format"] != _FORM:
            raise KeyError("format")
    except (KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path}: is no classifier; delete it and run again") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Classifier(network.eval(), name, digest, content.get("accuracy"))


def shipped() -> Classifier:
    """The classifier of MNIST that comes with the package: 28x28 in grey, digits 0 to 9."""
    with resources.as_file(resources.files(__package__) / f"{SHIPPED}.pt") as path:
        return load(path, SHIPPED)


_FORM = "mnistgan-classifier"
