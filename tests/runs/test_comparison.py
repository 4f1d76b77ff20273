"""``mnistgan compare``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from support import Invoke

from mnistgan.rendering.grids import read_png
from mnistgan.runs import comparison
from mnistgan.storage.run_directory import RunDirectory


@pytest.fixture
def runs(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> list[Path]:
    """Two runs that differ by their seed alone, and one of another recipe."""
    for name, extra in (("a", ()), ("b", ("--seed", 1)), ("c", ("--lr", 0.01))):
        result = invoke("train", "--config", tiny_toml, *extra, "--output-dir", name)
        assert result.exit_code == 0, result.output
    for number, name in enumerate("abc"):
        metrics = {"frechet_distance": 10.0 + number, "precision": 0.5, "missing": ["4"]}
        content = {"n": 100, "features": {"name": "x"}, "metrics": metrics}
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
    assert "| a, b | 2 | 14 | x, n=100 | 10.5 ± 0.71 |" in result.stdout
    assert (tmp_path / "out" / "table.md").read_text() == result.stdout
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["frechet_distance"]) == 10.5
    grids = read_png(tmp_path / "out" / "grids.png")
    assert grids.shape[0] > grids.shape[1]  # three rows of two epochs
    assert (tmp_path / "out" / "curves.png").exists()


def test_runs_that_were_never_measured(invoke: Invoke, trained: Path) -> None:
    result = invoke("compare", trained)
    assert result.exit_code == 0
    assert "mnistgan evaluate RUN" in result.stderr


def test_figures_that_cannot_be_held_against_one_another(invoke: Invoke, runs: list[Path]) -> None:
    assert "different ways" not in invoke("compare", *runs).stderr
    path = runs[2] / "evaluation" / "figures.json"
    path.write_text(path.read_text().replace('"n": 100', '"n": 1000'))
    assert "measured in different ways" in invoke("compare", *runs).stderr


def test_what_is_no_run(invoke: Invoke, runs: list[Path]) -> None:
    assert "is not a run directory" in invoke("compare", "nowhere").stderr
    (runs[0] / "evaluation" / "figures.json").write_text("{}")
    result = invoke("compare", runs[0])
    assert result.exit_code == 2
    assert "figures.json: is not a file of mnistgan evaluate" in result.stderr
