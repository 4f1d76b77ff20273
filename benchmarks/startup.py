"""Start-up time of commands, compared with the imports that they cannot avoid.

python benchmarks/startup.py                   # writes results/startup.json
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from functools import partial
from typing import Any

import common

MNISTGAN = (sys.executable, "-m", "mnistgan")
LIBRARIES = (sys.executable, "-c", "import typer, rich")
TORCH = (sys.executable, "-c", "import torch")
COMPLETION = {
    "_MNISTGAN_COMPLETE": "complete_bash",
    "COMP_WORDS": "mnistgan train --config ",
    "COMP_CWORD": "3",
}


def main() -> None:
    """Time each command, in turn with the import that it is compared with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    light = {
        "import typer, rich": LIBRARIES,
        "mnistgan --help": (*MNISTGAN, "--help"),
        "mnistgan --version": (*MNISTGAN, "--version"),
        "completion of --config": MNISTGAN,
    }
    heavy = {
        "import torch": TORCH,
        "train --dry-run, embedded digits": (
            *MNISTGAN, "train", "--config", "quickstart", "--dry-run",
        ),
    }  # fmt: skip
    common.save("startup", [*rows(light, rounds), *rows(heavy, max(1, rounds // 2))])


def rows(commands: dict[str, tuple[str, ...]], rounds: int) -> list[dict[str, Any]]:
    """Seconds of each command, and their ratio to those of the first command."""
    # A new process each time: a module that is already imported costs nothing.
    measured = {
        name: partial(common.seconds, partial(run, name, commands[name])) for name in commands
    }
    found = common.in_turn(measured, rounds)
    first = next(iter(commands))
    return [
        {
            "command": name,
            "seconds": common.median(times),
            "against": first,
            "ratio": common.ratios(times, found[first]),
        }
        for name, times in found.items()
    ]


def run(name: str, command: tuple[str, ...]) -> None:
    """Run one process, which must succeed."""
    extra = COMPLETION if name.startswith("completion") else {}
    subprocess.run(command, check=True, env={**os.environ, **extra}, capture_output=True)


if __name__ == "__main__":
    main()
