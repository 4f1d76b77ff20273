"""Synthetic images in MNIST's file layout, for programs that read MNIST."""

from pathlib import Path

from mnistgan.catalog import DATA_SETS
from mnistgan.config import RunConfig
from mnistgan.errors import UsageError
from mnistgan.models import networks
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import atomic, idx
from mnistgan.synthetic.selection import ImageStream, Sampler

_MNIST = DATA_SETS["mnist"]
_MAX_CLASSES = 256  # a label in the IDX format is one byte


def check(folder: Path, config: RunConfig) -> None:
    """Check that MNIST's files can hold a generator's images, and that they do not exist yet.

    Raises:
        UsageError: the images are not 28 x 28 in gray, or ``folder/MNIST/raw`` is not empty.
    """
    channels, height, width = networks.image_shape(config)
    if (channels, height, width) != (1, _MNIST.side, _MNIST.side):
        made = f"{height}x{width} in {'gray' if channels == 1 else 'color'}"
        raise UsageError(f"idx is for gray images of 28x28, not for {made}; use --format npz")
    atomic.check_folder(folder / _MNIST.folder, empty=True)


def write(
    folder: Path,
    sampler: Sampler,
    train: int,
    test: int,
    on_progress: OnProgress = no_progress,
) -> None:
    """Write ``folder/MNIST/raw``, for ``torchvision.datasets.MNIST(folder)``.

    No sample is in both splits: the test split starts after the last sample of the training split.

    Args:
        folder: checked with :func:`check`; created if it is missing.
        sampler: draws images and labels; each split is balanced by itself.
        train: number of training images.
        test: number of test images.
        on_progress: called after each block, with the progress within the split.

    Raises:
        UsageError: the folder is not writable, or there are too many classes.
        MnistganError: the sampler finds no more images to keep.
    """
    assert sampler.classes
    if len(sampler.classes) > _MAX_CLASSES:
        classes = len(sampler.classes)
        raise UsageError(
            f"idx has room for {_MAX_CLASSES} classes, not {classes}; use --format npz"
        )
    target = folder / _MNIST.folder
    # Again, because another process may have written here while a classifier was trained.
    atomic.check_folder(target, empty=True)
    with atomic.atomic_folder(target) as raw:
        position = 0
        for split, count in ((_MNIST.train, train), (_MNIST.test, test)):
            assert split is not None
            # Where one split ends, the next begins. With indices of its own, the test split could
            # repeat training images.
            stream = ImageStream(sampler, count, position, on_progress)
            with (
                (raw / split.images).open("wb") as images_file,
                (raw / split.labels).open("wb") as labels_file,
            ):
                # Not compressed: torchvision.datasets.MNIST reads the files as they are.
                images_file.write(idx.header((count, _MNIST.side, _MNIST.side)))
                labels_file.write(idx.header((count,)))
                for images, labels in stream:
                    assert labels is not None
                    images_file.write(images.tobytes())
                    labels_file.write(labels.astype("u1").tobytes())
            position = stream.position
