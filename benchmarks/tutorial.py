"""A training loop as in many tutorials, with which mnistgan's speed is compared.

It was written for this benchmark, with the habits of widely copied scripts: a DataLoader that
converts each image to a tensor, BCELoss on sigmoids, three passes through D, gradients of D's
weights in G's update, torch's default Adam, and metrics fetched with ``.item()`` at every step.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import TypeAlias

import common
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mnistgan import datasets
from mnistgan.config import RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.models import networks

Rate: TypeAlias = Callable[[], float]
"""A function that measures steps per second."""


class Pictures(Dataset[tuple[Tensor, int]]):
    """The work of torchvision.datasets.MNIST for each item, with the usual two transforms."""

    def __init__(self, data: ImageSet) -> None:
        transforms = import_torchvision("torchvision.transforms")
        self._images = torch.from_numpy(data.images[:, 0])
        self._transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize([0.5], [0.5])]
        )

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self._transform(Image.fromarray(self._images[index].numpy(), mode="L")), 0


def train(config: RunConfig, data: ImageSet, device: torch.device) -> Iterator[int]:
    """Train endlessly with the networks, rates and batch size of a config; yield the step."""
    train = config.train
    generator = networks.build_generator(config).to(device)
    discriminator = nn.Sequential(networks.build_discriminator(config), nn.Sigmoid()).to(device)
    adam_g = torch.optim.Adam(generator.parameters(), lr=train.lr_g, betas=train.betas)
    adam_d = torch.optim.Adam(discriminator.parameters(), lr=train.lr_d, betas=train.betas)
    criterion = nn.BCELoss()
    loader = DataLoader(Pictures(data), batch_size=train.batch_size, shuffle=True, drop_last=True)
    # Not improved on purpose: the loop should cost what it costs in the tutorials.
    numbers: list[tuple[float, float, float]] = []
    step = 0
    while True:
        for images, _ in loader:
            real = images.to(device)
            ones = torch.ones(len(real), device=device)
            zeros = torch.zeros(len(real), device=device)

            adam_g.zero_grad()
            fake = generator(torch.randn(len(real), config.model.latent_dim, device=device))
            loss_g = criterion(discriminator(fake), ones)
            loss_g.backward()
            adam_g.step()

            adam_d.zero_grad()
            scores_real = discriminator(real)
            scores_fake = discriminator(fake.detach())
            loss_d = (criterion(scores_real, ones) + criterion(scores_fake, zeros)) / 2
            loss_d.backward()
            adam_d.step()

            numbers.append((loss_d.item(), loss_g.item(), scores_real.mean().item()))
            step += 1
            yield step


@contextlib.contextmanager
def elsewhere(config: RunConfig, device: torch.device, seconds: float) -> Iterator[Rate]:
    """Yield a function that measures the loop's steps per second in a separate process."""
    # mnistgan changes how glibc keeps freed memory (see mnistgan.models.devices). In the same
    # process, the tutorial's loop would profit from that. spawn: a forked process would inherit the
    # allocator's settings, and CUDA does not survive a fork.
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    process = context.Process(target=_serve, args=(its, config, device, seconds), daemon=True)
    process.start()

    def rate() -> float:
        mine.send(True)
        return float(mine.recv())

    try:
        yield rate
    finally:
        mine.send(False)
        process.join()


def _serve(asked: Connection, config: RunConfig, device: torch.device, seconds: float) -> None:
    loop = train(config, datasets.load(config.data), device)
    while asked.recv():
        asked.send(common.rate(loop, seconds))
