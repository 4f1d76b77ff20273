"""Files of earlier versions load, or are refused with advice; made by data/make.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from support import Invoke

from mnistgan import datasets
from mnistgan.config import toml
from mnistgan.errors import FileFormatError
from mnistgan.storage import checkpoint
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training.trainer import Trainer

DATA = Path(__file__).parents[1] / "data"
OLD = sorted(DATA.glob("checkpoint-v*.pt"))


def test_every_format_so_far_is_kept() -> None:
    names = [f"checkpoint-v{one + 1}.pt" for one in range(checkpoint.FORMAT_VERSION)]
    assert [path.name for path in OLD] == names
    assert all(path.stat().st_size < 60_000 for path in OLD)


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_an_old_checkpoint_is_trained_on(path: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Or it is refused, and the message says what to do."""
    run = RunDirectory(tmp_path / "run")
    run.checkpoints.mkdir(parents=True)
    shutil.copy(path, run.checkpoint_file(3))
    try:
        config = checkpoint.load_checkpoint(path).config
    except FileFormatError as error:
        assert "install the version that wrote it" in str(error)  # noqa: PT017
        return
    run.config_file.write_text(toml.to_toml(config))
    result = invoke("train", "--resume", run.path)
    assert result.exit_code == 0, result.output
    assert "going on after step 3" in result.stderr
    whole = Trainer(config, datasets.load(config.data))
    list(whole)
    resumed = checkpoint.load_checkpoint(run.checkpoint_files()[0]).weights
    assert whole.average is not None
    for name, tensor in whole.average.state_dict().items():
        # The first three steps may have been taken on another processor.
        torch.testing.assert_close(resumed[name], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_an_old_checkpoint_is_sampled(path: Path, tmp_path: Path, invoke: Invoke) -> None:
    result = invoke("sample", "--ckpt", path, "-n", 3, "--format", "npz")
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "samples.npz")["images"].shape == (3, 4, 4)
