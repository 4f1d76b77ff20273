"""Speed of a training step, compared with a tutorial's loop and the limit of the machine.

    python benchmarks/throughput.py                # writes results/throughput.json
    python benchmarks/render.py                    # results/*.json -> RESULTS.md

Rates are measured in turn; ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from typing import Any

import common
import floor
import tutorial

from mnistgan import datasets
from mnistgan.config import RunConfig, presets, toml
from mnistgan.training.trainer import Trainer

CASES = (("mlp-tanh", 64), ("mlp-tanh", 128), ("mlp-batchnorm", 128), ("dcgan", 64), ("dcgan", 128))


def main() -> None:
    """Measure every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each rate")
    parser.add_argument("--data", default="mnist", help="data set")
    options = parser.parse_args()
    rows = [
        case(preset, batch, options.data, options.rounds, options.seconds)
        for preset, batch in CASES
    ]
    common.save("throughput", rows)


def case(preset: str, batch: int, data_name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """One preset at one batch size."""
    exact = recipe(preset, batch, data_name, "float32")
    automatic = recipe(preset, batch, data_name, "auto")
    data = datasets.load(exact.data)
    trainers = {"float32": Trainer(exact, data), "auto": Trainer(automatic, data)}
    with tutorial.elsewhere(exact, trainers["auto"].device, seconds) as tutorials:
        measured: dict[str, tutorial.Rate] = {"tutorial": tutorials}
        for name, trainer in trainers.items():
            measured[name] = partial(common.rate, steps(trainer), seconds)
        found = common.in_turn(measured, rounds)
    least = {name: floor.seconds(Trainer(t.config, data)) for name, t in trainers.items()}
    row: dict[str, Any] = {"preset": preset, "batch": batch, "auto is": trainers["auto"].precision}
    for name, rates in found.items():
        row[f"{name} steps/s"] = common.median(rates)
    for name in trainers:
        row[f"{name} against tutorial"] = common.ratios(found[name], found["tutorial"])
        row[f"{name} ms"] = round(1e3 / max(found[name]), 2)
        row[f"{name} floor ms"] = {key: round(1e3 * s, 2) for key, s in least[name].items()}
    return row


def recipe(preset: str, batch: int, data_name: str, precision: str) -> RunConfig:
    """A preset with another batch size and precision, for endless epochs."""
    table = toml.read_toml(presets.path(preset))
    table["data"] |= {"name": data_name}
    table["train"] |= {"batch_size": batch, "precision": precision, "epochs": 10**6}
    return toml.validate(table, preset)


def steps(trainer: Trainer) -> Iterator[int]:
    """The step number after each event of a trainer, which includes the cost of its events."""
    for _ in trainer:
        yield trainer.step


if __name__ == "__main__":
    main()
