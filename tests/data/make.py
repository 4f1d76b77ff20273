"""Writes checkpoint-v1.pt: what test_old_files.py reads for ever. Run it for a new format only.

python tests/data/make.py
"""

from __future__ import annotations

from pathlib import Path

from mnistgan import datasets
from mnistgan.config import toml
from mnistgan.storage import checkpoint
from mnistgan.training.trainer import Trainer

CONFIG = {
    "name": "old",
    "seed": 1,
    "data": {"name": "digits", "image_size": 4},
    "model": {
        "latent_dim": 2,
        "generator": {"widths": [2]},
        "discriminator": {"widths": [2], "spectral_norm": True},
    },
    # float32 because the other formats differ between processors
    "train": {"epochs": 4, "batch_size": 600, "device": "cpu", "precision": "float32"},
}

if __name__ == "__main__":
    config = toml.validate(CONFIG, "old")
    trainer = Trainer(config, datasets.load(config.data))
    for _ in range(3):
        trainer.one_step()
    path = Path(__file__).parent / f"checkpoint-v{checkpoint.FORMAT_VERSION}.pt"
    checkpoint.save_checkpoint(path, config, trainer.state())
