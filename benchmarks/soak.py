"""Memory, open files and threads of a long run, to find leaks.

python benchmarks/soak.py --minutes 20         # writes results/soak.json
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import common
import numpy as np

from mnistgan.events import EpochEnded
from mnistgan.runs.plan import Override, plan_run
from mnistgan.runs.run import Run

_PAGE = resource.getpagesize()


def main() -> None:
    """Train with all outputs, evaluations and the watch; look at the process after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--config", default="quickstart")
    options = parser.parse_args()
    overrides = [
        Override(key, value, "--set")
        for key, value in (
            ("train.epochs", 10**6),
            ("train.max_minutes", options.minutes),
            ("train.precision", "float32"),
            ("evaluate.every", 5),
            ("evaluate.n", 500),
            ("outputs.samples.epochs", "every"),
        )
    ]
    looks = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_run(options.config, overrides, Path(folder) / "run")
        for event in Run(plan):
            if isinstance(event, EpochEnded):
                looks.append((time.monotonic() - began, *footprint()))
        files = sum(1 for _ in Path(folder).rglob("*"))
    common.save("soak", [row(options.config, np.array(looks), files)])


def footprint() -> tuple[float, int, int]:
    """Resident MiB, open files and threads of this process; needs Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    handles = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return pages * _PAGE / 2**20, handles, threading.active_count()


def row(config: str, looks: Any, files: int) -> dict[str, Any]:
    """Slopes by least squares over the last three quarters: in the first, caches fill up."""
    late = looks[len(looks) // 4 :]
    memory, handles, threads = (
        float(np.polyfit(late[:, 0] / 3600, late[:, column], 1)[0]) for column in (1, 2, 3)
    )
    return {
        "config": config,
        "minutes": round(looks[-1, 0] / 60, 1),
        "epochs": len(looks),
        "MiB at a quarter, at the end": f"{late[0, 1]:.0f}, {late[-1, 1]:.0f}",
        "MiB/hour": round(memory, 1),
        "open files, a quarter, the end": f"{late[0, 2]:.0f}, {late[-1, 2]:.0f}",
        "files/hour": round(handles, 2),
        "threads/hour": round(threads, 2),
        "files left in the run": files,
    }


if __name__ == "__main__":
    main()
