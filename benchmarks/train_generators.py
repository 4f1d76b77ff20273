"""Train the generators that ship with the package, from nothing but the data.

    python benchmarks/train_generators.py mnist mnist-mlp quickstart

Each is the final generator of a run on one thread: ``mnist`` takes 90 minutes, ``mnist-mlp`` 25,
``quickstart`` 8. A run that is already in the folder is resumed, or used if it is complete. Another
build of torch or another processor gives other weights of the same quality.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import mnistgan
from mnistgan import generators
from mnistgan.evaluation import candidates, reference
from mnistgan.export.safetensors import export_safetensors

RECIPES: dict[str, tuple[str, ...]] = {
    "mnist": ("cgan-dcgan",),
    "mnist-mlp": ("cgan-mlp",),
    # The preset quickstart is made to be quick: it reaches a Frechet distance of 12, this one 0.4.
    "quickstart": (
        "cgan-dcgan", "--data", "digits", "--epochs", "200", "--set", "name=quickstart",
        "--set", "model.latent_dim=32", "--set", "model.generator.width=32",
        "--set", "model.discriminator.width=32", "--set", "train.batch_size=32",
        "--set", "train.ema_decay=0.999", "--set", "evaluate.every=50",
    ),
}  # fmt: skip
"""A name -> the preset, and what differs."""
IMAGES = 10_000  # measured, as many as the floor of MNIST has


def main() -> None:
    """Train, export and measure each of the named generators."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=RECIPES)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path(generators.__file__).parent)
    options = parser.parse_args()
    for name in options.names:
        run = options.runs / name
        train(RECIPES[name], run)
        target = options.out / f"{name}.safetensors"
        export_safetensors(mnistgan.load_generator(run / "g.pt"), target)
        figures = measure(target)
        text = json.dumps(figures, indent=2, allow_nan=False)
        target.with_suffix(".json").write_text(f"{text}\n", "utf-8")
        print(f"{target}: {target.stat().st_size:,} bytes; {figures['verdict']}")


def train(recipe: tuple[str, ...], run: Path) -> None:
    """Start the run, or resume it."""
    new = ["--config", *recipe, "--output-dir", str(run)]
    what = ["--resume", str(run)] if run.exists() else new
    command = [sys.executable, "-m", "mnistgan", "train", *what, "--threads", "1"]
    subprocess.run(command, check=True)


def measure(path: Path) -> dict[str, object]:
    """The figures of a generator file, as ``mnistgan evaluate`` prints them."""
    loaded = candidates.load(path, False, IMAGES, seed=0)
    real = reference.load(loaded.data)
    labels = loaded.labels_among(real.train.classes)
    return mnistgan.evaluate(loaded.images, real, labels=labels).to_json()


if __name__ == "__main__":
    main()
