"""Synthetic images in MNIST's file layout, for programs that read MNIST."""

from __future__ import annotations

from pathlib import Path

from mnistgan.catalog import DATA_SETS
from mnistgan.config import RunConfig
from mnistgan.errors import UsageError
from mnistgan.models import networks
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import atomic, idx
from mnistgan.synthetic.selection import EVERY, ImageStream, Sampler, Selection

_MNIST = DATA_SETS["mnist"]
_MAX_CLASSES = 256  # a label is one byte


def check(folder: Path, config: RunConfig) -> None:
    """Check that MNIST's files can hold a generator's images, and that they do not exist yet.

    Raises:
        UsageError: the images are not 28 x 28 in gray, or ``folder/MNIST/raw`` is not empty.
    """
    channels, height, width = networks.image_shape(config)
    if (channels, height, width) != (1, _MNIST.side, _MNIST.side):
        color = "gray" if channels == 1 else "color"
        raise UsageError(
            f"the format idx is for images of 28x28 in gray; this generator makes {height}x{width} "
            f"in {color}: use --format npz"
        )
    atomic.check_folder(folder / _MNIST.folder, empty=True)


def write(
    folder: Path,
    sampler: Sampler,
    train: int,
    test: int,
    selection: Selection = EVERY,
    on_progress: OnProgress = no_progress,
) -> None:
    """Write ``folder/MNIST/raw``, which ``torchvision.datasets.MNIST(folder)`` loads.

    No sample is in both splits: the test split starts after the last sample of the training split.

    Args:
        folder: checked with :func:`check`; created if it is missing.
        sampler: makes images and labels.
        train: number of training images.
        test: number of test images.
        selection: which samples to keep, in each split on its own; by default all.
        on_progress: called after each block, for each split on its own.

    Raises:
        UsageError: the folder is not writable, or there are too many classes.
        MnistganError: the generator makes no more images that pass the selection.
    """
    assert sampler.classes
    if len(sampler.classes) > _MAX_CLASSES:
        raise UsageError(
            f"the format idx has room for {_MAX_CLASSES} classes, not for "
            f"{len(sampler.classes)}: use --format npz"
        )
    target = folder / _MNIST.folder
    atomic.check_folder(target, empty=True)
    with atomic.atomic_folder(target) as raw:
        start = 0
        for split, count in ((_MNIST.train, train), (_MNIST.test, test)):
            assert split is not None
            stream = ImageStream(sampler, count, start, selection, on_progress)
            _write_split(raw / split.images, raw / split.labels, stream)
            start = stream.stop


def _write_split(images_path: Path, labels_path: Path, stream: ImageStream) -> None:
    side = _MNIST.side
    with images_path.open("wb") as images_file, labels_path.open("wb") as labels_file:
        images_file.write(idx.header((stream.count, side, side)))
        labels_file.write(idx.header((stream.count,)))
        for images, labels in stream:
            assert labels is not None
            images_file.write(images.tobytes())
            labels_file.write(labels.astype("u1").tobytes())
