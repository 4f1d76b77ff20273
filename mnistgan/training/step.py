"""One training step: algorithm 1 of Goodfellow et al. 2014, "Generative Adversarial Networks".

Updates of D on fresh batches, then one update of G. Where practice departs from the paper, a
comment says why. Beyond the comments: both networks use Adam instead of gradient descent with
momentum, and G's default loss is the non-saturating one of the paper's section 3.
"""

import contextlib
from functools import partial

import torch
from torch import Tensor, nn

from mnistgan.config import RunConfig
from mnistgan.models import networks, precision
from mnistgan.models.networks import LabelInput
from mnistgan.training import losses
from mnistgan.training.adam import Adam
from mnistgan.training.ema import MovingAverage
from mnistgan.training.inputs import Batch, StepInputs
from mnistgan.training.ranks import ALONE, Ranks


class Step:
    """Updates D, G and the moving average of G in place.

    A step depends only on its inputs and on the weights, and never waits for the device: no
    ``.item()`` and no branch on a tensor. Tests check that; it makes runs reproducible and allows
    recording a step as a CUDA graph.

    Args:
        config: run config.
        generator: G.
        discriminator: D.
        average: moving average of G, or None.
        images: training images, uint8 N x C x H x W, on the networks' device.
        labels: one int64 tensor of N for conditional networks, else empty.
        dtype: format of matrix products and convolutions.
        ranks: the processes that take each step together.

    Attributes:
        adam_g: optimizer of G.
        adam_d: optimizer of D.
    """

    def __init__(
        self,
        config: RunConfig,
        generator: nn.Module,
        discriminator: nn.Module,
        average: nn.Module | None,
        images: Tensor,
        labels: LabelInput = (),
        *,
        dtype: torch.dtype = torch.float32,
        ranks: Ranks = ALONE,
    ) -> None:
        self._train = config.train
        self._generator = generator
        self._discriminator = discriminator
        self._average = None if average is None else MovingAverage(average, generator)
        self._images = images
        self._labels = labels
        self._dtype = dtype
        self._range = networks.pixel_range(config)
        self._loss = losses.loss_of(config.train)
        self._score = partial(losses.score, config.train.score_kind)
        # The default betas have no momentum: with [0.5, 0.999], the Frechet distance of `fast` is
        # 2.44 instead of 1.53 (benchmarks/results/ablation.json).
        self.adam_g = Adam(generator.parameters(), config.train.betas, ranks)
        self.adam_d = Adam(discriminator.parameters(), config.train.betas, ranks)

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Take one step.

        Returns:
            float32, 5: loss_D, loss_G, D(x), and D(G(z)) before and after D's last update.
        """
        *first, last = inputs.batches
        with precision.matmul_precision(self._dtype):
            for batch in first:
                # Only the last batch's fakes are used for G's update, so only they need a graph.
                with torch.no_grad():
                    fake = self._generate(batch)
                self._update_discriminator(batch, fake, inputs.lr_factor)
            # The paper draws new noise for G's update. The DCGAN code and most later ones reuse the
            # fakes of D's last update, which saves one pass through G; so does this.
            fake = self._generate(last)
            # detach(): the same fakes, but D's gradient stops there and G's graph is kept.
            loss_d, d_real, d_fake_before = self._update_discriminator(
                last, fake.detach(), inputs.lr_factor
            )
            loss_g, d_fake_after = self._update_generator(last, fake, inputs.lr_factor)
        # Samples are drawn from the average. Without it, the Frechet distance of `fast` is 3.26
        # instead of 1.53 (benchmarks/results/ablation.json).
        if self._average is not None:
            self._average.update(inputs.ema_weight)
        return torch.stack((loss_d, loss_g, d_real, d_fake_before, d_fake_after)).detach()

    def _generate(self, batch: Batch) -> Tensor:
        """G(z), float32, with the labels of the batch's real images."""
        # The real images' labels: real and fake images then have the same classes, and the share of
        # a class tells D nothing.
        with self._autocast():
            fake: Tensor = self._generator(batch.z, *self._labels_of(batch))
        return fake.float()

    def _update_discriminator(
        self, batch: Batch, fake: Tensor, lr_factor: float | Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One update of D on real and fake images; its loss, D(x) and D(G(z))."""
        train, labels = self._train, self._labels_of(batch)
        # All images are on the device as uint8. Converting one batch costs less than a DataLoader,
        # which handles each image in Python (compare benchmarks/tutorial.py).
        real = self._range.from_uint8(self._images[batch.rows]).requires_grad_(batch.r1)
        # R1 differentiates through a gradient. bfloat16 would give that gradient only two to three
        # digits, so these updates and the gradient penalty below use float32.
        with contextlib.nullcontext() if batch.r1 else self._autocast():
            # One pass for both halves, where the DCGAN code makes two: no discriminator here has
            # BatchNorm, so an image's logit does not depend on the others in the batch.
            logits = self._discriminator(
                torch.cat((real, fake)), *(label.repeat(2) for label in labels)
            )
        # float(): bfloat16 has 8 significant bits, too few for losses and their mean.
        real_logits, fake_logits = logits.float().chunk(2)
        loss = self._loss.discriminator(real_logits, fake_logits)
        if batch.r1:
            # Every n-th update with n times the weight: "lazy regularization", StyleGAN2 (Karras et
            # al. 2020, section 3.1). This saves most of the time of R1's second backward pass.
            # Without R1, the Frechet distance of `fast` is 1.72 +- 0.05 instead of 1.53 +- 0.09
            # (benchmarks/results/ablation.json).
            loss = loss + train.r1 * train.r1_every * losses.r1_penalty(real_logits, real)
        if batch.mix is not None:
            loss = loss + train.gradient_penalty * losses.gradient_penalty(
                lambda mixed: self._discriminator(mixed, *labels), real.detach(), fake, batch.mix
            )
        self.adam_d.minimize(loss, train.lr_d * lr_factor)
        return loss, self._score(real_logits), self._score(fake_logits)

    def _update_generator(
        self, batch: Batch, fake: Tensor, lr_factor: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        """One update of G through the updated D; its loss and D(G(z))."""
        with self._autocast():
            logits = self._discriminator(fake, *self._labels_of(batch))
        fake_logits = logits.float()
        loss = self._loss.generator(fake_logits)
        # The gradient goes through D, but only G's weights receive one: see Adam.minimize. So D is
        # neither frozen before nor cleared after.
        self.adam_g.minimize(loss, self._train.lr_g * lr_factor)
        return loss, self._score(fake_logits)

    def _labels_of(self, batch: Batch) -> LabelInput:
        return tuple(labels[batch.rows] for labels in self._labels)

    def _autocast(self) -> torch.autocast:
        return precision.autocast(self._dtype, self._images.device)
