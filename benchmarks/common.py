"""Shared by the benchmarks: timing in turn, a description of the machine, results as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mnistgan

RESULTS = Path(__file__).parent / "results"


def in_turn(
    measured: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Call all measurements once per round, and return their values by name."""
    # In turn, not one after the other: other work on the machine then affects all of them alike.
    found: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(-warm_up, rounds):
        for name, measure in measured.items():
            value = measure()
            if number >= 0:
                found[name].append(value)
    return found


def rate(steps: Iterator[int], seconds: float) -> float:
    """Steps per second of an endless training, whose iterator yields the step number."""
    first = last = next(steps)
    began = now = time.perf_counter()
    while now - began < seconds:
        last, now = next(steps), time.perf_counter()
    return (last - first) / (now - began)


def seconds(work: Callable[[], object]) -> float:
    """Run the work, and return its duration in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ratios(above: list[float], below: list[float]) -> dict[str, float]:
    """Median and quartiles of the ratios of values from the same round."""
    # Not the ratio of medians: what slows a whole round cancels out in its pair.
    pairs = [one / other for one, other in zip(above, below, strict=True)]
    low, middle, high = np.percentile(pairs, [25, 50, 75]).round(3).tolist()
    return {"median": middle, "low": low, "high": high}


def median(values: list[float]) -> float:
    """The median, rounded to four digits."""
    return float(f"{statistics.median(values):.4g}")


def machine() -> dict[str, Any]:
    """Date, processor, cores, GPU and versions."""
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {
            "mnistgan": mnistgan.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def processor() -> str:
    """The processor's name; platform.processor() does not know it on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


def save(name: str, rows: list[dict[str, Any]]) -> None:
    """Write the machine and the rows of a table to results/NAME.json, and print the rows."""
    for row in rows:
        print("  ".join(f"{key}: {value}" for key, value in row.items()), flush=True)
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(), "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
