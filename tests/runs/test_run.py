"""A whole run: its directory, its resumption, its end by signal, by kill, by failure."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import pytest
import torch
from support import Invoke, StopAfter, Tiny, heard_signals

import mnistgan
from mnistgan.config import toml
from mnistgan.errors import MnistganError
from mnistgan.events import EpochEnded, Event, RunEnded
from mnistgan.progress import StopToken
from mnistgan.rendering import animations
from mnistgan.runs import plan
from mnistgan.runs.run import Run
from mnistgan.storage import checkpoint, tensor_zip
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training.trainer import Trainer

pytestmark = pytest.mark.slow  # trains many runs


def result_of(run: Path) -> dict[str, Any]:
    """Everything that a run leaves and that resuming must not change."""
    newest = RunDirectory(run).checkpoint_files()[0]
    state = checkpoint.load_checkpoint(newest).state
    rows = list(csv.reader((run / "metrics.csv").read_text().splitlines()))
    return {
        "checkpoint": newest.name,
        "bytes": newest.read_bytes(),
        "state": {name: t.numpy().tobytes() for name, t in tensor_zip.tensors(state)},
        "generator": (run / "g.pt").read_bytes(),
        "metrics": [row[:-1] for row in rows],  # the last column is the speed
        "samples": {path.name: path.read_bytes() for path in (run / "samples").iterdir()},
        "animation": (run / "training.gif").read_bytes(),
    }


def test_a_schedule_is_not_stretched(invoke: Invoke, tiny_toml: Path) -> None:
    falling = ("--set", "train.lr_decay_from=0.5")
    invoke("train", "--config", tiny_toml, *falling, "--output-dir", "run")
    result = invoke("train", "--resume", "run", "--epochs", 4)
    assert result.exit_code == 2
    assert "train.epochs was 2, now 4" in result.stderr


def test_what_a_run_leaves(trained: Path) -> None:
    run = RunDirectory(trained)
    assert {path.name for path in trained.iterdir() if not path.name.startswith(".")} == {
        "config.toml", "environment.json", "checkpoints", "g.pt", "metrics.csv", "samples",
        "training.gif", "curves.png",
    }  # fmt: skip
    assert [path.name for path in run.checkpoint_files()] == [
        "step-00000014.pt", "step-00000007.pt",
    ]  # fmt: skip
    assert {path.name for path in run.samples.iterdir()} == {
        "real.png", "epoch_001.png", "epoch_002.png", "index.csv",
    }  # fmt: skip
    config = run.read_config()
    assert config.outputs["samples"] == {"epochs": "every", "pattern": "epoch_{epoch:03d}.png"}
    assert set(config.outputs) == {"metrics", "samples", "animation", "curves"}
    environment = json.loads(run.environment_file.read_text())
    assert environment["mnistgan"] == mnistgan.__version__
    assert environment["torch"] == str(torch.__version__)
    assert environment["device"] == "cpu"
    assert re.match(r"\d{4}-\d\d-\d\dT", environment["started"])


def test_its_config_repeats_the_run(trained: Path, invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("train", "--config", trained / "config.toml", "--output-dir", "again")
    assert result.exit_code == 0
    assert result_of(tmp_path / "again") == result_of(trained)


def test_only_the_newest_checkpoints_stay(tiny: Tiny, tmp_path: Path) -> None:
    config = tiny(("train.epochs", 5), ("checkpoint.keep", 2), ("checkpoint.every", 2))
    run = RunDirectory(mnistgan.train(config, tmp_path / "run"))
    names = [path.name for path in run.checkpoint_files()]
    assert names == ["step-00000035.pt", "step-00000028.pt"]


@pytest.mark.parametrize("step", [1, 7, 10])
def test_a_run_that_is_stopped_goes_on_exactly(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, trained: Path, step: int
) -> None:
    run = mnistgan.train(tiny(), tmp_path / "run", stop=StopAfter(step))
    assert RunDirectory(run).checkpoint_files()[0].name == f"step-{step:08d}.pt"
    result = invoke("train", "--resume", run)
    assert result.exit_code == 0, result.output
    assert result_of(run) == result_of(trained)


def test_more_epochs_later_are_as_good_as_at_once(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, trained: Path
) -> None:
    run = mnistgan.train(tiny(("train.epochs", 1)), tmp_path / "run")
    assert invoke("train", "--resume", run, "--epochs", 2).exit_code == 0
    resumed, unbroken = result_of(run), result_of(trained)
    assert resumed == unbroken
    assert RunDirectory(run).read_config().train.epochs == 2


def test_resuming_a_finished_run_is_no_error(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, trained: Path
) -> None:
    run = mnistgan.train(tiny(), tmp_path / "run")
    result = invoke("train", "--resume", run)
    assert result.exit_code == 0
    assert "finished" in result.stderr
    assert result_of(run) == result_of(trained)


def test_another_recipe_is_refused_by_key(trained: Path, invoke: Invoke) -> None:
    result = invoke("train", "--resume", trained, "--lr", "0.1", "--set", "train.loss=hinge")
    assert result.exit_code == 2
    assert "train.lr_g was 0.001, now 0.1" in result.stderr
    assert "train.loss was 'non-saturating', now 'hinge'" in result.stderr


def test_a_recipe_changed_behind_the_runs_back_is_refused(
    tiny: Tiny, tmp_path: Path, invoke: Invoke
) -> None:
    run = mnistgan.train(tiny(("train.epochs", 1)), tmp_path / "run")
    config = run / "config.toml"
    config.write_text(config.read_text().replace("lr_g = 0.001", "lr_g = 0.1"))
    result = invoke("train", "--resume", run, "--epochs", 2)
    assert result.exit_code == 2
    assert (
        "step-00000007.pt: cannot continue with another config (train.lr_g was 0.001, now 0.1)"
        in (result.stderr)
    )


def test_a_run_is_not_shortened(trained: Path, invoke: Invoke) -> None:
    before = (trained / "config.toml").read_bytes()
    result = invoke("train", "--resume", trained, "--epochs", 1)
    assert result.exit_code == 2
    assert "was trained for 2 epochs" in result.stderr
    assert (trained / "config.toml").read_bytes() == before


def test_other_arithmetic_is_said(tiny: Tiny, tmp_path: Path, invoke: Invoke) -> None:
    run = mnistgan.train(tiny(("train.epochs", 1)), tmp_path / "run")
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        result = invoke("train", "--resume", run, "--epochs", 2)
    finally:
        torch.set_num_threads(threads)
    assert result.exit_code == 0
    assert (
        f"threads was {threads}, now {threads + 1}: results may differ in their last digits"
        in result.stderr
    )


def test_a_dry_run_of_a_resumption_checks_its_checkpoint(
    trained: Path, invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke("train", "--resume", trained, "--epochs", 3, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "step 15: loss_D" in result.stderr


def test_a_damaged_checkpoint_takes_no_good_ones_place(
    tiny: Tiny, tmp_path: Path, invoke: Invoke
) -> None:
    config = tiny(("train.epochs", 3), ("checkpoint.keep", 2))
    run = RunDirectory(mnistgan.train(config, tmp_path / "run"))
    newest = run.checkpoint_files()[0]
    newest.write_bytes(b"PK")
    result = invoke("train", "--resume", run.path, "--max-minutes", "0.00001",
                    "--set", "checkpoint.keep=1")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert invoke("train", "--resume", run.path, "--max-minutes", 100).exit_code == 0
    (kept,) = run.checkpoint_files()
    assert checkpoint.load_checkpoint(kept).state["step"] == 21


def test_a_damaged_newest_checkpoint_is_passed_over(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, trained: Path
) -> None:
    run = mnistgan.train(tiny(), tmp_path / "run")
    newest = RunDirectory(run).checkpoint_files()[0]
    newest.write_bytes(newest.read_bytes()[:-1000])
    result = invoke("train", "--resume", run)
    assert result.exit_code == 0
    assert "step-00000014.pt: is truncated or altered" in result.stderr
    assert "resuming after step 7" in result.stderr
    assert result_of(run) == result_of(trained)


def test_a_checkpoint_under_another_steps_name_is_passed_over(
    tiny: Tiny, tmp_path: Path, invoke: Invoke
) -> None:
    run = RunDirectory(mnistgan.train(tiny(), tmp_path / "run"))
    run.checkpoint_file(7).rename(run.checkpoint_file(999))
    result = invoke("train", "--resume", run.path)
    assert result.exit_code == 0
    assert "step-00000999.pt: contains step 7" in result.stderr
    assert "resuming after step 14" in result.stderr


@pytest.mark.parametrize("folder", ["checkpoints", "samples"])
def test_a_run_never_writes_through_a_link(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, folder: str
) -> None:
    run = mnistgan.train(tiny(("train.epochs", 1)), tmp_path / "run")
    (run / folder).rename(tmp_path / "elsewhere")
    (run / folder).symlink_to(tmp_path / "elsewhere")
    before = sorted((tmp_path / "elsewhere").iterdir())
    result = invoke("train", "--resume", run, "--epochs", 2)
    assert result.exit_code == 2
    assert "is a link" in result.stderr
    assert sorted((tmp_path / "elsewhere").iterdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="the shell is bash")
def test_a_reader_that_leaves_does_not_stop_a_run(tiny_toml: Path, tmp_path: Path) -> None:
    command = (
        f"{sys.executable} -m mnistgan train --config {tiny_toml} --epochs 30 --output-dir run"
    )
    subprocess.run(["bash", "-c", f"{command} 2>&1 | head -1"], cwd=tmp_path, check=True)
    (newest, *_) = RunDirectory(tmp_path / "run").checkpoint_files()
    assert checkpoint.load_checkpoint(newest).state["epoch"] == 30


def test_without_any_whole_checkpoint_nothing_is_overwritten(
    tiny: Tiny, tmp_path: Path, invoke: Invoke
) -> None:
    run = mnistgan.train(tiny(), tmp_path / "run")
    for path in RunDirectory(run).checkpoint_files():
        path.write_bytes(b"PK")
    before = (run / "metrics.csv").read_bytes()
    result = invoke("train", "--resume", run)
    assert result.exit_code == 2
    assert "none of its 2 checkpoints is intact" in result.stderr
    assert (run / "metrics.csv").read_bytes() == before


def test_a_run_without_a_checkpoint_starts_again(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, trained: Path
) -> None:
    run = mnistgan.train(tiny(), tmp_path / "run")
    for path in RunDirectory(run).checkpoint_files():
        path.unlink()
    assert invoke("train", "--resume", run).exit_code == 0
    assert result_of(run) == result_of(trained)


def test_one_writer(tiny: Tiny, tmp_path: Path, invoke: Invoke) -> None:
    run = mnistgan.train(tiny(), tmp_path / "run")
    before = (run / "metrics.csv").read_bytes()
    with filelock.FileLock(run / ".lock"):
        result = invoke("train", "--resume", run)
    assert result.exit_code == 2
    assert "another process is training this run" in result.stderr
    assert (run / "metrics.csv").read_bytes() == before


def test_a_failed_save_keeps_the_one_before(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = checkpoint.save_checkpoint

    def full_disk(path: Path, *rest: Any) -> None:
        if path.name == "step-00000014.pt":
            raise OSError(28, "No space left on device")
        original(path, *rest)

    monkeypatch.setattr(checkpoint, "save_checkpoint", full_disk)
    with pytest.raises(MnistganError, match="No space left") as caught:
        mnistgan.train(tiny(), tmp_path / "run")
    assert caught.value.exit_code == 1
    (kept,) = RunDirectory(tmp_path / "run").checkpoint_files()
    assert checkpoint.load_checkpoint(kept).state["step"] == 7


def test_losses_that_explode_keep_the_last_good_checkpoint(
    tiny: Tiny, tmp_path: Path, invoke: Invoke
) -> None:
    path = tmp_path / "wild.toml"
    wild = tiny(("train.loss", "wasserstein-gp"), ("train.gradient_penalty", 1e30),
                ("train.epochs", 40), ("train.lr_d", 1.0), ("train.lr_g", 1.0))  # fmt: skip
    path.write_text(toml.to_toml(wild))
    result = invoke("train", "--config", path, "--output-dir", "run")
    assert result.exit_code == 1
    assert re.search(r"is no longer finite", result.stderr)
    assert "Traceback" not in result.stderr
    assert "start a new run with lower train.lr_d" in result.stderr


def test_losses_that_explode_later_keep_the_checkpoint_before(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Trainer._train_step

    def explode(self: Trainer) -> None:
        original(self)
        if self.step == 10:
            with torch.no_grad():
                next(self.generator.parameters()).fill_(torch.inf)

    monkeypatch.setattr(Trainer, "_train_step", explode)
    ends: list[object] = []
    with pytest.raises(MnistganError, match="no longer finite at step 11"):
        mnistgan.train(tiny(), tmp_path / "run", on_event=ends.append)
    (kept,) = RunDirectory(tmp_path / "run").checkpoint_files()
    assert checkpoint.load_checkpoint(kept).state["step"] == 7
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 11, "the outputs have the ten good steps"


# Real processes --------------------------------------------------------------------------------

LONG = ["--set", "train.epochs=400", "--set", "checkpoint.every=2"]
"""So long that it says each 20 epochs how it is, and is far from its end when it first does."""


@pytest.fixture
def start(tiny_toml: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``mnistgan train`` in a process of its own."""
    processes = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mnistgan", "train", *arguments]
        with heard_signals():
            process = subprocess.Popen(
                command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        processes.append(process)
        return process

    yield run
    for process in processes:
        with process:
            process.kill()


def wait_for_epoch(process: subprocess.Popen[str], epoch: int) -> None:
    """Read what the process says until it is that far."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith(f"epoch {epoch}/"):
            return
    pytest.fail("".join(said))


def outcome_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end; what it still said on stdout and stderr."""
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        return process.stdout.read(), process.stderr.read()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_run_well(
    start: Callable[..., subprocess.Popen[str]],
    tiny_toml: Path,
    tmp_path: Path,
    name: str,
    code: int,
) -> None:
    run = RunDirectory(tmp_path / "run")
    process = start("--config", str(tiny_toml), "--output-dir", "run", *LONG)
    wait_for_epoch(process, 20)
    process.send_signal(getattr(signal, name))
    stdout, stderr = outcome_of(process)
    assert process.returncode == code, stderr
    assert "resume with: mnistgan train --resume run" in stderr
    assert stdout == "run\n"
    step = checkpoint.load_checkpoint(run.checkpoint_files()[0]).state["step"]
    assert f"stopped at step {step} " in stderr
    assert len(run.metrics_file.read_text().splitlines()) == step + 1
    assert (run.path / "training.gif").is_file()


def test_a_stop_does_not_wait_for_the_drawing_at_the_end(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = StopToken()

    def ask_meanwhile(*_: object) -> None:
        stop.request()
        pytest.fail("the drawing went on")

    events: list[Event] = []
    run = RunDirectory(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(animations, "animate_training", ask_meanwhile)
        mnistgan.train(tiny(), run.path, on_event=events.append, stop=stop)
    assert events[-1] == RunEnded("stopped", 14, 2)
    assert not (run.path / "training.gif").exists()
    assert len(run.metrics_file.read_text().splitlines()) == 15
    (run.path / ".mnistgan-part-1.gif").touch()  # as a killed writer leaves it
    events = list(Run(plan.plan_resume(run.path, None, [])))
    assert events[-1] == RunEnded("finished", 14, 2)
    whole = mnistgan.train(tiny(), tmp_path / "whole")
    assert result_of(run.path) == result_of(whole)
    assert not list(run.path.rglob(".mnistgan-part-*"))


def test_a_kill_between_saving_and_pruning_leaves_nothing_behind(
    tiny: Tiny, tmp_path: Path
) -> None:
    run = RunDirectory(mnistgan.train(tiny(("checkpoint.keep", 1)), tmp_path / "run"))
    (newest,) = run.checkpoint_files()
    run.checkpoint_file(7).write_bytes(newest.read_bytes())
    list(Run(plan.plan_resume(run.path, None, [])))
    assert run.checkpoint_files() == [newest]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_exactly(
    start: Callable[..., subprocess.Popen[str]],
    tiny: Tiny,
    tiny_toml: Path,
    tmp_path: Path,
    invoke: Invoke,
) -> None:
    run = RunDirectory(tmp_path / "run")
    process = start("--config", str(tiny_toml), "--output-dir", "run", *LONG)
    wait_for_epoch(process, 20)
    process.send_signal(signal.SIGKILL)
    outcome_of(process)
    newest = checkpoint.load_checkpoint(run.checkpoint_files()[0])
    epochs = int(newest.state["epoch"]) + 3
    result = invoke("train", "--resume", run.path, "--epochs", epochs)
    assert result.exit_code == 0, result.output
    whole = mnistgan.train(
        tiny(("train.epochs", epochs), ("checkpoint.every", 2)), tmp_path / "whole"
    )
    resumed, unbroken = result_of(run.path), result_of(whole)
    # Pictures of epochs past the last checkpoint may lie there: the index does not name them.
    assert resumed["samples"]["index.csv"] == unbroken["samples"]["index.csv"]
    for name in ("checkpoint", "bytes", "state", "metrics", "generator", "animation"):
        assert resumed[name] == unbroken[name], name


def test_in_a_notebook(tiny: Tiny, tmp_path: Path) -> None:
    epochs = []

    def look(event: object) -> None:
        if isinstance(event, EpochEnded):
            epochs.append(event.epoch)

    path = mnistgan.train(tiny(), str(tmp_path / "run"), on_event=look)
    assert epochs == [1, 2]
    images = mnistgan.sample(mnistgan.load_generator(path), 3)
    assert images.shape == (3, 1, 28, 28)


def test_an_outputs_mistake_in_a_notebook(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(MnistganError, match="no installed package provides the output 'x'"):
        plan.plan_config(tiny(("outputs.x.y", 1)), tmp_path / "run")
