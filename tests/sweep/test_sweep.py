"""Sweeps: their TOML, their trials, and several workers."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
import tomli
from matplotlib.patches import Rectangle
from support import Invoke, Tiny

from mnistgan.config import toml
from mnistgan.errors import ConfigError, TrainingError, UsageError
from mnistgan.progress import StopToken
from mnistgan.sweep import plan, results
from mnistgan.sweep.search import Search
from mnistgan.training.trainer import Trainer

pytestmark = [pytest.mark.usefixtures("hurried"), pytest.mark.slow]

SWEEP = """
name = "try"
base = "tiny.toml"
trials = 3

[objective]
n = 100

[search]
"train.lr_g" = { low = 1e-4, high = 1e-2, log = true }
"train.batch_size" = { choices = [128, 256] }
"model.latent_dim" = { low = 4, high = 8, step = 2 }
"model.generator.widths" = { choices = [[16], [16, 16]] }
"""


@pytest.fixture
def sweep_toml(tmp_path: Path, tiny: Tiny) -> Path:
    base = tiny(("outputs.curves", False))  # half the time of so short a trial
    (tmp_path / "tiny.toml").write_text(toml.to_toml(base), encoding="utf-8")
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP, encoding="utf-8")
    return path


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "trials.csv").read_text().splitlines()))


def states(search: Search) -> list[str]:
    return [trial.state.name for trial in search.study.get_trials()]


# The TOML --------------------------------------------------------------------------------------


def test_all_mistakes_at_once(sweep_toml: Path) -> None:
    sweep_toml.write_text(
        SWEEP.replace("high = 8", "high = 0")
        .replace("trials = 3", "trails = 3")
        .replace("[128, 256]", "[128], low = 1")
    )
    with pytest.raises(ConfigError) as error:
        plan.read(sweep_toml)
    assert error.value.problems == [
        "search.train.batch_size: choices cannot be combined with low, high, log or step",
        "search.model.latent_dim: low must be less than high",
        "trails: unknown key",
    ]


@pytest.mark.parametrize("name", ["..", ".", "...", ".hidden", "-o", "a/b", "", "a\n"])
def test_a_name_that_is_no_folder_of_its_own(
    invoke: Invoke, sweep_toml: Path, tmp_path: Path, name: str
) -> None:
    sweep_toml.write_text(SWEEP.replace('"try"', json.dumps(name)))
    before = sorted(tmp_path.rglob("*"))
    result = invoke("sweep", "--config", sweep_toml)
    assert result.exit_code == 2, result.output
    assert "name: " in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("train.lr_g", "train.lr", "search.train.lr: unknown key; did you mean train.lr_g"),
        ("[128, 256]", "[128, 0]", "search.train.batch_size: must be greater than or equal to 2"),
        ("low = 4", "low = -4", "search.model.latent_dim: must be greater than"),
        ('"train.lr_g"', "seed", "search.seed: cannot be searched"),
        ("n = 100", "n = 100\nevery = 3", "objective.every: must divide the number of epochs (2)"),
        ("n = 100", 'figure = "fid"', "objective.figure: "),
        ("low = 1e-4, ", "", "search.train.lr_g: must have low and high, or choices"),
        ("low = 1e-4", "low = 0.0", "search.train.lr_g: log requires a low above 0"),
        ("[search]", "[set]\ntrain.epoch = 3\n[search]", "train.epoch: unknown key"),
    ],
)
def test_mistakes_in_a_sweep(sweep_toml: Path, before: str, after: str, problem: str) -> None:
    sweep_toml.write_text(SWEEP.replace(before, after))
    with pytest.raises(ConfigError) as error:
        plan.read(sweep_toml)
    assert any(one.startswith(problem) for one in error.value.problems), error.value.problems


def test_keys_that_are_set_for_all_trials(sweep_toml: Path) -> None:
    sweep_toml.write_text(SWEEP + "[set]\ntrain.epochs = 4\ndata.channels = 3\n")
    config = plan.read(sweep_toml).config({"train.lr_g": 0.5}, seed=7)
    assert (config.train.epochs, config.data.channels) == (4, 3)
    assert (config.train.lr_g, config.seed) == (0.5, 7)
    assert (config.evaluate.every, config.evaluate.n) == (1, 100)


def test_the_direction_of_a_figure() -> None:
    assert plan.Objective(figure="frechet_distance").direction == "minimize"
    assert plan.Objective(figure="coverage").direction == "maximize"


# Trials ----------------------------------------------------------------------------------------


def test_a_sweep_from_the_command_line(invoke: Invoke, sweep_toml: Path, tmp_path: Path) -> None:
    result = invoke("sweep", "--config", sweep_toml)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "sweeps" / "try"
    found = rows(folder)
    assert [row["trial"] for row in found] == ["0", "1", "2"]
    best = min((row for row in found), key=lambda row: float(row["frechet_distance"]))
    config = tomli.loads((folder / "best.toml").read_text())
    assert config["train"]["lr_g"] == pytest.approx(float(best["train.lr_g"]))
    assert str(config["model"]["generator"]["widths"]) == best["model.generator.widths"]
    assert config["evaluate"]["every"] == 0
    assert result.stdout.splitlines() == [
        f"sweeps/try/{name}"
        for name in ("trials.csv", "best.toml", "history.png", "importance.png")
    ]
    assert invoke("train", "--config", folder / "best.toml", "--dry-run").exit_code == 0
    again = invoke("sweep", "--config", sweep_toml)
    assert again.exit_code == 0
    assert "trial 3" not in again.stderr
    assert rows(folder) == found
    more = invoke("sweep", "--config", sweep_toml, "--trials", 4)
    assert more.exit_code == 0
    assert len(rows(folder)) == 4


def test_the_plots_of_a_sweep(sweep_toml: Path, tmp_path: Path) -> None:
    search = Search(plan.read(sweep_toml), tmp_path / "out")
    distributions = {
        "train.lr_g": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True),
        "model.latent_dim": optuna.distributions.IntDistribution(4, 8, step=2),
    }
    kinds = optuna.trial.TrialState
    values = (5.0, 7.0, None, 4.0, 4.5)
    for number, value in enumerate(values):
        search.study.add_trial(
            optuna.trial.create_trial(
                state=kinds.PRUNED if value is None else kinds.COMPLETE,
                value=value,
                params={
                    "train.lr_g": 1e-4 * (number + 1),
                    "model.latent_dim": 4 + 2 * (number % 3),
                },
                distributions=distributions,
            )
        )
    figure = results._history(search)
    axes = figure.axes[0]
    drawn = {
        str(line.get_label()): np.column_stack(line.get_data()).tolist() for line in axes.lines
    }
    assert drawn["completed trial"] == [[0, 5], [1, 7], [3, 4], [4, 4.5]]
    assert drawn["best so far"] == [[0, 5], [1, 5], [3, 4], [4, 4], [4, 4]]
    assert [x for x, _ in drawn["pruned trial"]] == [2]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("trial", "Frechet distance")
    legend = axes.get_legend()
    assert legend is not None
    figure.draw_without_rendering()
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
    bars = results._importance(search).axes[0]
    widths = [bar.get_width() for bar in bars.patches if isinstance(bar, Rectangle)]
    assert sum(widths) == pytest.approx(1)
    assert widths == sorted(widths)  # the first is at the bottom
    assert {label.get_text() for label in bars.get_yticklabels()} == set(distributions)


def test_seeds_count_by_their_mean(sweep_toml: Path, tmp_path: Path) -> None:
    sweep_toml.write_text(SWEEP.replace("n = 100", "n = 100\nseeds = [3, 4]"))
    search = Search(plan.read(sweep_toml, 1), tmp_path / "out")
    search.work(lambda trial: None)
    (trial,) = search.finished()
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4]
    figures = []
    for seed in (3, 4):
        run = tmp_path / "out" / "trials" / "trial-0000" / f"seed-{seed}"
        table = list(csv.DictReader((run / "evaluations.csv").read_text().splitlines()))
        figures.append(float(table[-1]["frechet_distance"]))
    assert trial.value == pytest.approx(sum(figures) / 2)


def test_another_sweep_in_its_place_is_refused(
    invoke: Invoke, sweep_toml: Path, tmp_path: Path
) -> None:
    assert invoke("sweep", "--config", sweep_toml, "--trials", 1).exit_code == 0
    sweep_toml.write_text(SWEEP.replace("high = 8", "high = 10"))
    result = invoke("sweep", "--config", sweep_toml, "--trials", 2)
    assert result.exit_code == 2
    assert "contains a sweep with another search" in result.stderr
    assert len(rows(tmp_path / "sweeps" / "try")) == 1


def test_a_trial_that_diverges_is_pruned(
    sweep_toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(trainer: Trainer) -> None:
        raise TrainingError("loss_D is no longer finite at step 1")

    monkeypatch.setattr(Trainer, "_train_step", diverge)
    search = Search(plan.read(sweep_toml, 2), tmp_path / "out")
    search.work(lambda trial: None)
    assert states(search) == ["PRUNED", "PRUNED"]
    assert "no longer finite" in search.study.get_trials()[0].user_attrs["given up"]
    assert [path.name for path in results.write(search)] == ["trials.csv"]


def test_a_stopped_trial_is_run_again(sweep_toml: Path, tmp_path: Path) -> None:
    class AtThirdCheck(StopToken):
        checks = 0

        @property
        def requested(self) -> bool:
            self.checks += 1
            return self.checks > 3

    first = Search(plan.read(sweep_toml, 2), tmp_path / "out", stop=AtThirdCheck())
    first.work(lambda trial: None)
    assert states(first) == ["FAIL", "WAITING"]
    second = Search(plan.read(sweep_toml, 2), tmp_path / "out")
    second.work(lambda trial: None)
    assert states(second) == ["FAIL", "COMPLETE", "COMPLETE"]
    stopped, retried, _ = second.study.get_trials()
    assert retried.params == stopped.params
    assert retried.user_attrs["retries"] == 0


# Workers ---------------------------------------------------------------------------------------


def command(folder: Path, *more: str) -> list[str]:
    arguments = ["--config", str(folder / "sweep.toml"), "--out", str(folder / "out"), *more]
    return [sys.executable, "-m", "mnistgan", "sweep", *arguments]


@pytest.mark.usefixtures("digits_classifier")
def test_two_workers_share_the_trials(sweep_toml: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, "--jobs", "2", "--trials", "5"),
        check=True,
        capture_output=True,
        text=True,
    )
    assert sorted(row["trial"] for row in rows(tmp_path / "out")) == list("01234")
    assert done.stdout.count("best.toml") == 1
    assert (tmp_path / "out" / ".journal-locks" / "workers").read_text() == "2"


def wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not true():
        assert process.poll() is None, "ended early"
        time.sleep(0.05)  # a look at the disk, until what was waited for is there


@pytest.mark.usefixtures("digits_classifier")
def test_a_killed_workers_trial_is_run_again_and_counted_once(
    sweep_toml: Path, tmp_path: Path
) -> None:
    endless = SWEEP.replace("n = 100", "n = 100\nevery = 2000") + "[set]\ntrain.epochs = 2000\n"
    sweep_toml.write_text(endless)
    with subprocess.Popen(command(tmp_path), stderr=subprocess.DEVNULL) as process:
        run = tmp_path / "out" / "trials" / "trial-0000" / "seed-0"
        wait_until(lambda: any(run.glob("checkpoints/*.pt")), process)
        process.send_signal(signal.SIGKILL)
    search = Search(plan.read(sweep_toml, 2), tmp_path / "out")
    assert states(search) == ["RUNNING"]
    search._requeue_abandoned()
    assert states(search) == ["FAIL", "WAITING"]
    dead, again = search.study.get_trials()
    assert again.system_attrs["fixed_params"] == dead.params
    search._requeue_abandoned()
    assert states(search) == ["FAIL", "WAITING"]


def test_a_running_trial_is_left_alone(sweep_toml: Path, tmp_path: Path) -> None:
    mine, other = (Search(plan.read(sweep_toml), tmp_path / "out") for _ in range(2))
    trial = mine.study.ask()
    with mine._lock(f"{trial.number:04}"):
        other._requeue_abandoned()
        assert states(other) == ["RUNNING"]


def test_a_database_for_many_machines(sweep_toml: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sweep.db"
    for machine in ("one", "other"):
        search = Search(plan.read(sweep_toml, 2), tmp_path / machine, url)
        search.work(lambda trial: None)
    assert states(search) == ["COMPLETE", "COMPLETE"]
    assert len(list((tmp_path / "one" / "trials").iterdir())) == 2
    assert not (tmp_path / "other" / "trials").exists()


def test_an_invalid_storage_is_refused(sweep_toml: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--storage no://database: cannot be opened"):
        Search(plan.read(sweep_toml), tmp_path / "out", "no://database")


def test_a_journal_elsewhere(sweep_toml: Path, tmp_path: Path) -> None:
    for worker in ("one", "other"):
        search = Search(plan.read(sweep_toml, 1), tmp_path / worker, str(tmp_path / "shared.log"))
        search.work(lambda trial: None)
    assert states(search) == ["COMPLETE"]
    assert (tmp_path / ".shared-locks" / "workers").read_text() == "2"


def test_without_optuna(invoke: Invoke, sweep_toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mnistgan.sweep.search")
    monkeypatch.setitem(sys.modules, "optuna", None)
    result = invoke("sweep", "--config", sweep_toml)
    assert result.exit_code == 1
    assert 'pip install "mnistgan[sweep]"' in result.stderr


@pytest.mark.parametrize(
    "path",
    sorted((Path(__file__).parents[2] / "examples" / "sweeps").glob("*.toml")),
    ids=lambda path: path.stem,
)
def test_the_examples_are_right(path: Path) -> None:
    assert plan.read(path).sweep.search
