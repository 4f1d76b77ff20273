"""The moving average of G."""

from __future__ import annotations

import torch
from support import Tiny

from mnistgan.models.networks import build_generator
from mnistgan.training import ema


def test_weights_and_batch_statistics_move_together(tiny: Tiny) -> None:
    average, model = build_generator(tiny()), build_generator(tiny(("seed", 1)))
    model(torch.randn(32, 8))  # moves the running statistics
    before = {name: tensor.clone() for name, tensor in average.state_dict().items()}
    ema.MovingAverage(average, model).update(0.1)
    for name, tensor in average.state_dict().items():
        fresh = model.state_dict()[name]
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, 0.9 * before[name] + 0.1 * fresh)
        else:
            assert torch.equal(tensor, fresh)


def test_the_decay_warms_up() -> None:
    decays = [ema.warmed_up_decay(0.99, step) for step in range(1, 2000)]
    assert decays[0] == 2 / 11
    assert decays == sorted(decays)
    assert decays[-1] == 0.99
