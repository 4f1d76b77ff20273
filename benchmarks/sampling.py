"""Speed of a generator when its images are written to a file, compared with its own speed.

python benchmarks/sampling.py                  # writes results/sampling.json
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common
import torch

from mnistgan.config import presets, toml
from mnistgan.models import networks
from mnistgan.sampling.blocks import BLOCK
from mnistgan.sampling.generator import Generator
from mnistgan.storage import checkpoint
from mnistgan.synthetic import image_files
from mnistgan.synthetic.selection import ImageStream, Sampler

PRESETS = ("mlp-tanh", "fast", "dcgan")


def main() -> None:
    """Measure the untrained generator of each preset; training does not change its speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each rate, about")
    parser.add_argument("-n", type=int, default=1_000_000, help="images of the whole command")
    options = parser.parse_args()
    rows = [into_a_file(preset, options.rounds, options.seconds) for preset in PRESETS]
    common.save("sampling", [*rows, whole_command(PRESETS[0], options.n)])


def into_a_file(preset: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Images per second of G alone, and with writing to an .npz, in turn."""
    generator = untrained(preset)
    z = torch.randn(BLOCK, generator.config.model.latent_dim)

    def blocks_of_forwards(count: int) -> None:
        with torch.no_grad():
            for _ in range(0, count, BLOCK):
                generator.network(z)

    # The first pass allocates memory; the second gives the number of images for ``seconds``.
    blocks_of_forwards(10 * BLOCK)
    alone = 10 * BLOCK / common.seconds(lambda: blocks_of_forwards(10 * BLOCK))
    count = max(BLOCK, int(alone * seconds) // BLOCK * BLOCK)
    with tempfile.TemporaryDirectory() as folder:

        def into_npz() -> None:
            drawing = ImageStream(Sampler(generator), count)
            shape = networks.image_shape(generator.config)
            image_files.write_images(Path(folder) / "out.npz", "npz", drawing, count, shape)

        found = common.in_turn(
            {
                "alone": rate(count, lambda: blocks_of_forwards(count)),
                "npz": rate(count, into_npz),
            },
            rounds,
        )
    return {
        "preset": preset,
        "forward images/s": common.median(found["alone"]),
        "npz images/s": common.median(found["npz"]),
        "share": common.ratios(found["npz"], found["alone"]),
    }


def rate(count: int, work: Callable[[], None]) -> Callable[[], float]:
    """Images per second of work that makes ``count`` images."""
    return lambda: count / common.seconds(work)


def whole_command(preset: str, count: int) -> dict[str, Any]:
    """Seconds and peak memory of the process ``mnistgan sample``."""
    generator = untrained(preset)
    state = {"generator": generator.network.state_dict(), "step": 0, "epoch": 0}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "g.pt"
        checkpoint.save_generator(file, generator.config, state)
        command = [
            sys.executable,
            "-m",
            "mnistgan",
            "sample",
            "--ckpt",
            str(file),
            "-n",
            str(count),
        ]
        command += ["--format", "npz", "--out", f"{folder}/out.npz"]
        taken = common.seconds(lambda: subprocess.run(command, check=True, capture_output=True))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "preset": preset,
        "command": f"mnistgan sample -n {count} --format npz",
        "seconds": round(taken, 1),
        "peak MiB": round(peak),
    }


def untrained(preset: str) -> Generator:
    """A preset's generator with its first weights."""
    config = toml.validate(toml.read_toml(presets.path(preset)), preset)
    return Generator(networks.build_generator(config).eval(), config, 0, 0)


if __name__ == "__main__":
    main()
