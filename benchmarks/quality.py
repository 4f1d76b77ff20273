"""How good do presets get in how much time? Trains and measures; writes results/quality.json.

    python benchmarks/quality.py                   # everything that is missing in the file
    python benchmarks/quality.py --only fast       # rows whose name contains this
    python benchmarks/render.py                    # results/*.json -> RESULTS.md

Every run is a process of its own, one at a time: leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import torch

import mnistgan

RESULTS = Path(__file__).parent / "results" / "quality.json"


@dataclass(frozen=True)
class Row:
    """One line of the table: a recipe, a budget, and how often it is repeated."""

    name: str
    arguments: tuple[str, ...]
    minutes: float
    seeds: int


ROWS = (
    Row("fast", ("--config", "fast"), 2, 5),
    Row("fast, 10 minutes", ("--config", "fast", "--epochs", "75"), 10, 1),
    Row("mlp-tanh", ("--config", "mlp-tanh"), 5, 1),
    Row("mlp-sigmoid", ("--config", "mlp-sigmoid"), 5, 1),
    Row("mlp-batchnorm", ("--config", "mlp-batchnorm"), 5, 1),
    Row("mlp-256", ("--config", "mlp-256"), 5, 1),
    Row("dcgan", ("--config", "dcgan"), 5, 1),
)


def main() -> None:
    """Run what is missing, and save after each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("-n", type=int, default=10_000, help="samples to measure")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    done = {(one["row"]["name"], one["seed"]) for one in results}
    for row in ROWS:
        for seed in range(row.seeds):
            if options.only in row.name and (row.name, seed) not in done:
                results.append(measure(row, seed, options.n))
                RESULTS.parent.mkdir(exist_ok=True)
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def measure(row: Row, seed: int, count: int) -> dict[str, object]:
    """Train one run within its budget, and measure its generator."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        began = time.monotonic()
        mnistgan_command(
            "train", *row.arguments, "--seed", str(seed), "--max-minutes", str(row.minutes),
            "--output-dir", run, "--quiet", "--set", "checkpoint.every=1000",
            "--set", "outputs.samples=false", "--set", "outputs.animation=false",
        )  # fmt: skip
        seconds = time.monotonic() - began
        file = f"{folder}/figures.json"
        mnistgan_command("evaluate", run, "-n", str(count), "--json", file)
        figures = json.loads(Path(file).read_text())
        steps = json.loads(mnistgan_command("info", f"{run}/g.pt", "--json"))["step"]
    distance = figures["metrics"]["frechet_distance"]
    print(f"{row.name}, seed {seed}: {steps} steps in {seconds:.0f} s: {distance:.2f}", flush=True)
    return {
        "row": asdict(row),
        "seed": seed,
        "steps": steps,
        "seconds": round(seconds, 1),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "processor": processor(),
        "versions": {"mnistgan": mnistgan.__version__, "torch": torch.__version__},
        "figures": figures,
    }


def mnistgan_command(*arguments: str) -> str:
    """What a command prints; it must succeed."""
    command = [sys.executable, "-m", "mnistgan", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def processor() -> str:
    """The processor's name, where Linux tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


if __name__ == "__main__":
    main()
