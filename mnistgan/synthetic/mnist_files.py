"""Synthetic images in the place and the form of MNIST's files, for programs that read those."""

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
_MOST_CLASSES = 256  # a label is one byte


def check(folder: Path, config: RunConfig) -> None:
    """Refuse, before any work, what MNIST's files cannot hold, and a folder that has them.

    Raises:
        UsageError: with what to do instead.
    """
    channels, height, width = networks.image_shape(config)
    if (channels, height, width) != (1, _MNIST.side, _MNIST.side):
        colour = "grey" if channels == 1 else "colour"
        raise UsageError(
            f"the format idx is for images of 28x28 in grey; this generator makes {height}x{width} "
            f"in {colour}: use --format npz"
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

    No sample is in both parts: the test images are drawn behind the last one of the training.

    Args:
        folder: checked with :func:`check`; made if it is not there.
        sampler: of the images, with labels.
        train: how many images the training part gets.
        test: how many the test part gets.
        selection: which samples are taken, in each part for itself; by default all.
        on_progress: called with the images of both parts.

    Raises:
        UsageError: the folder cannot be written, or there are too many classes.
        MnistganError: what the rule asks for does not come.
    """
    assert sampler.classes
    if len(sampler.classes) > _MOST_CLASSES:
        raise UsageError(
            f"the format idx has room for {_MOST_CLASSES} classes, not for "
            f"{len(sampler.classes)}: use --format npz"
        )
    target = folder / _MNIST.folder
    atomic.check_folder(target, empty=True)
    with atomic.atomic_folder(target) as raw:
        start = 0
        for part, count in ((_MNIST.train, train), (_MNIST.test, test)):
            assert part is not None
            stream = ImageStream(sampler, count, start, selection, on_progress)
            _write_part(raw / part.images, raw / part.labels, stream)
            start = stream.stop


def _write_part(images_path: Path, labels_path: Path, stream: ImageStream) -> None:
    side = _MNIST.side
    with images_path.open("wb") as images_file, labels_path.open("wb") as labels_file:
        images_file.write(idx.header((stream.count, side, side)))
        labels_file.write(idx.header((stream.count,)))
        for images, labels in stream:
            assert labels is not None
            images_file.write(images.tobytes())
            labels_file.write(labels.astype("u1").tobytes())
