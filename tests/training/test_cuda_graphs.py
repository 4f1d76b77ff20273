"""Recorded steps give the same numbers as plain ones."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from support import Tiny
from tape import Tapes

from mnistgan import datasets
from mnistgan.config import DataConfig, RunConfig, toml
from mnistgan.datasets import ImageSet
from mnistgan.errors import MnistganError, UsageError
from mnistgan.training import cuda_graphs
from mnistgan.training.cuda_graphs import CudaGraphs, ReplayedStep
from mnistgan.training.ranks import Ranks
from mnistgan.training.trainer import Trainer

CPU, CUDA = torch.device("cpu"), torch.device("cuda")

on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")
no_context = pytest.mark.filterwarnings("ignore:.*no current CUDA context")  # torch's own thread


def test_auto_means_plain_steps(tiny: Tiny, digits: ImageSet) -> None:
    assert Trainer(tiny(("train.accelerate", "auto")), digits).acceleration == "none"


@pytest.mark.parametrize(
    ("device", "ranks", "words"),
    [
        (CPU, 1, "'graph' needs a single rank on an NVIDIA GPU, not 1 on cpu"),
        (CUDA, 2, "'graph' needs a single rank on an NVIDIA GPU, not 2 on cuda"),
    ],
)
def test_what_cannot_be_recorded(device: torch.device, ranks: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        cuda_graphs.recorded(lambda inputs: torch.empty(5), device, Ranks(0, ranks))


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return datasets.load(DataConfig(name="digits"))


RECIPES: dict[str, list[tuple[str, Any]]] = {
    "R1 every other step": [("train.r1_every", 2)],
    "falling rates": [("train.lr_decay_from", 0.0), ("train.ema_decay", 0.0)],
    "several updates of D": [("train.d_steps", 3), ("train.r1_every", 3)],
    "a gradient penalty": [("train.loss", "wasserstein-gp"), ("train.d_steps", 2)],
    "spectral normalization": [
        ("train.loss", "hinge"),
        ("model.discriminator.spectral_norm", True),
    ],
    "labels": [("model.conditional", True)],
    "convolutions": [
        (
            "model",
            {"family": "dcgan", "generator": {"width": 4}, "discriminator": {"width": 4}},
        )
    ],
    "bfloat16": [("train.precision", "bfloat16")],
}


def numbers(config: RunConfig, data: ImageSet, steps: int = 12) -> np.ndarray[Any, Any]:
    """What the first steps of a run tell, and some of the weights that they end at."""
    trainer = Trainer(config, data)
    told = [trainer.one_step() for _ in range(steps)]
    weights = torch.cat([one.detach().flatten()[:50].cpu() for one in trainer.sampled.parameters()])
    scores = [(one.loss_d, one.loss_g, one.d_real, one.d_fake_before) for one in told]
    return np.append(np.array(scores), weights.double().numpy())


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
class TestRecorded:
    def test_on_a_tape(
        self,
        tiny: Tiny,
        digits: ImageSet,
        monkeypatch: pytest.MonkeyPatch,
        recipe: list[tuple[str, Any]],
    ) -> None:
        config = tiny(("train.precision", "float32"), *recipe)
        plain = numbers(config, digits)
        tapes = Tapes()
        monkeypatch.setattr(
            cuda_graphs, "recorded", lambda step, device, ranks: ReplayedStep(step, tapes)
        )
        replayed = numbers(tiny_with(config, accelerate="graph"), digits)
        assert sum(tapes.replayed) + tapes.plain == 12
        assert sum(tapes.replayed) > 0
        np.testing.assert_allclose(replayed, plain, rtol=1e-4, atol=1e-5)

    @on_a_card
    @no_context
    def test_on_a_card(
        self, tiny: Tiny, digits: ImageSet, recipe: list[tuple[str, Any]]
    ) -> None:  # pragma: no cover
        exact = tiny(("train.precision", "float32"), *recipe, ("train.device", "cuda"))
        plain, replayed = (
            numbers(tiny_with(exact, accelerate=way), digits) for way in ("none", "graph")
        )
        np.testing.assert_allclose(replayed, plain, rtol=1e-2, atol=1e-3)


def tiny_with(config: RunConfig, **keys: str) -> RunConfig:
    """A config with other keys in ``[train]``."""
    return toml.replace(config, {f"train.{key}": value for key, value in keys.items()})


@on_a_card
@no_context
def test_a_card_goes_on_after_a_stop_and_draws_between(
    tiny: Tiny, digits: ImageSet
) -> None:  # pragma: no cover
    config = tiny(("train.device", "cuda"), ("train.accelerate", "graph"))
    config = tiny_with(config, precision="float32")
    whole, rest = Trainer(config, digits), Trainer(config, digits)
    for _ in range(6):
        whole.one_step()
        rest.one_step()
    kept = copy.deepcopy(whole.state())
    for _ in range(6):
        whole.one_step()
        whole.fixed_images()
    rest.restore(kept)  # after it has recorded, and again anew
    for trainer in (rest, Trainer(config, digits)):
        trainer.restore(kept)
        for _ in range(6):
            trainer.one_step()
        for one, other in zip(
            trainer.sampled.parameters(), whole.sampled.parameters(), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_capture_that_fails_tells_its_first_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def graph(*args: object, **keys: object) -> Iterator[None]:
        try:
            yield
        finally:
            raise RuntimeError("the capture ended badly")  # as torch's own does after a failure

    for name in ("Stream", "graph_pool_handle", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, lambda *args: None)
    monkeypatch.setattr(torch.cuda, "stream", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "graph", graph)

    def work() -> torch.Tensor:
        raise RuntimeError("operation not permitted\nwhile capturing")

    with pytest.raises(MnistganError, match=r"could not record a step \(operation not permitted\)"):
        CudaGraphs(CUDA).capture(work)
