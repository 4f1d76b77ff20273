"""``mnistgan compare``."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from support import Invoke

from mnistgan.cli import compare as cli_compare
from mnistgan.rendering.grids import read_png
from mnistgan.runs import comparison
from mnistgan.storage.run_directory import RunDirectory

pytestmark = pytest.mark.slow  # trains many runs


@pytest.fixture
def runs(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> list[Path]:
    """Two runs that differ by their seed alone, and one of another recipe."""
    for name, extra in (("a", ()), ("b", ("--seed", 1)), ("c", ("--lr", 0.01))):
        result = invoke("train", "--config", tiny_toml, *extra, "--output-dir", name)
        assert result.exit_code == 0, result.output
    for number, name in enumerate("abc"):
        metrics = {"frechet_distance": 10.0 + number, "precision": 0.5, "missing": ["4"]}
        content = {"n": 100, "classifier": {"name": "x"}, "figures": metrics}
        (tmp_path / name / "evaluation").mkdir()
        (tmp_path / name / "evaluation" / "figures.json").write_text(json.dumps(content))
    return [tmp_path / name for name in "abc"]


def test_runs_that_differ_by_seed_alone_are_one_row(runs: list[Path]) -> None:
    first, second = comparison.compare([RunDirectory(run) for run in runs])
    assert (first.label, first.runs, first.measured_with) == ("a, b", 2, "x, n=100")
    assert first.figures["frechet_distance"] == pytest.approx((10.5, 0.5**0.5))
    assert second.figures["frechet_distance"] == (12.0, 0.0)
    assert second.figures["missing_classes"] == (1.0, 0.0)


def test_the_command_writes_tables_and_pictures(
    invoke: Invoke, runs: list[Path], tmp_path: Path
) -> None:
    result = invoke("compare", *runs, "--out", "out")
    assert result.exit_code == 0, result.output
    for line in (
        "- a: Partly collapsed: one class is missing.",
        "| * is best | a, b | c |",
        "| runs | 2 | 1 |",
        "| steps | 14 | 14 |",
        "| measured with | x, n=100 | x, n=100 |",
        "| Frechet distance | *10.5 ± 0.71 | 12 |",
        "| precision | 0.5 ± 0 | 0.5 |",  # none is best
        "| config | a, b | c |",
        "| seed | 0, 1 | 0 |",
        "| train.lr_g | 0.001 | 0.01 |",
    ):
        assert line in result.stdout.splitlines(), line
    assert (tmp_path / "out" / "table.md").read_text() == result.stdout
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["frechet_distance"]) == 10.5
    grids = read_png(tmp_path / "out" / "grids.png")
    assert grids.shape[0] > grids.shape[1]  # three rows of two epochs
    assert (tmp_path / "out" / "curves.png").exists()


def test_equal_runs_are_not_averaged(invoke: Invoke, runs: list[Path], tmp_path: Path) -> None:
    shutil.copytree(runs[0], tmp_path / "copy")
    result = invoke("compare", *runs, tmp_path / "copy")
    assert "| * is best | a, b | c | copy |" in result.stdout
    said = "a and copy have the same config and seed; they are not averaged"
    assert said in result.stderr.splitlines()


def test_a_collapsed_run_is_never_the_best(invoke: Invoke, runs: list[Path]) -> None:
    path = runs[2] / "evaluation" / "figures.json"
    smudge = {
        "frechet_distance": 1.0,
        "precision": 1.0,
        "variety": 0.01,
        "missing": list("01234567"),
    }
    path.write_text(json.dumps({"n": 100, "classifier": {"name": "x"}, "figures": smudge}))
    result = invoke("compare", *runs)
    assert "- c: Collapsed: the images are nearly all alike; precision means" in result.stdout
    assert "| precision | *0.5 ± 0 | 1 |" in result.stdout
    assert "| Frechet distance | *10.5 ± 0.71 | 1 |" in result.stdout


@pytest.mark.parametrize("width", [50, 80])
def test_a_terminal_shows_each_number_in_full(
    runs: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    path = runs[2] / "evaluation" / "figures.json"
    path.write_text(path.read_text().replace('"x"', '"mnistgan-lenet-v1"'))
    rows = comparison.compare([RunDirectory(run) for run in runs] * 4)
    cli_compare._show(comparison.verdicts(rows), [comparison.table(rows)], "")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    numbers = [word for line in lines if line.startswith("Frechet") for word in line.split()]
    expected = [cell for row in rows for cell in comparison._cell(row, "frechet_distance").split()]
    assert [word for word in numbers if word not in ("Frechet", "distance")] == expected


@pytest.mark.parametrize("width", [50, 80])
def test_a_terminal_marks_the_best(
    runs: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    rows = comparison.compare([RunDirectory(run) for run in runs])
    cli_compare._show(comparison.verdicts(rows), [comparison.table(rows)], "")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert any(line.split() == ["*", "is", "best", "a,", "b", "c"] for line in lines), lines
    words = ["Frechet", "distance", "*10.5", "±", "0.71", "12"]
    assert any(line.split() == words for line in lines), lines


def test_whether_two_runs_are_equal(
    invoke: Invoke, tiny_toml: Path, runs: list[Path], tmp_path: Path
) -> None:
    again = invoke("train", "--config", tiny_toml, "--output-dir", "again", "--set", "name=again")
    assert again.exit_code == 0
    assert (tmp_path / "again" / "g.pt").read_bytes() != (runs[0] / "g.pt").read_bytes()
    result = invoke("compare", "--exact", "a", "again")
    assert (result.exit_code, result.stdout[:6]) == (0, "equal:")
    other = invoke("compare", "--exact", "a", "b")
    assert other.exit_code == 1
    assert "config.toml: seed is 0 and 1" in other.stdout
    assert "metrics.csv: loss_D is " in other.stdout
    assert " in row 1\n" in other.stdout
    assert "g.pt: the weights differ" in other.stdout
    assert "samples/epoch_001.png: the images differ" in other.stdout
    lines = (tmp_path / "again" / "metrics.csv").read_text().splitlines(keepends=True)
    (tmp_path / "again" / "metrics.csv").write_text("".join(lines[:-1]))
    assert "metrics.csv: 14 and 13 rows" in invoke("compare", "--exact", "a", "again").stdout
    assert invoke("compare", "--exact", "a").exit_code == 2
    assert not (tmp_path / "comparison").exists()


def test_runs_that_were_never_measured(invoke: Invoke, trained: Path) -> None:
    result = invoke("compare", trained)
    assert result.exit_code == 0
    assert "mnistgan evaluate RUN" in result.stderr


def test_figures_that_cannot_be_held_against_one_another(invoke: Invoke, runs: list[Path]) -> None:
    assert "different ways" not in invoke("compare", *runs).stderr
    path = runs[2] / "evaluation" / "figures.json"
    path.write_text(path.read_text().replace('"n": 100', '"n": 1000'))
    assert "measured in different ways" in invoke("compare", *runs).stderr


@pytest.mark.filterwarnings("default::mnistgan.errors.OutdatedFileWarning")
def test_figures_of_an_older_version(invoke: Invoke, runs: list[Path]) -> None:
    path = runs[0] / "evaluation" / "figures.json"
    old = {"n": 100, "features": {"name": "x"}, "metrics": {"precision": 0.5}}
    path.write_text(json.dumps(old))
    advice = (
        f"mnistgan: warning: {path}: was written by an older version; run mnistgan evaluate "
        f"{runs[0]} again"
    )
    result = invoke("compare", *runs)
    assert result.exit_code == 0, result.output
    assert advice in result.stderr.splitlines()
    assert "- a: Not measured." in result.stdout
    assert "- c: Partly collapsed" in result.stdout
    for command in (
        ("report", runs[0]),
        ("export", "--ckpt", runs[0], "--format", "hub", "--out", "hub"),
        ("train", "--resume", runs[0], "--epochs", 3, "--set", "outputs.report={}"),
    ):
        (runs[0] / "report.html").unlink(missing_ok=True)
        result = invoke(*command)
        assert result.exit_code == 0, result.output
        assert advice in result.stderr
        assert (runs[0] / "report.html").exists() == (command[0] != "export")


def test_what_is_no_run(invoke: Invoke, runs: list[Path]) -> None:
    assert "is not a run directory" in invoke("compare", "nowhere").stderr
    (runs[0] / "evaluation" / "figures.json").write_text("{}")
    result = invoke("compare", runs[0])
    assert result.exit_code == 2
    assert "figures.json: is not a file of mnistgan evaluate" in result.stderr
