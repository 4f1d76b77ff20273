"""Quality of the presets after a given time: trains, measures, writes results/quality.json.

    python benchmarks/quality.py                   # all rows that are missing in the file
    python benchmarks/quality.py --only fast       # rows whose name contains this
    python benchmarks/quality.py --table ablation  # effect of each part of the preset fast
    python benchmarks/quality.py --table conditional
    python benchmarks/render.py                    # results/*.json -> RESULTS.md

Each run is a separate process, one at a time; do not use the machine for anything else meanwhile.
The ablation and the conditional presets are limited by steps, not by time, so they may share it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import common
import torch


@dataclass(frozen=True)
class Row:
    """One row of the table: a config, a limit in minutes or None, and the number of seeds."""

    name: str
    arguments: tuple[str, ...]
    minutes: float | None
    seeds: int


QUALITY = (
    Row("fast", ("--config", "fast"), 2, 5),
    Row("fast, 10 minutes", ("--config", "fast", "--epochs", "120"), 10, 1),
    Row("mlp-tanh", ("--config", "mlp-tanh"), 5, 1),
    Row("mlp-sigmoid", ("--config", "mlp-sigmoid"), 5, 1),
    Row("mlp-batchnorm", ("--config", "mlp-batchnorm"), 5, 1),
    Row("mlp-256", ("--config", "mlp-256"), 5, 1),
    Row("dcgan", ("--config", "dcgan"), 5, 1),
)


def changed(*assignments: str, seeds: int = 3) -> Row:
    """The preset ``fast`` with other keys, for 20 epochs: two minutes on two idle cores."""
    sets = [split for one in assignments for split in ("--set", one)]
    name = ", ".join(assignments) or "fast"
    return Row(name, ("--config", "fast", "--epochs", "20", *sets), None, seeds)


ABLATION = (
    changed(seeds=5),
    changed("train.precision=float32", seeds=5),
    changed("train.betas=[0.5, 0.999]"),
    changed("train.r1=0.0"),
    changed("train.ema_decay=0.0"),
    changed("model.generator.norm=none"),
    changed("train.lr_g=0.002", "train.lr_d=0.002"),
    changed("train.loss=hinge"),
    changed("train.r1=0.03"),
    changed("train.lr_decay_from=0.5"),
)
CONDITIONAL = (
    Row("cgan-mlp", ("--config", "cgan-mlp"), None, 3),
    Row("cgan-dcgan", ("--config", "cgan-dcgan"), None, 1),
)
TABLES = {"quality": QUALITY, "ablation": ABLATION, "conditional": CONDITIONAL}


def main() -> None:
    """Run the missing rows, and save after each run, so that it can be interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--table", choices=TABLES, default="quality")
    parser.add_argument("-n", type=int, default=10_000, help="samples to measure")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    file = common.RESULTS / f"{options.table}.json"
    results = json.loads(file.read_text()) if file.exists() else []
    done = {(one["row"]["name"], one["seed"]) for one in results}
    for row in TABLES[options.table]:
        for seed in range(row.seeds):
            if options.only in row.name and (row.name, seed) not in done:
                results.append(measure(row, seed, options.n, options.threads))
                common.RESULTS.mkdir(exist_ok=True)
                file.write_text(json.dumps(results, indent=1) + "\n")


def measure(row: Row, seed: int, count: int, threads: int) -> dict[str, object]:
    """Train one run within its limit, and measure its generator."""
    # Checkpoints, grids and the animation are disabled, because the limit should be spent on steps.
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        began = time.monotonic()
        limit = ("--max-minutes", str(row.minutes)) if row.minutes else ()
        mnistgan_command(
            "train", *row.arguments, "--seed", str(seed), *limit, "--threads", str(threads),
            "--output-dir", run, "--quiet", "--set", "checkpoint.every=1000",
            "--set", "outputs.samples=false", "--set", "outputs.animation=false",
        )  # fmt: skip
        seconds = time.monotonic() - began
        file = f"{folder}/figures.json"
        mnistgan_command(
            "evaluate", run, "-n", str(count), "--json", file, "--threads", str(threads)
        )
        figures = json.loads(Path(file).read_text())
        steps = json.loads(mnistgan_command("info", f"{run}/g.pt", "--json"))["step"]
    distance = figures["figures"]["frechet_distance"]
    print(f"{row.name}, seed {seed}: {steps} steps in {seconds:.0f} s: {distance:.2f}", flush=True)
    return {
        "row": asdict(row),
        "seed": seed,
        "steps": steps,
        "seconds": round(seconds, 1),
        "machine": {**common.machine(), "threads": threads},
        "figures": figures,
    }


def mnistgan_command(*arguments: str) -> str:
    """Run a command, which must succeed, and return its output."""
    command = [sys.executable, "-m", "mnistgan", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
