"""How much the results of the labs vary with the rounding of the processor and with the seed.

python benchmarks/labs.py                      # writes results/labs.json; about 7 minutes per way

A student's processor rounds differently from ours, and after a few hundred steps the runs differ.
MKL and ATen can be set to compute as an older processor does, so one machine shows it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import common

from mnistgan.storage import tables

LABS = Path(__file__).parents[1] / "examples" / "labs"
BALANCED = ("--set", "train.lr_g=0.001", "--set", "train.lr_d=0.001")
RUNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "lab1": ("1-healthy", ()),
    "lab2": ("2-vanishing", ()),
    "lab2-non-saturating": ("2-vanishing", ("--set", "train.loss=non-saturating")),
    "lab3": ("3-out-of-balance", ()),
    "lab3-balanced": ("3-out-of-balance", BALANCED),
    "lab4": ("4-mode-collapse", ()),
    "lab4-calm": ("4-mode-collapse", ("--set", "train.betas=[0.5, 0.999]")),
    "lab5": ("5-cures", ()),
    "lab5-spectral": (
        "5-cures",
        ("--set", "train.r1=0", "--set", "model.discriminator.spectral_norm=true"),
    ),
    "lab5-average": ("5-cures", ("--set", "train.r1=0", "--set", "train.ema_decay=0.999")),
    "lab6": ("6-wasserstein", ()),
}
"""The commands of docs/labs.md: a name -> the config, and what differs."""

AVX2 = {"MKL_CBWR": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
WAYS: dict[str, tuple[int, int, dict[str, str]]] = {
    "as it is": (1, 1, {}),
    "as a processor with AVX2": (1, 1, AVX2),
    "seed 2": (2, 1, {}),
}
"""A name -> the seed, the number of threads and the environment."""

LAST = 200
"""Steps whose mean is taken at the end of each epoch."""


def main() -> None:
    """Train every lab in every way; save after each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", type=int, default=len(WAYS))
    ways = parser.parse_args().ways
    rows: list[dict[str, Any]] = []
    for way in list(WAYS)[:ways]:
        rows += [{"run": run, "way": way} | train(run, *WAYS[way]) for run in RUNS]
        common.save("labs", rows)


def train(run: str, seed: int, threads: int, environment: dict[str, str]) -> dict[str, Any]:
    """One run: its figures epoch by epoch, and what the watch says."""
    config, more = RUNS[run]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "mnistgan", "train", "--config", str(LABS / f"{config}.toml"),
            *more, "--seed", str(seed), "--threads", str(threads), "--output-dir", f"{folder}/run",
        ]  # fmt: skip
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, check=True
        )
        directory = Path(folder) / "run"
        return figures(directory) | {
            "watch": re.findall(r"^mnistgan: warning: (.*?)(?:;.*)?$", done.stderr, re.MULTILINE),
            "verdict": done.stderr.splitlines()[-2],
        }


def figures(directory: Path) -> dict[str, Any]:
    """The means over the last steps of each epoch, and the figures of the evaluations."""
    metrics = tables.read_metrics(directory / "metrics.csv")
    ends = [metrics["epoch"].searchsorted(e, "right") for e in sorted(set(metrics["epoch"]))]
    means = {
        name: [float(f"{metrics[name][end - LAST : end].mean():.3g}") for end in ends]
        for name in ("loss_D", "loss_G", "D(x)", "D(G(z1))", "D(G(z2))")
    }
    measured = tables.read_evaluations(directory / "evaluations.csv")
    return means | {
        name: [float(f"{value:.3g}") for value in measured[name]]
        for name in ("frechet_distance", "precision", "recall", "missing_classes")
    }


if __name__ == "__main__":
    main()
