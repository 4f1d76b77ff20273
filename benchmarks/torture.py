"""Runs under kills, file errors and full disks; writes results/torture.json.

    python benchmarks/torture.py                   # 15 minutes or more on one idle core
    python benchmarks/torture.py --every 10        # only at every tenth file operation

Each attempt disturbs a run and checks its directory: every file is complete, there is a valid
checkpoint if one was announced, and an error is one sentence. Then it resumes the run to its end
and compares every file with those of an undisturbed run. The fast form is
tests/system/test_faults.py.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common import RESULTS, save

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from faults import ERRORS, Disk, Nursery, Torture

SEED = 20261122
LEAN = ("outputs.curves=false", "evaluate.every=0")


def main() -> None:
    """Make all kinds of attempts, and save after each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=120, help="runs killed at random moments")
    parser.add_argument("--every", type=int, default=1, help="file operations between two attempts")
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    options = parser.parse_args()
    path = RESULTS / "torture.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"] if path.exists() else []
    with tempfile.TemporaryDirectory() as folder, Nursery(Path(folder) / "cache") as nursery:
        for kind, make in _kinds(options).items():
            if options.only in kind:
                (place := Path(folder) / f"{len(kind)}").mkdir()
                rows = [row for row in rows if row["kind"] != kind]
                rows.append({"kind": kind, "every": options.every, **make(nursery, place)})
                save("torture", rows)


Attempt = tuple[list[dict[str, Any]], bool]
"""Faults, one after another, and whether the first one disturbs a run that is being resumed."""

Kind = Callable[[Nursery, Path], dict[str, Any]]


def _kinds(options: argparse.Namespace) -> dict[str, Kind]:
    """The kinds of attempts by name; some run without curves and evaluations, which are slow."""

    def points(operations: list[str], every: int = 1) -> range:
        return range(1, len(operations) + 1, every * options.every)

    def at_random(torture: Torture, times: int, count: int) -> list[Attempt]:
        rng = random.Random(SEED + times)  # noqa: S311 - for moments, not for secrets
        longest = 1.1 * torture.seconds
        return [
            ([{"kill_after": rng.uniform(0, longest)} for _ in range(times)], False)
            for _ in range(count)
        ]

    def error(at: int) -> dict[str, int]:
        return {"at": at, "error": ERRORS[at % len(ERRORS)]}

    return {
        "SIGKILL at a random moment": _of(lambda one: at_random(one, 1, options.random)),
        "a full disk: a tmpfs of 8, 40, 72 ... KiB": _full_disks,
        "SIGKILL at each file operation": _of(
            lambda one: [([{"at": at}], False) for at in points(one.operations)]
        ),
        "ENOSPC, EDQUOT, EROFS or EIO at each file operation": _of(
            lambda one: [([error(at)], False) for at in points(one.operations)], *LEAN
        ),
        "SIGKILL at every second file operation of a resumption": _of(
            lambda one: [([{"at": at}], True) for at in points(one.resumed, 2)], *LEAN
        ),
        "one of these errors at every fourth of a resumption": _of(
            lambda one: [([error(at)], True) for at in points(one.resumed, 4)], *LEAN
        ),
        "SIGKILL at a random moment, twice": _of(lambda one: at_random(one, 2, 20), *LEAN),
    }


def _of(attempts: Callable[[Torture], list[Attempt]], *changes: str) -> Kind:
    """Attempts on runs with these changes of the config."""

    def make(nursery: Nursery, place: Path) -> dict[str, Any]:
        torture = Torture(nursery, place, *changes)
        return _count(torture, attempts(torture))

    return make


def _count(torture: Torture, attempts: list[Attempt], disk: Disk | None = None) -> dict[str, Any]:
    """Make the attempts, and count their outcomes."""
    ends = Counter[str]()
    failures: list[str] = []
    began = time.monotonic()
    for many, begun in attempts:
        if disk is not None:
            disk.resize(many[0].pop("disk"))
        relieve = (lambda: None) if disk is None else partial(disk.resize, 2**26)
        try:
            outcomes = torture.survive(*many, begun=begun, relieve=relieve)[:-1]
            ends.update(_END[max(-1, one.code)] for one in outcomes)
        except AssertionError as error:
            failures.append(f"{many}: {str(error)[:500]}")
            torture.clear()
    return {
        "attempts": len(attempts),
        **ends,
        "seconds": round(time.monotonic() - began),
        "failures": failures,
    }


_END = {-1: "killed", 0: "went on to the end", 1: "stopped, exit 1", 2: "refused, exit 2"}


def _full_disks(nursery: Nursery, place: Path) -> dict[str, Any]:
    """Attempts on a separate file system, with sizes from too small to sufficient."""
    try:
        disk = Disk(place / "disk")
    except (OSError, subprocess.CalledProcessError) as error:
        return {"attempts": 0, "skipped": str(error)}
    try:
        torture = Torture(nursery, disk.folder, *LEAN)
        room = sum(map(len, torture.whole.values()))
        sizes = range(8 * 1024, room + room // 5, 32 * 1024)
        return _count(torture, [([{"disk": size}], False) for size in sizes], disk)
    finally:
        disk.close()


if __name__ == "__main__":
    main()
