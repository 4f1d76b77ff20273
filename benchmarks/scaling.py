"""Speed of a run with several processes, one thread or GPU each, compared with one process.

python benchmarks/scaling.py                   # writes results/scaling.json
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import common
import torch

from mnistgan.storage import tables

CASES = (("mlp-tanh", 256), ("dcgan", 128), ("dcgan", 256))


def main() -> None:
    """Measure every case with one process, and with one per GPU but at least two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=0.25, help="for each rate")
    options = parser.parse_args()
    ranks = max(2, torch.cuda.device_count())
    common.save("scaling", [case(*one, ranks, options.rounds, options.minutes) for one in CASES])


def case(preset: str, batch: int, ranks: int, rounds: int, minutes: float) -> dict[str, Any]:
    """One preset at one batch size of the whole run."""
    found = common.in_turn(
        {
            "one": partial(images_per_second, preset, batch, 1, minutes),
            "all": partial(images_per_second, preset, batch, ranks, minutes),
        },
        rounds,
        warm_up=0,
    )
    ratio = common.ratios(found["all"], found["one"])
    return {
        "preset": preset,
        "batch": batch,
        "ranks": ranks,
        "one rank, images/s": common.median(found["one"]),
        "all ranks, images/s": common.median(found["all"]),
        "all against one": ratio,
        "efficiency": round(ratio["median"] / ranks, 3),
    }


def images_per_second(preset: str, batch: int, ranks: int, minutes: float) -> float:
    """The median over the second half of a run's steps: the first half includes warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        # One thread each: more would only compete for the same cores.
        command = [
            sys.executable, "-m", "mnistgan", "train", "--config", preset, "--quiet",
            "--batch-size", str(batch), "--max-minutes", str(minutes), "--threads", "1",
            "--output-dir", f"{folder}/run", "--nproc", str(ranks),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        rates = tables.read_metrics(Path(folder) / "run" / "metrics.csv")["images/s"].tolist()
    return float(statistics.median(rates[len(rates) // 2 :]))


if __name__ == "__main__":
    main()
