"""Runs that several processes train together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from support import Invoke, Tiny

import mnistgan
from mnistgan import datasets
from mnistgan.config import DataConfig, RunConfig, toml
from mnistgan.errors import UsageError
from mnistgan.storage import checkpoint, tables
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training.ranks import ALONE, Ranks
from mnistgan.training.trainer import Trainer

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="this torch was built without torch.distributed"
)


def start(config: Path, run: Path, *more: str) -> subprocess.Popen[str]:
    arguments = ["--config", str(config), "--output-dir", str(run), "--nproc", "2", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "mnistgan", "train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    with process:
        stdout, stderr = process.communicate()
        return process.returncode, stdout, stderr


def difference(first: Path, second: Path) -> float:
    """The largest between the weights that two runs ended with."""
    before, after = (checkpoint.read_file(run / "g.pt").weights for run in (first, second))
    return max(float((before[name] - after[name]).abs().max()) for name in before)


@pytest.fixture
def config(tiny: Tiny) -> RunConfig:
    """Fourteen steps an epoch, without batch statistics, with every use of noise."""
    return tiny(
        ("train.batch_size", 64),
        ("train.loss", "wasserstein-gp"),
        ("train.d_steps", 2),
        ("train.epochs", 5),
        ("train.precision", "float32"),
        ("model.generator.norm", "none"),
    )


@pytest.fixture
def config_file(config: RunConfig, tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(toml.to_toml(config), encoding="utf-8")
    return path


@pytest.mark.slow
def test_two_ranks_train_the_run_of_one(
    config: RunConfig, config_file: Path, tmp_path: Path, invoke: Invoke
) -> None:
    whole = mnistgan.train(config, tmp_path / "whole")
    code, stdout, stderr = outcome(start(config_file, tmp_path / "both", "--epochs", "4"))
    assert code == 0, stderr
    assert stdout == f"{tmp_path / 'both'}\n"
    assert "float32; 2 ranks\n" in stderr
    assert stderr.count("epoch 1/4") == 1, "one rank speaks"
    # The rest on one rank again.
    result = invoke("train", "--resume", tmp_path / "both", "--epochs", 5)
    assert result.exit_code == 0, result.output
    assert "ranks was 2, now 1" in result.stderr
    assert difference(whole, tmp_path / "both") < 1e-4
    metrics = [tables.read_metrics(run / "metrics.csv") for run in (whole, tmp_path / "both")]
    assert len(metrics[0]["step"]) == 70
    for column in ("step", "loss_D", "loss_G", "D(x)", "D(G(z2))"):
        torch.testing.assert_close(*(torch.tensor(t[column]) for t in metrics), rtol=0, atol=1e-4)


def wait_for_epoch(process: subprocess.Popen[str], epoch: int) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"epoch {epoch}/"):
            return
    pytest.fail("it ended early")


def ranks_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the ranks in /proc")
def test_a_rank_that_dies_ends_the_run_with_its_checkpoint_whole(
    config_file: Path, tmp_path: Path
) -> None:
    process = start(config_file, tmp_path / "run", "--epochs", "5000")
    wait_for_epoch(process, 1)
    while not RunDirectory(tmp_path / "run").checkpoint_files():
        time.sleep(0.05)  # a look at the disk, until what was waited for is there
    first, second = ranks_of(process)
    Path(f"/proc/{second}").stat()
    assert first != second
    subprocess.run(["kill", "-KILL", str(second)], check=True)
    code, _, stderr = outcome(process)
    assert code == 1
    assert "Traceback" not in stderr
    assert "resume from the last checkpoint: mnistgan train --resume" in stderr
    newest = RunDirectory(tmp_path / "run").checkpoint_files()[0]
    assert checkpoint.load_checkpoint(newest).step > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_signal_ends_all_ranks_after_the_same_step(config_file: Path, tmp_path: Path) -> None:
    process = start(config_file, tmp_path / "run", "--epochs", "5000")
    wait_for_epoch(process, 1)
    process.send_signal(signal.SIGINT)
    code, stdout, stderr = outcome(process)
    assert (code, stdout) == (130, f"{tmp_path / 'run'}\n")
    assert "resume with: mnistgan train --resume" in stderr
    run = RunDirectory(tmp_path / "run")
    step = checkpoint.load_checkpoint(run.checkpoint_files()[0]).step
    assert len(run.metrics_file.read_text().splitlines()) == step + 1


def test_mistakes_are_told_once_and_before_ranks_are_started(invoke: Invoke) -> None:
    result = invoke("train", "--nproc", 2, "--set", "train.epochz=3")
    assert result.exit_code == 2
    assert result.stderr.count("train.epochz") == 1


@pytest.mark.parametrize(("batch", "size"), [(64, 3), (4, 4)])
def test_a_batch_that_cannot_be_shared(tiny: Tiny, batch: int, size: int) -> None:
    data = datasets.load(DataConfig(name="digits"))
    with pytest.raises(UsageError, match=f"{batch} images cannot be shared evenly by {size} ranks"):
        Trainer(tiny(("train.batch_size", batch)), data, ranks=Ranks(0, size))


def test_parts_make_the_whole() -> None:
    batch = torch.arange(12).view(6, 2)
    parts = [Ranks(rank, 3).local_rows(batch) for rank in range(3)]
    assert torch.equal(torch.cat(parts), batch)


def test_alone_nothing_changes() -> None:
    one: Any = torch.ones(2)
    ALONE.average([one])
    ALONE.broadcast([one])
    assert one.tolist() == [1, 1]
    assert ALONE.any(True, one.device)
    assert not ALONE.any(False, one.device)
