"""A PyTorch data set whose images are drawn when they are asked for."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.errors import UsageError
from mnistgan.evaluation.labeler import labeler_for
from mnistgan.models import devices
from mnistgan.rendering.grids import to_picture
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.sampling.sampler import BLOCK, SamplingOptions
from mnistgan.synthetic.selection import Block, Sampler

import_torchvision()  # first: the next line fails where torchvision lacks its operators
from torchvision.datasets import VisionDataset  # noqa: E402

_CACHE_BYTES = 2**26


class SyntheticDigits(VisionDataset):  # type: ignore[misc]  # untyped
    """Images out of a generator, as a map-style data set that takes no room on the disk.

    Item i depends on (seed, i) alone: it is image i of ``mnistgan sample --threads 1`` with that
    seed, whatever was asked for before, here or in a DataLoader's worker. Images are made 256 at a
    time, and the last 64 MiB of them are kept. So read in order: samples are independent of each
    other already, and shuffling more than are kept makes 256 images to use one. With a batch size
    that is a multiple of 256 no two workers make the same ones.

    With ``labels=True`` and a transform it stands in for ``torchvision.datasets.MNIST``, item for
    item. The transform is given a PIL image, as MNIST's is; without one an image is what
    ``ToTensor`` makes of it: float32, C x H x W, in [0, 1]. An item is that image, or with labels a
    pair of it and its class, an int: the one that a conditional generator was asked for, each in
    turn; of another generator's image the most probable one, as the classifier of its data sees it.

    Args:
        source: a generator file, a checkpoint or a run directory; or a loaded generator.
        length: how many items there are; as many more are another seed away.
        seed: of the noise, from 0 to 2**63 - 1.
        transform: called with each image, in the mode L or RGB.
        labels: whether items are pairs of image and label. Where a classifier tells them, MNIST's
            comes with the package; for other data one is trained now, once.
        target_transform: called with each label.

    Attributes:
        classes: the name of each label, in order; empty without labels.

    Raises:
        UsageError: there is no generator, or the length or the seed cannot be.
        DataError: labels are asked for, and the generator's data is not there or has none.
    """

    def __init__(
        self,
        source: Generator | Path | str,
        length: int = 60_000,
        seed: int = 0,
        transform: Callable[[Image.Image], Any] | None = None,
        labels: bool = False,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        if length < 0 or not 0 <= seed < 2**63:
            raise UsageError(
                f"length {length}, seed {seed}: give a length of 0 or more and a seed from 0 to "
                "2**63 - 1"
            )
        generator = source if isinstance(source, Generator) else load_generator(source)
        must_look = labels and not generator.classes
        labeler = labeler_for(generator.config.data) if must_look else None
        super().__init__(transform=transform, target_transform=target_transform)
        self._labels = labels
        self._source = Sampler(generator, SamplingOptions(seed), labeler)
        self.classes = self._source.classes if labels else ()
        self._length = length
        self._block = self._remember()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        """One item; a negative index counts from the end.

        Raises:
            IndexError: there is no such item.
        """
        number = operator.index(index)
        if not -self._length <= number < self._length:
            raise IndexError(f"item {number} of {self._length}")
        block, row = divmod(number % self._length, BLOCK)
        found = self._block(block)
        if self.transform is None:
            image = torch.from_numpy(found.images[row]).to(torch.float32).div_(255)
        else:
            image = self.transform(Image.fromarray(to_picture(found.images[row])))
        if not self._labels:
            return image
        assert found.labels is not None
        label = int(found.labels[row])
        return image, label if self.target_transform is None else self.target_transform(label)

    def _make(self, number: int) -> Block:
        with devices.one_thread():  # as workers compute: another number may round differently
            return self._source.block(number)

    def _remember(self) -> Callable[[int], Block]:
        config = self._source.generator.config.data
        size = BLOCK * config.channels * config.image_size**2
        return functools.lru_cache(maxsize=max(1, _CACHE_BYTES // size))(self._make)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_block"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._block = self._remember()  # a worker that is spawned begins with an empty one
