"""The small convolutional classifier whose features and predictions the measures use.

Its weights for MNIST ship with the package, so that figures can be compared between runs, machines
and papers; ``benchmarks/train_classifier.py`` trained them. For another labeled data set, a
classifier is trained on first use and cached.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnistgan.arrays import Images, Labels
from mnistgan.catalog import DATA_SETS
from mnistgan.datasets import ImageSet
from mnistgan.errors import FileFormatError
from mnistgan.models import noise
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.storage import atomic, tensor_zip

FEATURES = 128  # length of the feature vector
# Name of MNIST's classifier. The names of others end with the start of their data's digest. Other
# weights need another name: figures of different weights cannot be compared.
SHIPPED = "mnistgan-lenet-v1"
SHIPPED_CLASSES = DATA_SETS["mnist"].classes

_TRAIN_BATCH = 128
_TRAIN_EPOCHS = 6
_TRAIN_STEPS = 2000  # minimum; a small set gets more epochs
# Batch size for inference; fixed, because matrix products of another shape may round differently.
_BATCH = 500
_FORMAT = "mnistgan-classifier"
_SHIFT = 2  # pixels, in images of 28 x 28


@dataclass(frozen=True)
class Predictions:
    """A classifier's output for some images.

    Attributes:
        features: float64, N x 128.
        probabilities: float64, N x classes.
    """

    features: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]

    @cached_property
    def labels(self) -> Labels:
        """The most probable class of each image, int64 N."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def confidences(self) -> npt.NDArray[np.float64]:
        """The probability of that class, float64 N."""
        return np.asarray(self.probabilities.max(axis=1))


class LeNet(nn.Module):
    """Three convolutions and two linear layers, with BatchNorm, ReLU and max pooling.

    A modern form of LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document
    recognition", section II.B).

    Args:
        channels: channels of the images, which may have any size from 12 x 12 pixels.
        classes: number of logits.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_convolution(channels, 16, kernel=5), nn.MaxPool2d(2),
            *_convolution(16, 32, kernel=5), nn.MaxPool2d(2),
            *_convolution(32, 64, kernel=3), nn.AdaptiveMaxPool2d(3), nn.Flatten(),
        )  # fmt: skip
        self.features = nn.Sequential(
            nn.Linear(64 * 9, FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.ReLU(inplace=True)
        )
        self.logits = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features N x 128 and logits N x classes of images in [-1, 1]."""
        features = self.features(self.convolutions(images))
        return features, self.logits(features)

    def predict(
        self, images: Images, what: str = "classifying", on_progress: OnProgress = no_progress
    ) -> Predictions:
        """Classify images, uint8 N x C x H x W; the network must be in evaluation mode.

        The result for an image does not depend on the other images: all batches have the same size,
        and the last one is padded.
        """
        # Two arrays filled batch by batch, for the reason given in sampling.blocks.sample_labeled.
        features = np.empty((len(images), FEATURES))
        probabilities = np.empty((len(images), self.logits.out_features))
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            padding = np.zeros((_BATCH - len(batch), *batch.shape[1:]), np.uint8)
            found = self.predict_batch(np.concatenate((batch, padding)))
            features[start : start + _BATCH] = found.features[: len(batch)]
            probabilities[start : start + _BATCH] = found.probabilities[: len(batch)]
            on_progress(Progress(what, start + len(batch), len(images)))
        return Predictions(features, probabilities)

    @torch.no_grad()
    def predict_batch(self, images: Images) -> Predictions:
        """Classify images as a single batch, without padding: faster for a few images.

        The last digits of the result may depend on the size of the batch.
        """
        # np.array makes a copy, because torch warns about read-only arrays.
        features, logits = self(_scaled(torch.from_numpy(np.array(images))))
        return Predictions(features.double().numpy(), logits.double().softmax(dim=1).numpy())


@dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Attributes:
        network: the network, in evaluation mode, on the CPU.
        name: name, reported with each result.
        sha256: digest of its file, reported with each result: other weights give other figures.
        accuracy: accuracy on held-out images, in [0, 1]; None if there were none.
    """

    network: LeNet
    name: str
    sha256: str
    accuracy: float | None


def _convolution(inputs: int, outputs: int, kernel: int) -> tuple[nn.Module, ...]:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _scaled(images: Tensor) -> Tensor:
    return images.to(torch.float32).div_(127.5).sub_(1)


# Training --------------------------------------------------------------------------------------


def fit(
    data: ImageSet,
    seed: int = 0,
    on_progress: OnProgress = no_progress,
    *,
    epochs: int | None = None,
) -> LeNet:
    """Train a classifier on labeled images.

    AdamW with the one-cycle learning rate policy (Smith & Topin 2019), images shifted by up to two
    pixels, and the average of the weights over the last third of the steps (Izmailov et al. 2018).
    The same data and seed give the same weights with the same build of torch and number of threads.

    Args:
        data: labeled images.
        seed: seed of the weights, the order and the shifts.
        on_progress: called every 20 steps.
        epochs: by default 6, and up to 60 for a small set.
    """
    assert data.labels is not None
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    epochs = epochs or max(_TRAIN_EPOCHS, min(60, _TRAIN_STEPS * _TRAIN_BATCH // len(data)))
    # torch's layers draw their initial weights from the global generator, so it is seeded here and
    # restored afterward.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(noise.torch_seed(seed, network=2))
        network = LeNet(images.shape[1], len(data.classes))
    steps_per_epoch = max(1, len(data) // _TRAIN_BATCH)
    steps = epochs * steps_per_epoch
    adam = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=6e-3, total_steps=steps)
    average = torch.optim.swa_utils.AveragedModel(network, use_buffers=True)
    network.train()
    for step in range(steps):
        epoch, position = divmod(step, steps_per_epoch)
        if position == 0:
            order = noise.rng(seed, noise.Stream.CLASSIFIER, 2 * epoch).permutation(len(data))
            batches = torch.from_numpy(order).split(_TRAIN_BATCH)
        rows = batches[position]
        rng = noise.rng(seed, noise.Stream.CLASSIFIER, 2 * step + 1)
        _, logits = network(_shifted(_scaled(images[rows]), rng))
        adam.zero_grad(set_to_none=True)
        F.cross_entropy(logits, labels[rows]).backward()
        adam.step()
        schedule.step()
        # use_buffers above: BatchNorm's statistics must match the averaged weights.
        if step >= steps - steps // 3:
            average.update_parameters(network)
        if step % 20 == 0 or step + 1 == steps:
            on_progress(Progress("training the classifier", step + 1, steps, "steps"))
    network.load_state_dict(average.module.state_dict())
    return network.eval()


def _shifted(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Shift each image by its own random number of pixels, and fill with black (-1)."""
    # One indexing operation for the whole batch, instead of a loop over images.
    count, channels, size, _ = images.shape
    reach = max(1, round(_SHIFT * size / 28))
    padded = F.pad(images, (reach,) * 4, value=-1.0)
    moves = torch.from_numpy(rng.integers(0, 2 * reach + 1, (2, count, 1)))
    rows, columns = moves + torch.arange(size)
    index = torch.arange(count).view(-1, 1, 1, 1)
    channel = torch.arange(channels).view(1, -1, 1, 1)
    return padded[index, channel, rows[:, None, :, None], columns[:, None, None, :]]


def accuracy(network: LeNet, data: ImageSet) -> float:
    """The share of images whose most probable class is their label, in [0, 1]."""
    predictions = network.predict(data.images, "testing the classifier")
    return float((predictions.labels == data.labels).mean())


# Files -----------------------------------------------------------------------------------------


def save(path: Path, network: LeNet, tested: float | None) -> None:
    """Write a classifier as a tensor archive (see :mod:`mnistgan.storage.tensor_zip`)."""
    weights = network.state_dict()
    tensor_zip.write(path, {"format": _FORMAT, "weights": weights, "accuracy": tested})


def load(path: Path, name: str) -> Classifier:
    """Read a classifier from :func:`save`.

    Raises:
        FileFormatError: the file is missing, damaged or not a classifier.
    """
    content = tensor_zip.read(path)
    try:
        if content["format"] != _FORMAT:
            raise KeyError("format")
        weights = content["weights"]
        network = LeNet(weights["convolutions.0.weight"].shape[1], len(weights["logits.bias"]))
        network.load_state_dict(weights)
    except (KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path}: is not a classifier; delete it and run again") from error
    return Classifier(network.eval(), name, atomic.sha256(path), content.get("accuracy"))


def shipped() -> Classifier:
    """The classifier that ships with the package: MNIST's digits, 28 x 28, gray."""
    return load(Path(__file__).with_name(f"{SHIPPED}.pt"), SHIPPED)
