"""The training step against a reference: the formulas of the papers, in float64, by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import pytest
import torch
from support import Tiny, noise_images
from torch import Tensor, nn

from mnistgan.config import RunConfig
from mnistgan.models import networks
from mnistgan.training.inputs import Batch, StepInputs
from mnistgan.training.ranks import Ranks
from mnistgan.training.step import Step

Weights: TypeAlias = dict[str, Tensor]

SIZE, LATENT, CLASSES, BATCH = 8, 4, 3, 6
IMAGES = torch.from_numpy(noise_images(40, 1, SIZE, SIZE))
LABELS = torch.arange(40) * 7 % CLASSES


class Reference:
    """G: Linear, BatchNorm, ReLU, Linear, tanh; D: Linear, leaky ReLU, Linear.

    Gradients of the losses come from autograd, those inside penalties from the chain rule.
    """

    def __init__(self, config: RunConfig, generator: nn.Module, discriminator: nn.Module) -> None:
        self.train = config.train
        self.slope = config.model.discriminator.slope
        self.g, self.d = _float64(generator), _float64(discriminator)
        self.average = dict(self.g)
        self.adam_g, self.adam_d = _Adam(self.train.betas), _Adam(self.train.betas)

    def step(self, inputs: StepInputs, conditional: bool) -> list[float]:
        """One step; its five numbers."""
        rates = (inputs.lr_factor * self.train.lr_d, inputs.lr_factor * self.train.lr_g)
        for batch in inputs.batches:
            labels = LABELS[batch.rows] if conditional else None
            real = IMAGES[batch.rows].double().flatten(1) / 127.5 - 1
            fake = self._generate(batch.z.double(), labels)
            d_real, d_fake = (self._logits(x, labels) for x in (real, fake.detach()))
            loss_d = _D_LOSSES[self.train.loss](d_real, d_fake, self.train.label_smoothing)
            if batch.r1:
                squares = self._slopes(real, labels).square().sum(dim=1)
                loss_d = loss_d + self.train.r1_every * self.train.r1 / 2 * squares.mean()
            if batch.mix is not None:
                share = batch.mix.double()[:, None]
                between = (1 - share) * real + share * fake.detach()
                norms = self._slopes(between, labels).square().sum(dim=1).sqrt()
                loss_d = loss_d + self.train.gradient_penalty * ((norms - 1) ** 2).mean()
            self.adam_d.descend(self.d, loss_d, rates[0])
        after = self._logits(fake, labels)
        loss_g = _G_LOSSES[self.train.loss](after)
        self.adam_g.descend(self.g, loss_g, rates[1])
        for name, value in self.g.items():
            weight = inputs.ema_weight
            mixed = (1 - weight) * self.average[name] + weight * value.detach()
            self.average[name] = mixed if value.is_floating_point() else value.clone()
        scores = [_score(self.train.loss, logits) for logits in (d_real, d_fake, after)]
        return [loss_d.item(), loss_g.item(), *scores]

    def _generate(self, z: Tensor, labels: Tensor | None) -> Tensor:
        w = self.g
        hidden = _with_label(z, w, labels) @ w["0.weight"].T
        mean, variance = hidden.mean(dim=0), hidden.var(dim=0, unbiased=False)
        unbiased = variance.detach() * BATCH / (BATCH - 1)
        w["1.running_mean"] = 0.9 * w["1.running_mean"] + 0.1 * mean.detach()
        w["1.running_var"] = 0.9 * w["1.running_var"] + 0.1 * unbiased
        w["1.num_batches_tracked"] = w["1.num_batches_tracked"] + 1
        normal = (hidden - mean) / (variance + 1e-5).sqrt()
        hidden = (normal * w["1.weight"] + w["1.bias"]).clamp(min=0)
        return (hidden @ w["3.weight"].T + w["3.bias"]).tanh()

    def _hidden(self, images: Tensor, labels: Tensor | None) -> Tensor:
        bias = self.d.get("1.bias", torch.zeros(1))
        return _with_label(images, self.d, labels) @ self.d["1.weight"].T + bias

    def _logits(self, images: Tensor, labels: Tensor | None) -> Tensor:
        hidden = self._hidden(images, labels)
        leaky = torch.where(hidden > 0, hidden, self.slope * hidden)
        bias = self.d.get("3.bias", torch.zeros(1))
        return (leaky @ self.d["3.weight"].T + bias).flatten()

    def _slopes(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The gradient of each image's logit with respect to the image, by the chain rule."""
        hidden = self._hidden(images, labels)
        slopes = torch.where(hidden > 0, 1.0, self.slope).double() * self.d["3.weight"]
        return slopes @ self.d["1.weight"][:, : SIZE * SIZE]


class _Adam:
    """Kingma & Ba 2015, algorithm 1."""

    def __init__(self, betas: tuple[float, float]) -> None:
        self.betas, self.t = betas, 0
        self.moments: dict[str, tuple[Tensor, Tensor]] = {}

    def descend(self, weights: Weights, loss: Tensor, rate: float | Tensor) -> None:
        self.t += 1
        names = [name for name, value in weights.items() if value.requires_grad]
        gradients = torch.autograd.grad(loss, [weights[name] for name in names], retain_graph=True)
        for name, gradient in zip(names, gradients, strict=True):
            m, v = self.moments.get(name, (torch.zeros_like(gradient),) * 2)
            m = self.betas[0] * m + (1 - self.betas[0]) * gradient
            v = self.betas[1] * v + (1 - self.betas[1]) * gradient**2
            self.moments[name] = m, v
            m_hat, v_hat = m / (1 - self.betas[0] ** self.t), v / (1 - self.betas[1] ** self.t)
            moved = weights[name].detach() - rate * m_hat / (v_hat.sqrt() + 1e-8)
            weights[name] = moved.requires_grad_()


def _log(logits: Tensor) -> Tensor:
    return torch.log(1 / (1 + torch.exp(-logits)))


_D_LOSSES: Mapping[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    # log(1 - sigmoid(x)) = log(sigmoid(-x))
    "non-saturating": lambda real, fake, s: (
        -(((1 - s) * _log(real) + s * _log(-real)).mean() + _log(-fake).mean())
    ),
    "saturating": lambda real, fake, s: (
        -(((1 - s) * _log(real) + s * _log(-real)).mean() + _log(-fake).mean())
    ),
    "least-squares": lambda real, fake, _: (((real - 1) ** 2).mean() + (fake**2).mean()) / 2,
    "hinge": lambda real, fake, _: (
        torch.where(real < 1, 1 - real, 0.0).mean() + torch.where(fake > -1, 1 + fake, 0.0).mean()
    ),
    "wasserstein-gp": lambda real, fake, _: fake.mean() - real.mean(),
}
_G_LOSSES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "non-saturating": lambda fake: -_log(fake).mean(),
    "saturating": lambda fake: _log(-fake).mean(),
    "least-squares": lambda fake: ((fake - 1) ** 2).mean() / 2,
    "hinge": lambda fake: -fake.mean(),
    "wasserstein-gp": lambda fake: -fake.mean(),
}


def _score(loss: str, logits: Tensor) -> float:
    raw = loss in ("least-squares", "wasserstein-gp")
    return (logits if raw else 1 / (1 + torch.exp(-logits))).mean().item()


def _with_label(inputs: Tensor, weights: Weights, labels: Tensor | None) -> Tensor:
    if labels is None:
        return inputs
    return torch.cat((inputs, weights["labels.weight"][labels]), dim=1)


def _float64(network: nn.Module) -> Weights:
    """A network's parameters and buffers by the names that they have without labels."""
    trained = {name for name, _ in network.named_parameters()}
    return {
        name.removeprefix("images.").removeprefix("logits."): (
            value.detach().double().clone().requires_grad_()
            if name in trained
            else value.clone().double()
            if value.is_floating_point()
            else value.clone()
        )
        for name, value in network.state_dict().items()
    }


def inputs_of(step: int, config: RunConfig, r1: tuple[bool, ...]) -> StepInputs:
    """Different inputs for each step, with one update of D for each entry of ``r1``."""
    torch.manual_seed(step)
    wasserstein = config.train.loss == "wasserstein-gp"
    batches = tuple(
        Batch(
            torch.randperm(len(IMAGES))[:BATCH],
            torch.randn(BATCH, LATENT),
            torch.rand(BATCH) if wasserstein else None,
            penalized,
        )
        for penalized in r1
    )
    return StepInputs(batches, lr_factor=1 / (1 + step), ema_weight=0.3 + 0.1 * step)


CASES: dict[str, dict[str, Any]] = {
    "default": {},
    "no penalty": {"train.r1": 0.0},
    "smoothing and lazy r1": {
        "train.label_smoothing": 0.15, "train.r1": 2.0, "train.r1_every": 5,
    },
    "conditional": {"model.conditional": True},
    "saturating": {"train.loss": "saturating", "train.r1": 0.7},
    "least-squares": {"train.loss": "least-squares", "train.r1_every": 1, "train.r1": 3.0},
    "hinge": {"train.loss": "hinge"},
    "wasserstein-gp": {"train.loss": "wasserstein-gp", "train.r1": 0.0,
                       "train.gradient_penalty": 4.0},
    # A tiny rate, because the gradients of D's embedding may be 0 up to rounding, too.
    "wasserstein-gp, conditional": {"train.loss": "wasserstein-gp", "model.conditional": True,
                                    "train.lr_d": 1e-6},
}  # fmt: skip


def make_config(tiny: Tiny, keys: Mapping[str, Any]) -> RunConfig:
    own = {
        "data.image_size": SIZE,
        "model": {
            "latent_dim": LATENT,
            "generator": {"widths": [5]},
            "discriminator": {"widths": [7]},
        },
        "train.lr_g": 0.02,
        "train.lr_d": 0.03,
        "train.betas": [0.5, 0.9],
    }
    classes = {"model.classes": ["a", "b", "c"]} if "model.conditional" in keys else {}
    return tiny(*{**own, **keys, **classes}.items())


@pytest.mark.parametrize("r1", [(True,), (False, True), (True, False)], ids=str)
@pytest.mark.parametrize("keys", CASES.values(), ids=CASES)
def test_three_steps_are_those_of_the_papers(
    tiny: Tiny, keys: dict[str, Any], r1: tuple[bool, ...]
) -> None:
    config = make_config(tiny, keys)
    generator, discriminator = (
        networks.build_generator(config).train(), networks.build_discriminator(config).train(),
    )  # fmt: skip
    if config.train.loss in ("hinge", "wasserstein-gp"):
        # The gradients of D's biases may be 0 up to rounding: Adam would step in any direction.
        for layer in discriminator.modules():
            if isinstance(layer, nn.Linear):
                layer.register_parameter("bias", None)
    average = copy.deepcopy(generator)
    conditional = config.model.conditional
    labels = (LABELS,) if conditional else ()
    step = Step(config, generator, discriminator, average, IMAGES, labels)
    reference = Reference(config, generator, discriminator)
    for number in range(3):
        given = inputs_of(number, config, tuple(one and config.train.r1 > 0 for one in r1))
        numbers = step(given)
        assert numbers.dtype == torch.float32
        assert not numbers.requires_grad
        expected = reference.step(given, conditional)
        assert numbers.tolist() == pytest.approx(expected, rel=2e-5, abs=2e-6)
    pairs = ((generator, reference.g), (discriminator, reference.d), (average, reference.average))
    for network, weights in pairs:
        for name, value in _float64(network).items():
            torch.testing.assert_close(value, weights[name], rtol=1e-4, atol=1e-4, msg=name)


def test_networks_compute_in_bfloat16_but_penalized_updates_in_float32(tiny: Tiny) -> None:
    """Also the products of the penalties' float32 tensors may be less precise then."""
    config = make_config(tiny, {})
    generator, discriminator = (
        networks.build_generator(config), networks.build_discriminator(config),
    )  # fmt: skip
    seen: list[tuple[str, torch.dtype, int, str]] = []

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda module, given, result: seen.append(
            (name, result.dtype, len(result), torch.get_float32_matmul_precision())
        )

    [*generator.children()][-3].register_forward_hook(note("G"))
    [*discriminator.children()][-2].register_forward_hook(note("D"))
    step = Step(config, generator, discriminator, None, IMAGES, dtype=torch.bfloat16)
    before = torch.get_float32_matmul_precision()
    numbers = step(inputs_of(0, config, (False, True)))
    assert torch.get_float32_matmul_precision() == before
    low, full = torch.bfloat16, torch.float32
    assert seen == [
        ("G", low, BATCH, "medium"),
        ("D", low, 2 * BATCH, "medium"),
        ("G", low, BATCH, "medium"),
        ("D", full, 2 * BATCH, "medium"),
        ("D", low, BATCH, "medium"),
    ]
    assert numbers.dtype == torch.float32


def test_float32_is_not_lowered(tiny: Tiny) -> None:
    config = make_config(tiny, {})
    generator, discriminator = (
        networks.build_generator(config),
        networks.build_discriminator(config),
    )
    step = Step(config, generator, discriminator, None, IMAGES)
    seen = set()
    hook = lambda *_: seen.add(  # noqa: E731
        (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32)
    )
    generator.register_forward_hook(hook)
    discriminator.register_forward_hook(hook)
    step(inputs_of(0, config, (True, False)))
    assert seen == {("highest", False)}


def test_the_gradients_of_both_networks_are_averaged_over_the_ranks(tiny: Tiny) -> None:
    class Note(Ranks):
        """Other ranks whose gradients cancel ours."""

        def average(self, tensors: Sequence[Tensor]) -> None:
            averaged.append([tensor.shape for tensor in tensors])
            for tensor in tensors:
                tensor.zero_()

    averaged: list[list[torch.Size]] = []
    config = make_config(tiny, {})
    pair = networks.build_generator(config), networks.build_discriminator(config)
    before = [copy.deepcopy(list(network.parameters())) for network in pair]
    Step(config, *pair, None, IMAGES, ranks=Note())(inputs_of(0, config, (True, False)))
    g, d = ([weight.shape for weight in network.parameters()] for network in pair)
    assert averaged == [d, d, g]
    for network, weights in zip(pair, before, strict=True):
        assert all(map(torch.equal, network.parameters(), weights))
