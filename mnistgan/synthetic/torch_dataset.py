"""A PyTorch data set whose images are drawn on access."""

import functools
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mnistgan import arguments
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.evaluation.labeler import labeler_for
from mnistgan.models import devices
from mnistgan.rendering.grids import to_picture
from mnistgan.sampling.blocks import BLOCK, SamplingOptions
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.synthetic.selection import Block, Sampler

import_torchvision()  # first: the next line fails if torchvision lacks its operators
from torchvision.datasets import VisionDataset  # noqa: E402

_CACHE_BYTES = 2**26


class SyntheticDigits(VisionDataset):  # type: ignore[misc]  # untyped
    """Images from a generator as a map-style data set that needs no disk space.

    Item i depends only on the seed and i: it is image i of ``mnistgan sample --threads 1`` with
    that seed, regardless of earlier accesses, also in the workers of a DataLoader.

    Images are drawn in blocks of 256, and the last 64 MiB of blocks are cached. So read the items
    in order: they are independent of each other, and with ``shuffle=True`` an access outside the
    cache draws 256 images to use one. With a batch size that is a multiple of 256, no two workers
    draw the same block.

    With ``labels=True`` and a transform, it can replace ``torchvision.datasets.MNIST``. The
    transform gets a PIL image, as for MNIST. Without a transform, an image is a tensor as
    ``ToTensor`` returns it: float32, C x H x W, in [0, 1].

    An item is an image or, with labels, a pair of an image and its class as an int. A conditional
    generator draws its classes in turn. Images of another generator get the most probable class
    according to the classifier of its data.

        digits = mnistgan.SyntheticDigits("my-run", length=1000, seed=1)
        image = digits[0]  # float32, 1 x 28 x 28

    Args:
        source: a generator file, a checkpoint or a run directory; or a loaded generator.
        length: number of items; another seed gives other items.
        seed: seed of the noise, from 0 to 2**63 - 1.
        transform: called with each image, a PIL image of mode L or RGB.
        labels: whether items are pairs of image and label. An unconditional generator needs a
            classifier: the one for MNIST is included; for other data, one is trained once.
        target_transform: called with each label.

    Attributes:
        classes: the name of each label, in order; empty without labels.

    Raises:
        UsageError: the generator cannot be loaded, or the length or the seed is out of range.
        DataError: the labels need the generator's data, which is missing or has no labels.
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
        length = arguments.integer("length", length, 0)
        seed = arguments.integer("seed", seed, 0)
        arguments.instance("labels", labels, bool, "True or False")
        for name, given in (("transform", transform), ("target_transform", target_transform)):
            if given is not None:
                arguments.function(name, given)
        generator = source if isinstance(source, Generator) else load_generator(source)
        labeler = labeler_for(generator.config.data) if labels and not generator.classes else None
        super().__init__(transform=transform, target_transform=target_transform)
        self._labels = labels
        self._source = Sampler(generator, SamplingOptions(seed), labeler)
        self.classes = self._source.classes if labels else ()
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        """One item; a negative index counts from the end.

        Raises:
            IndexError: the index is out of range.
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

    @functools.cached_property
    def _block(self) -> Callable[[int], Block]:
        config = self._source.generator.config.data
        size = BLOCK * config.channels * config.image_size**2

        # Not a method with lru_cache: its cache would be shared by all data sets, and keep them
        # alive.
        @functools.lru_cache(maxsize=max(1, _CACHE_BYTES // size))
        def make(number: int) -> Block:
            # As in the workers of a DataLoader, which have one thread: results of several threads
            # may round differently, and item i would depend on num_workers.
            with devices.one_thread():
                return self._source.block(number)

        return make

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker starts with an empty cache: it is a closure, which cannot be pickled.
        return {name: value for name, value in self.__dict__.items() if name != "_block"}
