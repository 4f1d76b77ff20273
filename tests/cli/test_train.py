"""``mnistgan train`` from the command line."""

from __future__ import annotations

import dataclasses
import re
import signal
from pathlib import Path

import pytest
import tomli
from support import Invoke

from mnistgan.catalog import DATA_SETS
from mnistgan.cli import signals
from mnistgan.progress import StopToken
from mnistgan.storage.run_directory import RunDirectory


def test_a_run_under_runs(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
    result = invoke("train", "--config", tiny_toml)
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"runs/tiny-\d{8}-\d{6}\n", result.stdout)
    assert (tmp_path / result.stdout.strip() / "g.pt").is_file()
    lines = result.stderr.splitlines()
    assert "1,797 images of 28x28x1 from digits" in result.stderr
    assert sum(line.startswith("epoch ") for line in lines) == 2
    assert re.search(r"epoch 1/2  step 7  loss_D \S+  loss_G \S+  D\(x\) 0\.\d+", result.stderr)
    assert "\x1b" not in result.output


def test_quiet_prints_the_result_only(invoke: Invoke, tiny_toml: Path) -> None:
    result = invoke("train", "--config", tiny_toml, "--quiet", "--output-dir", "run")
    assert (result.stdout, result.stderr) == ("run\n", "")


def test_defaults_then_toml_then_set_then_flag(invoke: Invoke, tiny_toml: Path) -> None:
    result = invoke(
        "train", "--config", tiny_toml, "--dry-run", "--set", "train.epochs=5",
        "--set", "train.batch_size=99", "--epochs", 7, "--lr", "0.01", "--latent-dim", 5,
        "--image-size", 16, "--channels", 3, "--seed", 9, "--device", "cpu", "--max-minutes", 3,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    config = tomli.loads(result.stdout)
    assert config["train"]["epochs"] == 7
    assert config["train"]["batch_size"] == 99
    assert config["train"]["lr_g"] == config["train"]["lr_d"] == 0.01
    assert config["train"]["max_minutes"] == 3
    assert config["train"]["d_steps"] == 1
    assert config["model"]["latent_dim"] == 5
    assert config["data"]["name"] == "digits"
    assert (config["data"]["image_size"], config["data"]["channels"]) == (16, 3)
    assert config["seed"] == 9


def test_a_dry_run_writes_nothing(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
    result = invoke("train", "--config", tiny_toml, "--dry-run")
    assert result.exit_code == 0
    assert "step 1: loss_D" in result.stderr
    assert "Linear(in_features=8" in result.stderr
    assert list(tmp_path.iterdir()) == [tiny_toml]


def test_the_clock(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
    result = invoke(
        "train", "--config", tiny_toml, "--epochs", 10**6, "--max-minutes", 0.01,
        "--output-dir", "run",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "time limit reached at step" in result.stderr
    assert RunDirectory(tmp_path / "run").checkpoint_files()


BAD = [
    (["--config", "none.toml"], "none.toml: cannot be read"),
    (["--config", "folder/"], "cannot be read"),
    (["--config", "dcgn"], "is neither a file nor a preset; did you mean 'dcgan'"),
    (["--epochs", "0"], "train.epochs: must be greater than or equal to 1, got 0 (from --epochs)"),
    (["--lr", "-1"], "train.lr_g: must be greater than 0, got -1.0 (from --lr)"),
    (["--lr", "nan"], "train.lr_g: must be a finite number"),
    (["--batch-size", "100000", "--data", "digits"], "one step takes 100000 images"),
    (
        ["--data", "mnst"],
        "data.name: 'mnst' is not a data set (see: mnistgan data); did you mean 'mnist'?",
    ),
    (["--device", "gpu"], "train.device: must be 'auto', 'cpu', 'cuda' or 'mps', got 'gpu'"),
    (["--set", "train.loss=hinj"], "did you mean 'hinge'"),
    (["--set", "train.epochs"], "is not KEY=VALUE"),
    (["--set", "model.classes=a,b"], "classes need conditional = true"),
    (["--set", "name=a/b"], "name: must have at most 64 letters (A to Z), digits, dots"),
    (["--set", "seed.x=1"], "seed: must be"),
    (["--channels", "2"], "data.channels: must be 1 or 3, got 2 (from --channels)"),
    (["--image-size", "30", "--set", "model.family=dcgan"], "multiple of 4"),
    (["--resume", "nowhere"], "nowhere: is not a run directory"),
    (["--output-dir", "taken.txt", "--data", "digits"], "taken.txt: cannot be written"),
    (["--data", "mnist"], "mnist is not in"),
    (["--data", "none.npz"], "none.npz: cannot be read"),
    (["--data", "some/folder"], "does not exist"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_input_is_refused_before_anything_is_written(
    invoke: Invoke,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    unreachable = dataclasses.replace(DATA_SETS["mnist"], mirrors=("http://127.0.0.1:9/",))
    monkeypatch.setitem(DATA_SETS, "mnist", unreachable)
    (tmp_path / "taken.txt").write_text("")
    result = invoke("train", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("mnistgan: error: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / "taken.txt").read_text() == ""


def test_a_malformed_toml_names_its_place(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("seed = 1\n[train\n")
    result = invoke("train", "--config", "bad.toml")
    assert result.exit_code == 2
    assert "bad.toml: is not valid TOML" in result.stderr
    assert "line 2, column 7" in result.stderr


def test_several_mistakes_are_told_together(invoke: Invoke) -> None:
    result = invoke("train", "--epochs", 0, "--set", "train.los=hinge", "--set", "sed=3")
    assert result.exit_code == 2
    assert "the config has 3 mistakes:" in result.stderr
    assert "train.los: unknown key; did you mean 'loss'? (from --set)" in result.stderr


def test_a_directory_that_holds_a_run(invoke: Invoke, trained: Path, tiny_toml: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    result = invoke("train", "--config", tiny_toml, "--output-dir", trained)
    assert result.exit_code == 2
    assert "already contains a run" in result.stderr
    assert f"--resume {trained}" in result.stderr
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before


def test_resume_and_output_dir_exclude_each_other(invoke: Invoke, trained: Path) -> None:
    result = invoke("train", "--resume", trained, "--output-dir", "other")
    assert result.exit_code == 2


def test_an_ignored_signal_stays_ignored() -> None:
    """As SIGHUP is under nohup, whose user wants the run to go on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.leave_at_once(), signals.stop_on(StopToken().request):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
def test_on_the_real_mnist(invoke: Invoke, mnist_root: Path, tmp_path: Path) -> None:
    result = invoke(
        "train", "--config", "mlp-256", "--data-root", mnist_root, "--epochs", 1,
        "--batch-size", 2000, "--output-dir", "run",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "60,000 images of 28x28x1 from mnist" in result.stderr
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 31


def test_resuming_a_checkpoint_file_names_its_run(invoke: Invoke, trained: Path) -> None:
    (file, *_) = sorted((trained / "checkpoints").iterdir())
    result = invoke("train", "--resume", file)
    assert result.exit_code == 2
    assert f"{file}: is not a run directory; give {trained}\n" in result.stderr
