"""Response time of ``mnistgan play`` over HTTP, with the server in a separate process.

The server's processor time is that of its main thread, which does all the work; it needs Linux.

python benchmarks/playing.py                   # writes results/playing.json
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import common
import numpy as np

from mnistgan.config import presets, toml
from mnistgan.models import networks
from mnistgan.storage import checkpoint

PRESETS = ("fast", "dcgan")
SHEETS = ("one", "seeds", "axes")


def main() -> None:
    """Measure the untrained generator of each preset; training does not change its speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "g.pt"
        common.save("playing", [row for name in PRESETS for row in rows(name, file, requests)])


def rows(preset: str, file: Path, requests: int) -> list[dict[str, Any]]:
    """Milliseconds per kind of picture, requested in turn, and the load average."""
    config = toml.validate(toml.read_toml(presets.path(preset)), preset)
    weights = networks.build_generator(config).state_dict()
    checkpoint.save_generator(file, config, {"generator": weights, "step": 0, "epoch": 0})
    waits: dict[str, list[float]] = {sheet: [] for sheet in SHEETS}
    works: dict[str, list[float]] = {sheet: [] for sheet in SHEETS}
    with serving(file) as (connection, used):
        for seed in range(requests):
            for sheet in SHEETS:
                before = used()
                waits[sheet].append(common.seconds(partial(ask, connection, seed, sheet)))
                works[sheet].append(used() - before)
    load = round(os.getloadavg()[0], 1)
    return [
        {
            "generator": preset,
            "picture": sheet,
            "requests": requests,
            "processor ms": milliseconds(works[sheet], 50),
            "median ms": milliseconds(waits[sheet], 50),
            "95th percentile ms": milliseconds(waits[sheet], 95),
            "load average": load,
        }
        for sheet in SHEETS
    ]


@contextlib.contextmanager
def serving(file: Path) -> Iterator[tuple[http.client.HTTPConnection, Callable[[], float]]]:
    """Yield a connection to the server, and a function that returns its processor time."""
    command = [sys.executable, "-m", "mnistgan", "play", "--ckpt", str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        clock = Path(f"/proc/{process.pid}/schedstat")
        # Port 0: the server chooses a free port and prints its address.
        place = process.stdout.readline().strip().removeprefix("http://").removesuffix("/")
        with contextlib.closing(http.client.HTTPConnection(place)) as connection:
            yield connection, lambda: int(clock.read_text().split()[0]) / 1e9
        process.send_signal(signal.SIGINT)


def milliseconds(seconds: list[float], percentile: float) -> float:
    """A percentile in milliseconds, rounded to three digits."""
    return float(f"{1000 * np.percentile(seconds, percentile):.3g}")


def ask(connection: http.client.HTTPConnection, seed: int, sheet: str) -> None:
    """Request one picture with a new seed and a moved slider, which no cache can contain."""
    connection.request("GET", f"/image?seed={seed}&s1=1.5&sheet={sheet}")
    answer = connection.getresponse()
    assert answer.status == 200
    answer.read()


if __name__ == "__main__":
    main()
