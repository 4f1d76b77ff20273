"""The inputs of each step: when R1 applies, the rates, the average's weight, rows and noise."""

from __future__ import annotations

import pytest
import torch
from support import Tiny

from mnistgan.training.inputs import InputSchedule
from mnistgan.training.ranks import Ranks

CPU = torch.device("cpu")


def schedule(tiny: Tiny, *keys: tuple[str, object], data_size: int = 100) -> InputSchedule:
    """Ten updates of D per epoch, of ten images each, unless the keys say otherwise."""
    config = tiny(("train.batch_size", 10), ("train.epochs", 3), *keys)
    return InputSchedule(config, data_size, CPU)


@pytest.mark.parametrize("d_steps", [1, 2, 5])
@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (1, list(range(30))),
        (2, list(range(0, 30, 2))),
        (7, [0, 7, 14, 21, 28]),
        (8, [0, 8, 16, 24]),
        (30, [0]),
        (1000, [0]),
    ],
)
def test_r1_applies_to_the_first_update_of_d_and_then_every_nth(
    tiny: Tiny, d_steps: int, every: int, expected: list[int]
) -> None:
    """Updates of D are counted over the whole run, not per step or epoch."""
    inputs = schedule(tiny, ("train.r1_every", every), ("train.d_steps", d_steps))
    updates = [batch.r1 for step in range(inputs.total_steps) for batch in inputs[step].batches]
    assert len(updates) == 30
    assert [number for number, r1 in enumerate(updates) if r1] == expected


def test_r1_of_weight_0_never_applies(tiny: Tiny) -> None:
    inputs = schedule(tiny, ("train.r1", 0.0), ("train.r1_every", 1))
    assert not any(batch.r1 for step in range(30) for batch in inputs[step].batches)


@pytest.mark.parametrize(
    ("data_size", "d_steps", "per_epoch"), [(100, 1, 10), (109, 1, 10), (100, 3, 3), (119, 3, 3)]
)
def test_an_epoch_has_whole_batches_only(
    tiny: Tiny, data_size: int, d_steps: int, per_epoch: int
) -> None:
    inputs = schedule(tiny, ("train.d_steps", d_steps), data_size=data_size)
    assert inputs.steps_per_epoch == per_epoch
    assert inputs.total_steps == 3 * per_epoch


@pytest.mark.parametrize("d_steps", [1, 3])
def test_an_epoch_shows_no_image_twice_and_the_next_has_another_order(
    tiny: Tiny, d_steps: int
) -> None:
    inputs = schedule(tiny, ("train.d_steps", d_steps), data_size=105)
    orders = []
    for epoch in range(3):
        first = epoch * inputs.steps_per_epoch
        steps = range(first, first + inputs.steps_per_epoch)
        rows = torch.cat([batch.rows for step in steps for batch in inputs[step].batches])
        assert len(rows) == 10 * d_steps * inputs.steps_per_epoch
        assert len(rows.unique()) == len(rows)
        assert rows.min() >= 0
        assert rows.max() < 105
        orders.append(rows.tolist())
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_each_update_has_its_own_noise(tiny: Tiny) -> None:
    inputs = schedule(tiny, ("train.d_steps", 2), ("train.loss", "wasserstein-gp"))
    batches = [batch for step in range(inputs.total_steps) for batch in inputs[step].batches]
    z = torch.stack([batch.z for batch in batches])
    mix = torch.stack([batch.mix for batch in batches if batch.mix is not None])
    assert z.shape == (30, 10, 8)
    assert mix.shape == (30, 10)
    assert len(z.flatten().unique()) > 0.99 * z.numel()
    assert len(mix.flatten().unique()) > 0.99 * mix.numel()
    # Means of 2,400 and 300 numbers: five standard errors.
    assert abs(z.mean()) < 0.1
    assert abs(z.std() - 1) < 0.1
    assert mix.min() >= 0
    assert mix.max() < 1
    assert abs(mix.mean() - 0.5) < 0.09


@pytest.mark.parametrize("step", [0, 7, 29])
def test_any_step_can_be_asked_for_at_any_time(tiny: Tiny, step: int) -> None:
    asked, fresh = schedule(tiny), schedule(tiny)
    for other in (29, 0, 15):
        asked[other]
    (one,), (same,) = asked[step].batches, fresh[step].batches
    assert torch.equal(one.rows, same.rows)
    assert torch.equal(one.z, same.z)


@pytest.mark.parametrize(
    ("keys", "has_mix"),
    [
        ({}, False),
        ({"train.loss": "hinge"}, False),
        ({"train.loss": "wasserstein-gp"}, True),
        ({"train.loss": "wasserstein-gp", "train.gradient_penalty": 0.0}, False),
    ],
)
def test_only_the_gradient_penalty_needs_a_mix(
    tiny: Tiny, keys: dict[str, object], has_mix: bool
) -> None:
    (batch,) = schedule(tiny, *keys.items())[0].batches
    assert (batch.mix is not None) == has_mix


def test_the_averages_weight_starts_large_and_ends_at_1_minus_the_decay(tiny: Tiny) -> None:
    """1 - min(decay, (1 + n) / (10 + n)) after the nth step: 9/11, 9/12, 9/13, ..."""
    inputs = schedule(tiny, ("train.ema_decay", 0.5))
    weights = [float(inputs[step].ema_weight) for step in range(12)]
    expected = [9 / 11, 9 / 12, 9 / 13, 9 / 14, 9 / 15, 9 / 16, 9 / 17, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert weights == pytest.approx(expected)


@pytest.mark.parametrize(
    ("decay_from", "expected"),
    [
        (1.0, {0: 1, 29: 1}),
        (0.8, {0: 1, 24: 1, 25: 5 / 6, 27: 3 / 6, 29: 1 / 6}),
        (0.0, {0: 1, 1: 29 / 30, 15: 15 / 30, 29: 1 / 30}),
    ],
)
def test_rates_fall_linearly_from_a_share_of_the_steps_on(
    tiny: Tiny, decay_from: float, expected: dict[int, float]
) -> None:
    """The step after the last one would have the rate 0."""
    inputs = schedule(tiny, ("train.lr_decay_from", decay_from))
    factors = {step: float(inputs[step].lr_factor) for step in expected}
    assert factors == pytest.approx(expected)


def test_ranks_share_a_batch(tiny: Tiny) -> None:
    config = tiny(("train.batch_size", 10), ("train.loss", "wasserstein-gp"))
    (whole,) = InputSchedule(config, 100, CPU)[3].batches
    parts = [InputSchedule(config, 100, CPU, Ranks(rank, 2))[3].batches[0] for rank in range(2)]
    assert whole.mix is not None
    assert torch.equal(torch.cat([part.rows for part in parts]), whole.rows)
    assert torch.equal(torch.cat([part.z for part in parts]), whole.z)
    assert torch.equal(torch.cat([p.mix for p in parts if p.mix is not None]), whole.mix)
