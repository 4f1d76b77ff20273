"""Data sets by name: images and labels, held as one tensor.

Whatever the source, the result is an :class:`ImageSet`: uint8 images N x C x H x W at the size and
with the channels asked for. Files are checked before they are used, and a folder that is complete
is never written to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
import torch.nn.functional as F
from torch import Tensor

from mnistgan.config import DataConfig
from mnistgan.errors import DataError
from mnistgan.idx import read_idx
from mnistgan.npz import read_npz

_DIGIT_NAMES = tuple("0123456789")


@dataclass(frozen=True)
class ImageSet:
    """Images to train on.

    Attributes:
        images: uint8, N x C x H x W.
        labels: int64, N, or None where the source has none.
        classes: the name of each label, in order; empty without labels.
        source: where the images came from, for people.
    """

    images: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]
    source: str

    def __len__(self) -> int:
        return len(self.images)


def load(config: DataConfig) -> ImageSet:
    """Load the data set that a config names, at its size and with its channels.

    Raises:
        DataError: the data is missing and cannot be downloaded, or is damaged.
    """
    if config.name in _LOADERS:
        raw = _LOADERS[config.name](data_root(config))
    else:
        raw = _load_npz(Path(config.name).expanduser())
    images = resize(recolour(raw.images, config.channels), config.image_size)
    return ImageSet(images, raw.labels, raw.classes, raw.source)


def data_root(config: DataConfig) -> Path:
    """The folder that holds the data sets: the config's, else $MNISTGAN_DATA, else the user's."""
    given = config.root or os.environ.get("MNISTGAN_DATA")
    return Path(given).expanduser() if given else platformdirs.user_data_path("mnistgan")


def recolour(images: Tensor, channels: int) -> Tensor:
    """uint8 images with 1 or 3 channels; colour becomes grey by ITU-R BT.601's luma weights."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1).contiguous()
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    pieces = [(piece * luma).sum(1, keepdim=True).round_() for piece in images.split(4096)]
    return torch.cat([piece.to(torch.uint8) for piece in pieces])


def resize(images: Tensor, size: int) -> Tensor:
    """Square uint8 images at another side, bicubic with antialiasing, N x C x size x size."""
    if images.shape[-1] == size:
        return images
    result = torch.empty((*images.shape[:2], size, size), dtype=torch.uint8)
    # In pieces: as float32 the whole set would take four times its memory.
    for source, target in zip(images.split(4096), result.split(4096), strict=True):
        scaled = F.interpolate(
            source.to(torch.float32), (size, size), mode="bicubic", antialias=True
        )
        target.copy_(scaled.round_().clamp_(0, 255))
    return result


# Embedded digits -------------------------------------------------------------------------------


def _load_digits(_root: Path) -> ImageSet:
    """scikit-learn's 1,797 handwritten digits, 8x8 with 17 grey levels (Alpaydin & Kaynak 1998)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(np.rint(bunch.images * (255 / 16)).astype(np.uint8))
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    return ImageSet(images.unsqueeze(1), labels, _DIGIT_NAMES, "digits (scikit-learn)")


# Files of one's own ----------------------------------------------------------------------------


def _load_npz(path: Path) -> ImageSet:
    """Images of a file, and its labels with their numbers as names."""
    images, labels = read_npz(path)
    if images.shape[2] != images.shape[3]:
        height, width = images.shape[2:]
        raise DataError(f"{path}: its images are {height} x {width}; make them square first")
    classes = () if labels is None else tuple(map(str, range(int(labels.max()) + 1)))
    return ImageSet(
        torch.from_numpy(images),
        None if labels is None else torch.from_numpy(labels),
        classes,
        str(path),
    )


# MNIST -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Archive:
    """One of MNIST's four files: its name, and the MD5 of both forms it may lie there in."""

    name: str
    md5: str
    md5_gz: str
    size: int

    def find(self, folder: Path) -> Path | None:
        """The file in the folder, extracted or gzipped, after checking it; None if missing.

        Raises:
            DataError: the file is there, but is not what was published.
        """
        for path, md5 in (
            (folder / self.name, self.md5),
            (folder / f"{self.name}.gz", self.md5_gz),
        ):
            if path.is_file():
                self._check(path, md5)
                return path
        return None

    def _check(self, path: Path, md5: str) -> None:
        if path.suffix != ".gz" and path.stat().st_size != self.size:
            trouble = f"is {path.stat().st_size:,} bytes long where {self.size:,} are right"
        elif hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != md5:
            trouble = "does not have the published checksum"
        else:
            return
        raise DataError(
            f"{path}: is damaged: it {trouble}; delete it and run again to fetch it anew"
        )


_TRAIN_IMAGES = _Archive(
    "train-images-idx3-ubyte",
    "6bbc9ace898e44ae57da46a324031adb",
    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    47_040_016,
)
_TRAIN_LABELS = _Archive(
    "train-labels-idx1-ubyte",
    "a25bea736e30d166cdddb491f175f624",
    "d53e105ee54ea40749a09fcbcd1e9432",
    60_008,
)
_TEST_IMAGES = _Archive(
    "t10k-images-idx3-ubyte",
    "2646ac647ad5339dbf082846283269ea",
    "9fb629c4189551a2d022fa330f9573f3",
    7_840_016,
)
_TEST_LABELS = _Archive(
    "t10k-labels-idx1-ubyte",
    "27ae3e4e09519cfbb04c329615203637",
    "ec29112dd5afa0611ce80d1b7f02629c",
    10_008,
)
MNIST_FILES = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)


def _load_mnist(root: Path) -> ImageSet:
    """The 60,000 training images of MNIST (LeCun et al. 1998), in torchvision's folder layout."""
    folder = root / "MNIST" / "raw"
    wanted = (_TRAIN_IMAGES, _TRAIN_LABELS)
    found = [path for archive in wanted if (path := archive.find(folder))]
    if len(found) < len(wanted):
        _download_mnist(root)
        found = [path for archive in wanted if (path := archive.find(folder))]
    if len(found) < len(wanted):
        raise _missing_mnist(folder, "the download left files out")
    images, labels = (read_idx(path) for path in found)
    return ImageSet(
        torch.from_numpy(images).unsqueeze(1),
        torch.from_numpy(labels.astype(np.int64)),
        _DIGIT_NAMES,
        f"mnist ({folder})",
    )


def _download_mnist(root: Path) -> None:
    """Let torchvision fetch what is missing, from its own mirrors, with its own checks."""
    from mnistgan.torchvision_import import import_datasets

    datasets = import_datasets()
    try:
        with _network_timeout(30):
            datasets.MNIST(root, download=True)
    except (OSError, RuntimeError, EOFError) as error:
        for folder in (root / "MNIST" / "raw", root / "MNIST", root):
            with contextlib.suppress(OSError):
                folder.rmdir()  # of what torchvision made, only what it left empty
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise _missing_mnist(root / "MNIST" / "raw", reason) from error


def _missing_mnist(folder: Path, reason: str) -> DataError:
    names = ", ".join(f"{archive.name}.gz" for archive in MNIST_FILES)
    return DataError(
        f"MNIST is not in {folder} and could not be downloaded ({reason}); copy its four files "
        f"there ({names}; any computer on which torchvision downloaded MNIST has them), or name "
        "the folder that holds MNIST/raw with --data-root, or train on the embedded digits with "
        "--data digits"
    )


@contextlib.contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """Torchvision opens its addresses without a time-out; a silent server must not hang us."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


_LOADERS: dict[str, Callable[[Path], ImageSet]] = {"mnist": _load_mnist, "digits": _load_digits}
