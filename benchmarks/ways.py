"""Effect of ``train.accelerate = "graph"`` on this machine's GPU.

    python benchmarks/ways.py                      # writes results/ways.json

Rates are measured in turn, after all have warmed up; ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import common
import throughput
import torch
import tutorial

from mnistgan import datasets
from mnistgan.config import toml
from mnistgan.models import devices
from mnistgan.training.trainer import Trainer

CASES = (("mlp-tanh", 64), ("mlp-batchnorm", 128), ("fast", 64), ("dcgan", 128))
WAYS = ("none", "graph")
WARM_UP = 40  # steps; enough to record also those with R1, every eighth
EPOCHS = 500  # as in a published run that took 1.5 hours


def main() -> None:
    """Measure every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each rate")
    parser.add_argument("--data", default="mnist", help="data set")
    options = parser.parse_args()
    device = devices.resolve("cuda")
    rows = [
        case(preset, batch, options.data, device, options.rounds, options.seconds)
        for preset, batch in CASES
    ]
    common.save("ways", rows)


def case(
    preset: str, batch: int, data_name: str, device: torch.device, rounds: int, seconds: float
) -> dict[str, Any]:
    """One preset at one batch size, with the automatic precision."""
    config = throughput.recipe(preset, batch, data_name, "auto")
    data = datasets.load(config.data)
    trainers = {}
    for way in WAYS:
        keys = {"train.accelerate": way, "train.device": device.type}
        trainers[way] = Trainer(toml.replace(config, keys), data)
    # Reported separately: recording a graph takes time once, at the start of a run.
    warm_up = {
        way: common.seconds(partial(take, trainer, WARM_UP)) for way, trainer in trainers.items()
    }
    with tutorial.elsewhere(config, device, seconds) as tutorials:
        measured: dict[str, tutorial.Rate] = {"tutorial": tutorials}
        for way, trainer in trainers.items():
            measured[way] = partial(common.rate, throughput.steps(trainer), seconds)
        found = common.in_turn(measured, rounds)
    row: dict[str, Any] = {"preset": preset, "batch": batch}
    row["precision"] = trainers["none"].precision
    for name, rates in found.items():
        row[f"{name} steps/s"] = common.median(rates)
    for name in trainers:
        row[f"{name} against tutorial"] = common.ratios(found[name], found["tutorial"])
        row[f"{name}, first {WARM_UP} steps s"] = round(warm_up[name], 1)
    best = max(row[f"{name} steps/s"] for name in trainers)
    row[f"{EPOCHS} epochs s, at the best rate"] = round(EPOCHS * (len(data) // batch) / best)
    return row


def take(trainer: Trainer, count: int) -> None:
    """Take ``count`` steps."""
    for _ in range(count):
        trainer.one_step()


if __name__ == "__main__":
    main()
