"""A run to be resumed says what it has lost, and since when; what it does afterwards is exact."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import TINY
from support import Invoke, Tiny

import mnistgan
from mnistgan.config import toml
from mnistgan.events import Event, Warned
from mnistgan.runs.plan import plan_resume
from mnistgan.runs.run import Run
from mnistgan.storage.run_directory import RunDirectory

pytestmark = pytest.mark.slow  # trains many runs


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """A finished run of three epochs with seven steps each, measured after each."""
    keys = {"evaluate": {"every": 1, "n": 150}, "train": TINY["train"] | {"epochs": 3}}
    config = toml.validate(TINY | keys, "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTGAN_CACHE", str(cache_folder))
        patch.setattr("mnistgan.evaluation.classifier._TRAIN_STEPS", 150)
        return mnistgan.train(config, tmp_path_factory.mktemp("measured") / "run")


@pytest.fixture
def run(measured: Path, tmp_path: Path) -> RunDirectory:
    """A copy to damage."""
    shutil.copytree(measured, tmp_path / "run")
    return RunDirectory(tmp_path / "run")


def resumed(run: RunDirectory) -> list[str]:
    """The warnings of a resumption that does nothing else."""
    events: list[Event] = list(Run(plan_resume(run.path, None, [])))
    return [event.message for event in events if isinstance(event, Warned)]


def cut_short(path: Path, rows: int) -> None:
    """Keep the header and so many rows."""
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: rows + 1]))


def test_a_whole_run_has_nothing_to_say(run: RunDirectory) -> None:
    assert resumed(run) == []


def test_a_table_that_was_cut_short(run: RunDirectory, invoke: Invoke) -> None:
    cut_short(run.metrics_file, 8)
    lost = f"{run.metrics_file}: steps 9 to 21 of 21 cannot be restored"
    assert lost in invoke("train", "--resume", run.path).stderr
    assert resumed(run) == [lost], "each time: the table and the curves stay without them"


def test_a_table_with_holes(run: RunDirectory) -> None:
    lines = run.metrics_file.read_text().splitlines(keepends=True)
    kept = [lines[row] for row in (0, 1, 3, 4, *range(7, 22))]
    run.metrics_file.write_text("".join(kept))
    assert resumed(run) == [f"{run.metrics_file}: steps 2, 5 to 6 of 21 cannot be restored"]


@pytest.mark.parametrize("raw", [None, b"", b"\xff\xfe\x00\n1,2\n", b"a,b\n1,2\n", b"\0\n"])
def test_a_table_that_is_no_table(run: RunDirectory, raw: bytes | None) -> None:
    run.metrics_file.unlink()
    if raw is not None:
        run.metrics_file.write_bytes(raw)
    # The second warning is about the curves, which need a step.
    assert resumed(run)[0] == f"{run.metrics_file}: steps 1 to 21 of 21 cannot be restored"
    assert run.metrics_file.read_text().startswith("step,epoch,"), "later steps have their table"


@pytest.mark.parametrize(("kept", "since"), [(1, "after step 7"), (0, "from the first")])
def test_lost_measurements(run: RunDirectory, kept: int, since: str) -> None:
    cut_short(run.evaluations_file, kept)
    lost = f"{run.evaluations_file}: measurements {since}, up to step 21, cannot be restored"
    assert resumed(run) == [lost]


def test_lost_grids_do_not_disable_the_animation(run: RunDirectory) -> None:
    (run.samples / "epoch_001.png").unlink()
    (run.path / "training.gif").unlink()
    (message,) = resumed(run)
    assert message.startswith(f"{run.samples}: the grids of epoch 1 cannot be restored")
    assert (run.path / "training.gif").is_file()


def test_a_lost_folder_of_grids(run: RunDirectory) -> None:
    shutil.rmtree(run.samples)
    (message,) = resumed(run)
    assert message.startswith(f"{run.samples}: the grids of epochs 1 to 3 cannot be restored")


def test_grids_that_were_not_wanted_are_not_missed(tiny: Tiny, tmp_path: Path) -> None:
    config = tiny(("outputs.samples", {"epochs": [2]}), ("outputs.metrics", False))
    config = config.model_copy(update={"outputs": config.outputs | {"curves": False}})
    path = mnistgan.train(config, tmp_path / "run")
    assert resumed(RunDirectory(path)) == []


@pytest.mark.parametrize("raw", [None, b"PK"])
def test_a_lost_best_generator(run: RunDirectory, raw: bytes | None) -> None:
    run.best_file.unlink()
    if raw is not None:
        run.best_file.write_bytes(raw)
    (message,) = resumed(run)
    assert message.startswith(f"{run.best_file}: the best generator so far (Frechet distance ")


@pytest.mark.parametrize("raw", [None, b"PK"])
def test_a_lost_generator_is_written_again(
    run: RunDirectory, measured: Path, raw: bytes | None
) -> None:
    run.generator_file.unlink()
    if raw is not None:
        run.generator_file.write_bytes(raw)
    resumed(run)
    assert run.generator_file.read_bytes() == (measured / "g.pt").read_bytes()


def test_lost_checkpoints(run: RunDirectory) -> None:
    shutil.rmtree(run.checkpoints)
    assert resumed(run) == [
        f"{run.checkpoints}: has no checkpoint; training starts at the first step"
    ]


def test_a_run_changes_its_device(run: RunDirectory, invoke: Invoke) -> None:
    """Also from a card that this machine does not have, as after a move."""
    before = run.config_file.read_text()
    run.config_file.write_text(before.replace('device = "cpu"', 'device = "cuda"'))
    failed = invoke("train", "--resume", run.path, "--epochs", 4)
    if failed.exit_code:  # no card here
        assert "train.device: 'cuda' is not available" in failed.stderr
    was = run.read_environment()["precision"]
    now = "float32" if was == "bfloat16" else "bfloat16"
    result = invoke("train", "--resume", run.path, "--epochs", 4, "--device", "cpu",
                    "--set", f"train.precision={now}", "--set", "name=other")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"precision was {was}, now {now}: results may differ\n" in result.stderr
    assert run.checkpoint_files()[0].name == "step-00000028.pt"
    config = run.read_config()
    assert (config.train.device, config.train.precision) == ("cpu", now)
