"""One step of a training: updates of D, then one of G, as a function of its inputs alone.

A step reads nothing that changes but its inputs and the networks' own state, and never waits for
the device.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mnistgan.config import RunConfig
from mnistgan.models import networks, precision
from mnistgan.training import losses
from mnistgan.training.adam import Adam
from mnistgan.training.ema import Average
from mnistgan.training.ranks import ALONE, Ranks


class Turn(NamedTuple):
    """What one update of D takes.

    Attributes:
        rows: of the real images, int64 B.
        z: noise for as many fakes, float32 B x latent_dim.
        mix: share of the fake in each image of the gradient penalty, float32 B; None without one.
        r1: whether it is this update's turn to have the R1 penalty.
    """

    rows: Tensor
    z: Tensor
    mix: Tensor | None
    r1: bool


class Inputs(NamedTuple):
    """All that is different in each step.

    Attributes:
        turns: one for each update of D.
        rate_left: the share of the learning rates that is left, in (0, 1].
        ema_share: of its way to G that G's moving average moves, in (0, 1].
    """

    turns: tuple[Turn, ...]
    rate_left: float | Tensor
    ema_share: float | Tensor


class Step:
    """Moves G and D, and the average of G where one is kept.

    Args:
        config: the recipe.
        generator: G.
        discriminator: D.
        average: of G, moved with it; or None.
        images: the data, uint8 N x C x H x W, where the networks are.
        labels: of the images, where the networks are told them.
        dtype: in which layers multiply.
        ranks: that take each step together.

    Attributes:
        adam_g: G's optimiser.
        adam_d: D's.
    """

    def __init__(
        self,
        config: RunConfig,
        generator: nn.Module,
        discriminator: nn.Module,
        average: nn.Module | None,
        images: Tensor,
        labels: networks.LabelInput = (),
        *,
        dtype: torch.dtype = torch.float32,
        ranks: Ranks = ALONE,
    ) -> None:
        self._train = config.train
        self._generator = generator
        self._discriminator = discriminator
        self._averaging = None if average is None else Average(average, generator)
        self._images = images
        self._labels = labels
        self._dtype = dtype
        self._range = networks.pixel_range(config)
        self._loss = losses.loss_of(config.train)
        self._score = partial(losses.score, config.train.score_kind)
        adam = partial(Adam, betas=config.train.betas, ranks=ranks)
        self.adam_g = adam(generator.parameters())
        self.adam_d = adam(discriminator.parameters())

    def __call__(self, inputs: Inputs) -> Tensor:
        """Take a step.

        Returns:
            float32, 5: loss_D, loss_G, D(x), and D(G(z)) before and after D's last update.
        """
        with precision.products(self._dtype):
            *others, last = inputs.turns
            for turn in others:
                self._turn(turn, inputs.rate_left, teaches_g=False)
            fake, told, scores = self._turn(last, inputs.rate_left, teaches_g=True)
            loss_d, d_real, d_fake_before = scores
            loss_g, d_fake_after = self._update_generator(fake, told, inputs.rate_left)
        if self._averaging is not None:
            self._averaging.update(inputs.ema_share)
        return torch.stack((loss_d, loss_g, d_real, d_fake_before, d_fake_after)).detach()

    def _turn(
        self, turn: Turn, rate_left: float | Tensor, *, teaches_g: bool
    ) -> tuple[Tensor, networks.LabelInput, tuple[Tensor, Tensor, Tensor]]:
        """One update of D on fresh images; the fakes, what they were told, and the scores."""
        told = tuple(labels[turn.rows] for labels in self._labels)
        with torch.set_grad_enabled(teaches_g), self._lowered():
            fake = self._generator(turn.z, *told)
        fake = fake.float()
        real = self._range.from_uint8(self._images[turn.rows])
        scores = self._update_discriminator(turn, real, fake.detach(), told, rate_left)
        return fake, told, scores

    def _update_discriminator(
        self,
        turn: Turn,
        real: Tensor,
        fake: Tensor,
        told: networks.LabelInput,
        rate_left: float | Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """On as many real images as fakes, of the same labels where there are."""
        train = self._train
        real.requires_grad_(turn.r1)
        # A penalty differentiates twice: its tensors stay float32.
        with self._lowered() if not turn.r1 else contextlib.nullcontext():
            # One pass for both halves: no discriminator of ours holds batch statistics.
            logits = self._discriminator(
                torch.cat((real, fake)), *(torch.cat((one, one)) for one in told)
            )
        real_logits, fake_logits = logits.float().chunk(2)
        penalised = self._loss.discriminator(real_logits, fake_logits)
        if turn.r1:
            weight = train.r1 * train.r1_every
            penalised = penalised + weight * losses.r1_penalty(real_logits, real)
        if turn.mix is not None:
            penalised = penalised + train.gradient_penalty * losses.gradient_penalty(
                lambda mixed: self._discriminator(mixed, *told), real.detach(), fake, turn.mix
            )
        self.adam_d.minimise(penalised, train.lr_d * rate_left)
        return penalised, self._score(real_logits), self._score(fake_logits)

    def _update_generator(
        self, fake: Tensor, told: networks.LabelInput, rate_left: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        with self._lowered():
            fake_logits = self._discriminator(fake, *told)
        fake_logits = fake_logits.float()
        loss = self._loss.generator(fake_logits)
        self.adam_g.minimise(loss, self._train.lr_g * rate_left)
        return loss, self._score(fake_logits)

    def _lowered(self) -> torch.autocast:
        return precision.lowered(self._dtype, self._images.device)
