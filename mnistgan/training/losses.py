"""The GAN losses and penalties, all on D's raw logits.

Each loss is a pair of functions. D minimizes the first, whose arguments are its logits for real and
for fake images. G minimizes the second, whose argument is D's logits for fake images. Logits are
float32 N; the result is the mean over the batch, a scalar.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from mnistgan.config.sections import LossName, ScoreKind, TrainConfig

# (real logits, fake logits) -> loss of D.
DiscriminatorLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
# fake logits -> loss of G.
GeneratorLoss: TypeAlias = Callable[[Tensor], Tensor]


def cross_entropy_d(real_logits: Tensor, fake_logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """-[(1 - s) log D(x) + s log(1 - D(x)) + log(1 - D(G(z)))] (Goodfellow et al. 2014, eq. 1).

    ``smoothing`` is the s of one-sided label smoothing (Salimans et al. 2016, section 3.4).
    """
    # softplus(-x) is -log(sigmoid(x)) without overflow: for large |x|, sigmoid rounds to 0 or 1,
    # and the logarithm becomes infinite.
    # softplus(-x) + s x  =  (1 - s) softplus(-x) + s softplus(x)
    # One-sided: if fakes were smoothed, too, bad images far from the data would have no incentive
    # to move nearer (same section).
    real = F.softplus(-real_logits) + smoothing * real_logits
    return real.mean() + F.softplus(fake_logits).mean()


def non_saturating_g(fake_logits: Tensor) -> Tensor:
    """-log D(G(z)) (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake_logits).mean()


def saturating_g(fake_logits: Tensor) -> Tensor:
    """log(1 - D(G(z))), G's part of the minimax game (Goodfellow et al. 2014, eq. 1)."""
    # For comparison: its gradient vanishes where D rejects fakes with certainty, as at the start of
    # training (the paper's section 3).
    return -F.softplus(fake_logits).mean()


def least_squares_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Half of (D(x) - 1)^2 + D(G(z))^2 (Mao et al. 2017, eq. 9: a = 0, b = c = 1)."""
    # D(x) is the logit here, without a sigmoid, as in the paper.
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
    """Minus the mean logit of fakes (Arjovsky et al. 2017, algorithm 1; also G's hinge loss)."""
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
    """The loss named in a config, with label smoothing if it has any."""
    loss = LOSSES[config.loss]
    if config.label_smoothing:
        smoothed = partial(cross_entropy_d, smoothing=config.label_smoothing)
        return replace(loss, discriminator=smoothed)
    return loss


def score(kind: ScoreKind, logits: Tensor) -> Tensor:
    """D(x) or D(G(z)) for reports: the mean of sigmoid(logits), or of the logits.

    See ``TrainConfig.score_kind``.
    """
    return logits.sigmoid().mean() if kind == "probability" else logits.mean()


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """Mean of (|grad D(x_mix)| - 1)^2, x_mix between real and fake (Gulrajani et al. 2017, eq. 3).

    Args:
        discriminator: images -> logits, without BatchNorm: the penalty is defined per image.
        real: N x C x H x W.
        fake: N x C x H x W, detached.
        mix: share of the fake in each mixed image, uniform in [0, 1), length N.
    """
    mixed = torch.lerp(real, fake, mix.view(-1, 1, 1, 1)).requires_grad_()
    gradient = _input_gradient(discriminator(mixed), mixed).flatten(1)
    # Not square().sum().sqrt(), whose derivative is NaN where the gradient is zero.
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1)
    return (norm - 1).square().mean()


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """Half of the mean of |grad D(x)|^2 on real images (Mescheder et al. 2018, eq. 9).

    Args:
        real_logits: N.
        real: N x C x H x W; must have required gradients when the logits were computed.
    """
    # The factor 1/2 is the paper's. A weight from code that omits it must be doubled here.
    gradient = _input_gradient(real_logits, real).flatten(1)
    return 0.5 * gradient.square().sum(dim=1).mean()


def _input_gradient(logits: Tensor, images: Tensor) -> Tensor:
    # The gradient of the sum holds each image's own gradient, because a logit depends on no other
    # image. create_graph: the penalty is differentiated once more, with respect to D's weights.
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient
