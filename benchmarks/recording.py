"""Cost of recording every step: a whole run compared with the trainer alone.

python benchmarks/recording.py                 # writes results/recording.json
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import common
from rich.console import Console

from mnistgan import datasets
from mnistgan.cli.views import LiveView
from mnistgan.config import RunConfig, presets, toml
from mnistgan.runs import plan
from mnistgan.runs.run import Run
from mnistgan.training.trainer import Trainer

PRESETS = ("fast", "mlp-tanh")  # the others have slower steps, so a smaller relative cost


def main() -> None:
    """Measure every preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    common.save("recording", [case(preset, options.rounds) for preset in PRESETS])


def case(preset: str, rounds: int) -> dict[str, Any]:
    """One preset, on MNIST."""
    table = toml.read_toml(presets.path(preset))
    table["train"]["epochs"] = 10**6
    config = toml.validate(table, preset)
    with tempfile.TemporaryDirectory() as folder:
        loops = {
            "bare": bare(config),
            "recorded": recorded(config, Path(folder) / "recorded", every=10**6),
            "saved": recorded(config, Path(folder) / "saved", every=1),
        }
        epoch = len(datasets.load(config.data)) // config.train.batch_size
        measured = {name: partial(rate, loop, epoch) for name, loop in loops.items()}
        found = common.in_turn(measured, rounds)
        for loop in loops.values():
            loop.close()
    return {
        "preset": preset,
        **{f"{name} steps/s": common.median(rates) for name, rates in found.items()},
        "recorded against bare": common.ratios(found["recorded"], found["bare"]),
        "saved, too, against bare": common.ratios(found["saved"], found["bare"]),
    }


def rate(loop: Iterator[int], steps: int) -> float:
    """Steps per second over a whole epoch, including the work at its end."""
    first = last = next(loop)
    began = time.perf_counter()
    # A whole epoch, because writing and drawing happen at its end.
    while last - first < steps:
        last = next(loop)
    return (last - first) / (time.perf_counter() - began)


def bare(config: RunConfig) -> Generator[int, None, None]:
    """Only the steps, without reading back their metrics."""
    trainer = Trainer(config, datasets.load(config.data))
    while True:
        trainer._train_step()
        trainer._pending = 0
        yield trainer.step


def recorded(config: RunConfig, folder: Path, every: int) -> Generator[int, None, None]:
    """A run as by ``mnistgan train`` in a terminal, with a checkpoint every ``every`` epochs."""
    saving = toml.replace(config, {"checkpoint.every": every})
    run = Run(plan.plan_config(saving, folder))
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with LiveView(console, run.trainer, folder) as view:
        for event in run:
            view.handle(event)
            yield run.trainer.step


if __name__ == "__main__":
    main()
