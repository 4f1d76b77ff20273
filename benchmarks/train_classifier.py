"""Train the classifier for MNIST that ships with the package.

    python benchmarks/train_classifier.py mnistgan/evaluation/mnistgan-lenet-v1.pt

Another build of torch or number of threads gives other weights of the same quality. Figures of
different weights cannot be compared, so a new file needs a new name.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.evaluation import classifier
from mnistgan.storage.atomic import sha256


def main() -> None:
    """Train the classifier, test it, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    train, test = (datasets.load(DataConfig(), part) for part in ("train", "test"))
    network = classifier.fit(
        train,
        epochs=options.epochs,  # more than the default: it is trained once, for everybody
        on_progress=lambda step: print(f"\r{step.done}/{step.total}", end=""),
    )
    accuracy = classifier.accuracy(network, test)
    classifier.save(options.out, network, accuracy)
    size, digest = options.out.stat().st_size, sha256(options.out)
    print(f"\naccuracy {accuracy:.4f}, {size:,} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
