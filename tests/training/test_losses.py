"""The losses against their formulas written with probabilities, and torch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mnistgan.config.sections import TrainConfig
from mnistgan.training import losses

# Not 0.5 in place of 0.7: these three would have the same mean as their reciprocals.
REAL = torch.tensor([2.0, -1.0, 0.7], dtype=torch.float64)
FAKE = torch.tensor([-3.0, 0.1, 1.0], dtype=torch.float64)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(smoothing: float) -> None:
    config = TrainConfig(label_smoothing=smoothing)
    loss = losses.loss_of(config).discriminator(REAL, FAKE)
    bce = F.binary_cross_entropy_with_logits
    expected = bce(REAL, torch.full_like(REAL, 1 - smoothing)) + bce(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(loss, expected)


def test_generator_halves() -> None:
    probability = FAKE.sigmoid()
    torch.testing.assert_close(losses.non_saturating_g(FAKE), -probability.log().mean())
    torch.testing.assert_close(losses.saturating_g(FAKE), (1 - probability).log().mean())
    torch.testing.assert_close(losses.least_squares_g(FAKE), ((FAKE - 1) ** 2).mean() / 2)
    torch.testing.assert_close(losses.wasserstein_g(FAKE), -FAKE.mean())


def test_other_discriminator_halves() -> None:
    torch.testing.assert_close(
        losses.least_squares_d(REAL, FAKE), ((REAL - 1) ** 2).mean() / 2 + (FAKE**2).mean() / 2
    )
    hinge = (1 - REAL).clamp(min=0).mean() + (1 + FAKE).clamp(min=0).mean()
    torch.testing.assert_close(losses.hinge_d(REAL, FAKE), hinge)
    torch.testing.assert_close(losses.wasserstein_d(REAL, FAKE), FAKE.mean() - REAL.mean())


@pytest.mark.parametrize("loss", losses.LOSSES.values(), ids=losses.LOSSES)
def test_no_logit_is_too_large(loss: losses.Loss) -> None:
    for size in (-1e4, 1e4):
        logits = torch.tensor([size], requires_grad=True)
        total = loss.discriminator(logits, logits) + loss.generator(logits)
        (gradient,) = torch.autograd.grad(total, logits)
        assert torch.isfinite(total)
        assert torch.isfinite(gradient).all()


class Squares(nn.Module):
    """D(x) = half the sum of squares, whose gradient is x itself."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).square().sum(dim=1) / 2


def test_r1_of_a_known_gradient() -> None:
    real = torch.randn(4, 1, 3, 3, requires_grad=True)
    expected = real.detach().flatten(1).square().sum(dim=1).mean() / 2
    torch.testing.assert_close(losses.r1_penalty(Squares()(real), real).detach(), expected)


def test_gradient_penalty_of_a_known_gradient() -> None:
    real, fake, mix = torch.randn(4, 1, 3, 3), torch.randn(4, 1, 3, 3), torch.rand(4)
    mixed = real + mix.view(-1, 1, 1, 1) * (fake - real)
    expected = (mixed.flatten(1).norm(dim=1) - 1).square().mean()
    penalty = losses.gradient_penalty(Squares(), real, fake, mix)
    torch.testing.assert_close(penalty.detach(), expected)


def test_penalties_can_be_minimised() -> None:
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(9, 1), nn.Flatten(0))
    real = torch.randn(4, 1, 3, 3, requires_grad=True)
    losses.r1_penalty(discriminator(real), real).backward()
    assert discriminator[1].weight.grad is not None


def test_scores() -> None:
    torch.testing.assert_close(losses.score("probability", REAL), REAL.sigmoid().mean())
    for kind in ("output", "critic"):
        torch.testing.assert_close(losses.score(kind, REAL), REAL.mean())


def test_each_loss_says_what_its_scores_are() -> None:
    kinds = {name: TrainConfig(loss=name).score_kind for name in losses.LOSSES}
    assert kinds.pop("wasserstein-gp") == "critic"
    assert kinds.pop("least-squares") == "output"
    assert set(kinds.values()) == {"probability"}
