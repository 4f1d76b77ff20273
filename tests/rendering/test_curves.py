"""Curves of runs: their points, panels and files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistgan.errors import UsageError
from mnistgan.rendering import curves
from mnistgan.storage.run_directory import RunDirectory

INF, NAN = float("inf"), float("nan")


@given(st.integers(0, 5 * curves.MOST_POINTS))
def test_every_row_is_in_one_point_of_a_curve(count: int) -> None:
    values = np.arange(float(count))
    mean, low, high = curves.thin(values)
    assert len(mean) == min(count, curves.MOST_POINTS)
    joined = [
        row for first, last in zip(low, high, strict=True) for row in np.arange(first, last + 1)
    ]
    assert joined == values.tolist()
    np.testing.assert_allclose(mean, (low + high) / 2)
    rows = curves.point_rows(count)
    assert ((low <= rows) & (rows <= high)).all()
    assert rows[-1:].tolist() == list(range(count))[-1:]


def test_smoothing_keeps_the_mean_of_a_constant_and_the_length() -> None:
    np.testing.assert_allclose(curves.smooth(np.full(1000, 3.0)), 3.0)
    assert curves.smooth(np.array([1.0])).tolist() == [1.0]
    noisy = np.random.default_rng(0).standard_normal(1000)
    assert curves.smooth(noisy).std() < noisy.std() / 3


@pytest.mark.parametrize(
    ("distances", "log"),
    [([[90.0, 1.0], [4.0]], True), ([[9.0], [0.9]], True), ([[9.0, NAN, INF, 0.1]], True),
     ([[9.0], []], False), ([[97.0, 96.0]], False), ([[9.0], [0.0]], False),
     ([[NAN]], False), ([[INF]], False)],
)  # fmt: skip
def test_a_distance_is_drawn_logarithmically_if_it_varies_much(
    distances: list[list[float]], log: bool
) -> None:
    tables = [{"frechet_distance": np.array(column, np.float64)} for column in distances]
    assert curves.distance_panel(tables).log is log


def test_scores_are_named_and_scaled_by_their_kind() -> None:
    named = {
        kind: curves.training_panels([kind])[1] for kind in ("probability", "output", "critic")
    }
    assert [panel.title for panel in named.values()] == [
        "D(x) and D(G(z))", "D(x) and D(G(z))", "critic(x) and critic(G(z))",
    ]  # fmt: skip
    assert [panel.span for panel in named.values()] == [(0, 1), None, None]
    mixed = curves.training_panels(["critic", "probability"])[1]
    assert (mixed.title, mixed.span) == ("D(x) and D(G(z))", None)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_curves_are_the_same_file_each_time(trained: Path, tmp_path: Path, suffix: str) -> None:
    shutil.copytree(trained, tmp_path / "other")
    runs = [RunDirectory(trained), RunDirectory(tmp_path / "other")]
    written = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}{suffix}"
        curves.plot_runs(runs, path)
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_runs_without_steps_are_refused(trained: Path, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    shutil.copy(trained / "config.toml", run.config_file)
    head = (trained / "metrics.csv").read_text().splitlines(keepends=True)[0]
    run.metrics_file.write_text(head)
    with pytest.raises(UsageError, match="no steps to plot"):
        curves.plot_runs([run], tmp_path / "a.png")


@pytest.mark.parametrize(
    "distances",
    [
        [7.0],
        [96.6, 96.6, 96.6],
        [96.2, 97.1, 96.6],
        [103.0, 139.0],
        [140.0, 9.0, 1.4],
        [900.0, 2e-3],
    ],
)
def test_axes_have_ticks_in_plain_numbers(distances: list[float]) -> None:
    from matplotlib.figure import Figure

    steps = 937.0 * np.arange(1, len(distances) + 1)
    table = {"step": steps, "frechet_distance": np.array(distances)}
    figure = Figure()
    axes = figure.subplots()
    curves._draw(axes, curves.distance_panel([table]), {"run": table})
    figure.canvas.draw()
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        low, high = limits
        labels = [
            label.get_text()
            for label in axis.get_ticklabels(which="both")
            if low <= (label.get_position()[axis is axes.yaxis]) <= high and label.get_text()
        ]
        assert len(labels) >= 2
        assert len(set(labels)) == len(labels)
        assert not any("10^" in label or "e" in label for label in labels), labels
        assert not axis.get_offset_text().get_text()
    if max(distances) < 1.05 * min(distances):
        assert high - low >= 0.05 * max(distances)
