"""What does it cost to record every step? A whole run against the bare trainer.

python benchmarks/recording.py                 # writes results/recording.json
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import common
from rich.console import Console

from mnistgan import config_io, datasets, preflight, presets
from mnistgan.cli.views import LiveView
from mnistgan.config import RunConfig
from mnistgan.run import Run
from mnistgan.training import Trainer

PRESETS = ("fast", "mlp-tanh", "dcgan")


def main() -> None:
    """Measure every preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each rate")
    options = parser.parse_args()
    common.save("recording", [case(preset, options.rounds, options.seconds) for preset in PRESETS])


def case(preset: str, rounds: int, seconds: float) -> dict[str, Any]:
    """One preset, on MNIST."""
    table = config_io.read_toml(presets.path(preset))
    table["train"]["epochs"] = 10**6
    config = config_io.validate(table, preset)
    with tempfile.TemporaryDirectory() as folder:
        loops = {"bare": bare(config), "recorded": recorded(config, Path(folder))}
        measured = {name: partial(common.rate, loop, seconds) for name, loop in loops.items()}
        found = common.in_turn(measured, rounds)
        for loop in loops.values():
            loop.close()
    return {
        "preset": preset,
        **{f"{name} steps/s": common.median(rates) for name, rates in found.items()},
        "recorded against bare": common.ratios(found["recorded"], found["bare"]),
    }


def bare(config: RunConfig) -> Generator[int, None, None]:
    """Nothing but the steps."""
    trainer = Trainer(config, datasets.load(config.data))
    while True:
        trainer._train_step()
        trainer._pending = 0
        yield trainer.step


def recorded(config: RunConfig, folder: Path) -> Generator[int, None, None]:
    """As ``mnistgan train`` does it in a terminal, with saving and drawing after each epoch."""
    run = Run(preflight.plan_config(config, folder / "run"))
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with LiveView(console, folder, run.trainer.fixed_images) as view:
        for event in run:
            view.handle(event)
            yield run.trainer.step


if __name__ == "__main__":
    main()
