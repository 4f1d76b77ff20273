"""Time of a step by kinds of operators, measured with torch's profiler.

python benchmarks/anatomy.py                   # writes results/anatomy.json
"""

from __future__ import annotations

import argparse
from collections import Counter
from functools import partial
from typing import Any

import common
import throughput
from torch.profiler import ProfilerActivity, profile

from mnistgan import datasets
from mnistgan.training.trainer import Trainer

KINDS = {
    "products": ("mm", "addmm", "_convolution", "mkldnn_convolution", "convolution_backward"),
    "Adam, average": ("_fused_adam_", "lerp_"),
    "conversions, copies": ("copy_", "cat", "index"),
    "BatchNorm": ("native_batch_norm", "native_batch_norm_backward"),
}
"""Operators by kind; all others count as ``others``."""

STEPS = 40


def main() -> None:
    """Measure every case in both precisions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", default="mnist", help="data set")
    options = parser.parse_args()
    common.save(
        "anatomy",
        [
            case(preset, batch, precision, options.data, options.rounds)
            for preset, batch in throughput.CASES
            for precision in ("float32", "auto")
        ],
    )


def case(preset: str, batch: int, precision: str, data_name: str, rounds: int) -> dict[str, Any]:
    """Milliseconds of a step without the profiler, and of its operators under the profiler."""
    # The profiler slows down Python more than the operators. So the difference between the whole
    # step without it and the sum of the operators counts as Python's and autograd's time.
    config = throughput.recipe(preset, batch, data_name, precision)
    trainer = Trainer(config, datasets.load(config.data))
    take(trainer)
    times, parts = [], []
    for _ in range(rounds):
        times.append(1e3 * common.seconds(partial(take, trainer)) / STEPS)
        parts.append(operators(trainer))
    least = min(parts, key=Counter.total)
    step = min(times)
    return {
        "preset": preset,
        "batch": batch,
        "precision": trainer.precision,
        "step ms": round(step, 2),
        **{f"{kind} ms": round(value, 2) for kind, value in least.items()},
        "Python, autograd ms": round(max(0.0, step - least.total()), 2),
    }


def take(trainer: Trainer) -> None:
    """Take a few steps without events."""
    for _ in range(STEPS):
        trainer._train_step()
        trainer._pending = 0


def operators(trainer: Trainer) -> Counter[str]:
    """Milliseconds per step inside the operators, by kind."""
    # self_cpu_time_total: an operator that calls another must not count its time twice.
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        take(trainer)
    kinds = {f"aten::{name}": kind for kind, names in KINDS.items() for name in names}
    found: Counter[str] = Counter(dict.fromkeys((*KINDS, "others"), 0))
    for event in profiled.key_averages():
        if event.key.startswith("aten::"):
            found[kinds.get(event.key, "others")] += event.self_cpu_time_total / 1e3 / STEPS
    return found


if __name__ == "__main__":
    main()
