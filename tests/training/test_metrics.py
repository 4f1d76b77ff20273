"""A step's five numbers keep their names, from the step to the table."""

from __future__ import annotations

import math

import pytest
import torch
from support import Tiny

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.errors import TrainingError
from mnistgan.events import StepMetrics
from mnistgan.storage import tables
from mnistgan.training.inputs import StepInputs
from mnistgan.training.trainer import Trainer

NAMES = ("loss_D", "loss_G", "D(x)", "D(G(z1))", "D(G(z2))")


@pytest.fixture
def trainer(tiny: Tiny) -> Trainer:
    config = tiny(("train.batch_size", 599), ("train.epochs", 2))
    return Trainer(config, datasets.load(DataConfig(name="digits")))


def test_each_number_has_its_name(trainer: Trainer) -> None:
    def take_step(inputs: StepInputs) -> torch.Tensor:
        return trainer.step * 10 + torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])

    trainer._take_step = take_step
    steps = [event for event in trainer if isinstance(event, StepMetrics)]
    assert len(steps) == 6
    for number, event in enumerate(steps):
        expected = [10 * number + value for value in (1, 2, 3, 4, 5)]
        assert [event.step, event.epoch] == [number + 1, 1 if number < 3 else 2]
        assert [
            event.loss_d, event.loss_g, event.d_real, event.d_fake_before, event.d_fake_after
        ] == expected  # fmt: skip
        row = dict(zip(tables.METRICS_COLUMNS, tables.metrics_row(event), strict=True))
        assert [row[name] for name in NAMES] == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", range(5))
def test_the_first_number_that_is_not_finite_is_named(
    trainer: Trainer, column: int, value: float
) -> None:
    def take_step(inputs: StepInputs) -> torch.Tensor:
        numbers = torch.ones(5)
        if trainer.step >= 1:
            numbers[column] = value
        return numbers

    trainer._take_step = take_step
    with pytest.raises(TrainingError) as caught:
        list(trainer)
    assert str(caught.value).startswith(f"{NAMES[column]} is no longer finite at step 2;")
