"""Adam against torch's own class."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from mnistgan.training import losses
from mnistgan.training.adam import Adam


def network() -> nn.Module:
    layers = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
    for number, parameter in enumerate(layers.parameters()):
        parameter.data = torch.linspace(-1, 1, parameter.numel()).view_as(parameter) / (number + 1)
    return layers


X = torch.linspace(-2, 2, 40).view(8, 5)


def loss(layers: nn.Module) -> Tensor:
    outputs: Tensor = layers(X)
    return outputs.square().mean()


@pytest.mark.parametrize("betas", [(0.5, 0.999), (0.0, 0.99)])
def test_the_numbers_are_those_of_torchs_class(betas: tuple[float, float]) -> None:
    mine, theirs = network(), network()
    adam = Adam(mine.parameters(), betas)
    reference = torch.optim.Adam(theirs.parameters(), 0.01, betas=betas, fused=True)
    for step in range(20):
        rate = 0.01 / (1 + step)
        adam.minimize(loss(mine), rate)
        reference.param_groups[0]["lr"] = rate
        reference.zero_grad()
        loss(theirs).backward()
        reference.step()
    for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_gradient_may_lie_in_memory_in_another_order() -> None:
    mine, theirs = nn.Conv2d(3, 4, 2), nn.Conv2d(3, 4, 2)
    theirs.load_state_dict(mine.state_dict())
    wanted = torch.linspace(-1, 1, mine.weight.numel()).view_as(mine.weight)
    turned = wanted.to(memory_format=torch.channels_last)
    for layers, slope in ((mine, wanted), (theirs, turned)):
        assert layers.bias is not None
        # The derivative of this by the weights is the slope itself, in its own order of memory.
        product = (layers.weight * slope).sum() + layers.bias.sum()
        Adam(layers.parameters(), (0.5, 0.9)).minimize(product, 0.1)
    assert not turned.is_contiguous()
    assert torch.equal(mine.weight, theirs.weight)


def test_penalties_move_convolutions_as_torchs_class_does() -> None:
    def convolutions() -> nn.Sequential:
        first, second = nn.Conv2d(1, 16, 4, 2, 1), nn.Conv2d(16, 32, 4, 2, 1, bias=False)
        last = nn.Linear(128, 1, bias=False)
        return nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.Flatten(), last, nn.Flatten(0))

    def penalty(layers: nn.Sequential) -> Tensor:
        mixed = losses.gradient_penalty(layers, images, images.flip(0), torch.full((4,), 0.5))
        return mixed + sum(one.sum() for one in layers.parameters() if one.ndim == 1)

    images = torch.linspace(-9, 9, 4 * 64).cos().view(4, 1, 8, 8)
    mine, theirs = convolutions(), convolutions()
    theirs.load_state_dict(mine.state_dict())
    adam = Adam(mine.parameters(), (0.5, 0.9))
    reference = torch.optim.Adam(theirs.parameters(), 0.01, betas=(0.5, 0.9), fused=True)
    for _ in range(3):
        adam.minimize(penalty(mine), 0.01)
        reference.zero_grad()
        penalty(theirs).backward()
        reference.step()
    for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def test_no_gradient_is_left_behind() -> None:
    layers, other = network(), nn.Linear(3, 1)
    Adam(layers.parameters(), (0.5, 0.9)).minimize(other(layers(X)).mean(), 0.1)
    assert all(p.grad is None for p in (*layers.parameters(), *other.parameters()))


def test_a_state_is_taken_over_whole() -> None:
    first, second = network(), network()
    adam = Adam(first.parameters(), (0.5, 0.9))
    adam.minimize(loss(first), 0.1)
    second.load_state_dict(first.state_dict())
    other = Adam(second.parameters(), (0.5, 0.9))
    other.load_state_dict(copy.deepcopy(adam.state_dict()))
    adam.minimize(loss(first), 0.1)
    other.minimize(loss(second), 0.1)
    assert all(map(torch.equal, first.parameters(), second.parameters()))


def test_a_state_of_other_weights_is_refused() -> None:
    state = Adam(nn.Linear(5, 7).parameters(), (0.5, 0.9)).state_dict()
    adam = Adam(nn.Linear(1, 7).parameters(), (0.5, 0.9))
    with pytest.raises(ValueError, match=r"\(7, 5\) is not \(7, 1\)"):
        adam.load_state_dict(state)
