"""The training loop."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from support import StopAfter, Tiny

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.errors import DataError, TrainingError
from mnistgan.events import EpochEnded, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.progress import StopToken
from mnistgan.training import losses
from mnistgan.training.inputs import StepInputs
from mnistgan.training.trainer import Trainer


@pytest.fixture(scope="module")
def digits() -> datasets.ImageSet:
    return datasets.load(DataConfig(name="digits"))


def numbers(events: list[Event]) -> list[tuple[Any, ...]]:
    """Every step's numbers but its rate."""
    return [
        (e.step, e.epoch, e.loss_d, e.loss_g, e.d_real, e.d_fake_before, e.d_fake_after)
        for e in events
        if isinstance(e, StepMetrics)
    ]


def weights(trainer: Trainer) -> torch.Tensor:
    state = trainer.state()
    parts = [state[name] for name in ("generator", "discriminator", "average") if name in state]
    return torch.cat([t.flatten().double() for part in parts for t in part.values()])


def test_the_stream_of_events(tiny: Tiny, digits: datasets.ImageSet) -> None:
    events = list(Trainer(tiny(), digits))
    assert isinstance(events[0], RunStarted)
    assert (events[0].steps_per_epoch, events[0].total_steps) == (7, 14)
    assert events[0].real_images.shape == (64, 1, 28, 28)
    steps = [e for e in events if isinstance(e, StepMetrics)]
    assert [(e.step, e.epoch) for e in steps] == [(n, 1 + (n > 7)) for n in range(1, 15)]
    assert all(0 < e.d_real < 1 and e.images_per_second > 0 for e in steps)
    epochs = [e for e in events if isinstance(e, EpochEnded)]
    assert [(e.epoch, e.step) for e in epochs] == [(1, 7), (2, 14)]
    assert epochs[0].images.shape == (64, 1, 28, 28)
    assert epochs[0].images.dtype == np.uint8
    assert events[-1] == RunEnded("finished", 14, 2)
    # Every step is told before its epoch ends.
    assert events.index(epochs[0]) > events.index(steps[6])


def test_the_same_config_gives_the_same_run(tiny: Tiny, digits: datasets.ImageSet) -> None:
    first, second = Trainer(tiny(), digits), Trainer(tiny(), digits)
    assert numbers(list(first)) == numbers(list(second))
    assert torch.equal(weights(first), weights(second))
    other = Trainer(tiny(("seed", 1)), digits)
    assert numbers(list(other)) != numbers(list(Trainer(tiny(), digits)))


RECIPES: list[dict[str, Any]] = [
    {"train.loss": "saturating", "train.label_smoothing": 0.1},
    {"train.loss": "least-squares", "train.ema_decay": 0.0},
    {"train.loss": "hinge", "model.discriminator.spectral_norm": True},
    {"train.loss": "wasserstein-gp", "train.d_steps": 3, "train.batch_size": 128},
    {"train.r1": 1.0, "model.generator.norm": "none", "model.generator.output": "sigmoid"},
    {"train.precision": "bfloat16", "train.r1": 0.1, "train.r1_every": 2},
    {
        "model": {"family": "dcgan", "generator": {"width": 2}, "discriminator": {"width": 2}},
        "data.channels": 3,
        "data.image_size": 16,
    },
]


@pytest.mark.parametrize("keys", RECIPES)
@pytest.mark.parametrize("stop_at", [3, 7, 9])
def test_any_recipe_goes_on_exactly_where_it_stopped(
    tiny: Tiny, keys: dict[str, Any], stop_at: int
) -> None:
    config = tiny(*keys.items())
    data = datasets.load(config.data)
    whole = Trainer(config, data)
    expected = numbers(list(whole))
    first = Trainer(config, data, stop=StopAfter(stop_at))
    begun = list(first)
    assert first.step == min(stop_at, whole.step)
    rest = Trainer(config, data)
    rest.restore(first.state())
    assert numbers(begun + list(rest)) == expected
    assert torch.equal(weights(rest), weights(whole))
    np.testing.assert_array_equal(rest.fixed_images(), whole.fixed_images())


def test_the_steps_of_wasserstein_take_fresh_images(tiny: Tiny, digits: datasets.ImageSet) -> None:
    config = tiny(("train.d_steps", 3), ("train.batch_size", 100), ("train.epochs", 1))
    trainer = Trainer(config, digits)
    assert trainer.steps_per_epoch == 5  # 1,797 // 300
    rows: list[torch.Tensor] = []
    take_step = trainer._take_step

    def spy(inputs: StepInputs) -> torch.Tensor:
        rows.extend(batch.rows for batch in inputs.batches)
        return take_step(inputs)

    trainer._take_step = spy
    list(trainer)
    assert [len(batch) for batch in rows] == [100] * 15
    assert len(torch.cat(rows).unique()) == 1500


def test_pictures_change_nothing(tiny: Tiny, digits: datasets.ImageSet) -> None:
    plain, looked_at = Trainer(tiny(), digits), Trainer(tiny(), digits)
    for _ in looked_at:
        looked_at.fixed_images()
        assert looked_at.generator.training
    list(plain)
    assert torch.equal(weights(plain), weights(looked_at))


def test_the_clock_ends_a_run_well(tiny: Tiny, digits: datasets.ImageSet) -> None:
    seconds = itertools.count()  # a second passes each time the clock is read
    config = tiny(("train.max_minutes", 0.1))
    trainer = Trainer(config, digits, clock=lambda: float(next(seconds)))
    events = list(trainer)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "max_minutes"
    assert 0 < events[-1].step < 14
    # The numbers are those of a run that is not watched by a clock.
    assert numbers(events) == numbers(list(Trainer(tiny(), digits)))[: events[-1].step]


def test_a_run_stopped_before_its_first_step(tiny: Tiny, digits: datasets.ImageSet) -> None:
    stop = StopToken()
    stop.request()
    assert list(Trainer(tiny(), digits, stop=stop))[1:] == [RunEnded("stopped", 0, 0)]


def test_a_loss_that_is_not_finite_ends_the_run(tiny: Tiny, digits: datasets.ImageSet) -> None:
    trainer = Trainer(tiny(), digits)
    with torch.no_grad():
        next(trainer.discriminator.parameters()).fill_(torch.nan)
    with pytest.raises(TrainingError, match=r"loss_D is no longer finite at step 1\b"):
        list(trainer)


def test_the_generators_update_leaves_the_discriminator_alone(
    tiny: Tiny, digits: datasets.ImageSet
) -> None:
    trainer = Trainer(tiny(), digits)
    before = copy.deepcopy(trainer.discriminator.state_dict())
    (batch,) = trainer._schedule[0].batches
    trainer._step._update_generator(batch, trainer.generator(batch.z), 1.0)
    assert all(parameter.grad is None for parameter in trainer.discriminator.parameters())
    after = trainer.discriminator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_more_images_a_step_than_there_are(tiny: Tiny, digits: datasets.ImageSet) -> None:
    with pytest.raises(DataError, match=r"takes 2000 images, the data has 1797"):
        Trainer(tiny(("train.batch_size", 2000)), digits)


def test_images_of_another_shape(tiny: Tiny, digits: datasets.ImageSet) -> None:
    with pytest.raises(DataError, match=r"\(1, 28, 28\).*\(3, 28, 28\)"):
        Trainer(tiny(("data.channels", 3)), digits)


def test_without_a_decay_no_average_is_kept(tiny: Tiny, digits: datasets.ImageSet) -> None:
    trainer = Trainer(tiny(("train.ema_decay", 0.0)), digits)
    assert trainer.average is None
    assert trainer.sampled is trainer.generator
    assert "average" not in trainer.state()


def rates(trainer: Trainer) -> list[float]:
    """G's rate at each step."""
    seen = []
    for _ in range(trainer.total_steps):
        seen.append(trainer.config.train.lr_g * float(trainer._schedule[trainer.step].lr_factor))
        trainer.one_step()
    return seen


def test_the_rates_fall_when_it_is_time(tiny: Tiny, digits: datasets.ImageSet) -> None:
    config = tiny(("train.lr_decay_from", 0.5), ("train.lr_g", 0.01))
    seen = rates(Trainer(config, digits))
    assert seen[:8] == [0.01] * 8
    np.testing.assert_allclose(seen[8:], 0.01 * np.arange(6, 0, -1) / 7)
    assert set(rates(Trainer(tiny(("train.lr_g", 0.01)), digits))) == {0.01}


def test_the_lazy_penalty_comes_every_so_often(
    tiny: Tiny, digits: datasets.ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    r1_penalty = losses.r1_penalty

    def count(*args: Any) -> Any:
        counted.append(1)
        return r1_penalty(*args)

    monkeypatch.setattr(losses, "r1_penalty", count)
    trainer = Trainer(tiny(("train.r1", 1.0), ("train.r1_every", 4)), digits)
    rates(trainer)
    assert len(counted) == 4  # of 14 steps the 1st, 5th, 9th and 13th


def test_the_precision_of_products_is_left_as_it_was(tiny: Tiny, digits: datasets.ImageSet) -> None:
    before = torch.get_float32_matmul_precision()
    seen = set()
    for event in Trainer(tiny(("train.precision", "bfloat16")), digits):
        seen.add(torch.get_float32_matmul_precision())
        assert event is not None
    assert seen == {before}
