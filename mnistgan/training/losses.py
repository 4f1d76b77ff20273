"""The GAN losses and penalties, all on D's raw logits.

Each loss is a pair of functions: what D minimizes, given its logits of real and fake images, and
what G minimizes, given D's logits of fake images. All return the mean over the batch, a scalar.
``softplus(-x)`` is -log(sigmoid(x)) without overflow.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from mnistgan.config.sections import LossName, ScoreKind, TrainConfig

# (real logits, fake logits) -> what D minimizes.
DiscriminatorLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
# (fake logits) -> what G minimizes.
GeneratorLoss: TypeAlias = Callable[[Tensor], Tensor]


def cross_entropy_d(real_logits: Tensor, fake_logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """-[(1 - s) log D(x) + s log(1 - D(x)) + log(1 - D(G(z)))] (Goodfellow et al. 2014, eq. 1).

    ``smoothing`` is the s of one-sided label smoothing (Salimans et al. 2016, section 3.4).
    """
    # softplus(-x) + s x  =  (1 - s) softplus(-x) + s softplus(x)
    real = F.softplus(-real_logits) + smoothing * real_logits
    return real.mean() + F.softplus(fake_logits).mean()


def non_saturating_g(fake_logits: Tensor) -> Tensor:
    """-log D(G(z)) (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake_logits).mean()


def saturating_g(fake_logits: Tensor) -> Tensor:
    """log(1 - D(G(z))), the minimax game itself (Goodfellow et al. 2014, eq. 1)."""
    return -F.softplus(fake_logits).mean()


def least_squares_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Half of (D(x) - 1)^2 + D(G(z))^2 (Mao et al. 2017, eq. 9: a = 0, b = c = 1)."""
    return 0.5 * ((real_logits - 1).square().mean() + fake_logits.square().mean())


def least_squares_g(fake_logits: Tensor) -> Tensor:
    """Half of (D(G(z)) - 1)^2 (Mao et al. 2017, eq. 9)."""
    return 0.5 * (fake_logits - 1).square().mean()


def hinge_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))) (Lim & Ye 2017; Miyato et al. 2018, eq. 16)."""
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def wasserstein_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Mean logit of fakes minus mean logit of real images (Arjovsky et al. 2017, algorithm 1)."""
    return fake_logits.mean() - real_logits.mean()


def wasserstein_g(fake_logits: Tensor) -> Tensor:
    """Minus the mean logit of fakes (Arjovsky et al. 2017; also G's part of the hinge loss)."""
    return -fake_logits.mean()


@dataclass(frozen=True)
class Loss:
    """One GAN loss: D's half and G's half."""

    discriminator: DiscriminatorLoss
    generator: GeneratorLoss


LOSSES: dict[LossName, Loss] = {
    "non-saturating": Loss(cross_entropy_d, non_saturating_g),
    "saturating": Loss(cross_entropy_d, saturating_g),
    "least-squares": Loss(least_squares_d, least_squares_g),
    "hinge": Loss(hinge_d, wasserstein_g),
    "wasserstein-gp": Loss(wasserstein_d, wasserstein_g),
}


def loss_of(config: TrainConfig) -> Loss:
    """The loss that a config names, with label smoothing."""
    loss = LOSSES[config.loss]
    if config.label_smoothing:
        smoothed = partial(cross_entropy_d, smoothing=config.label_smoothing)
        return replace(loss, discriminator=smoothed)
    return loss


def score(kind: ScoreKind, logits: Tensor) -> Tensor:
    """What is reported as D(x) or D(G(z)): see ``TrainConfig.score_kind``."""
    return logits.sigmoid().mean() if kind == "probability" else logits.mean()


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """Mean of (|grad D(x_mix)| - 1)^2 between real and fake (Gulrajani et al. 2017, eq. 3).

    Args:
        discriminator: images -> logits, without BatchNorm: the penalty is defined per image.
        real: N x C x H x W.
        fake: N x C x H x W, detached.
        mix: share of the fake in each pair, uniform in [0, 1), length N.
    """
    mixed = torch.lerp(real, fake, mix.view(-1, 1, 1, 1)).requires_grad_()
    gradient = _input_gradient(discriminator(mixed), mixed).flatten(1)
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1)
    return (norm - 1).square().mean()


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """Half of the mean of |grad D(x)|^2 on real images (Mescheder et al. 2018, eq. 9).

    ``real.requires_grad`` must have been set when the logits were computed.
    """
    gradient = _input_gradient(real_logits, real).flatten(1)
    return 0.5 * gradient.square().sum(dim=1).mean()


def _input_gradient(logits: Tensor, images: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient
