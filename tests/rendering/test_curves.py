"""Curves of runs: their points, panels and files."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistgan.config.sections import TrainConfig
from mnistgan.errors import UsageError
from mnistgan.rendering import curves, equilibrium, plots
from mnistgan.storage.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def test_runs_of_any_name_are_drawn(trained: Path, tmp_path: Path) -> None:
    for name in (os.fsdecode(b"caf\xe9"), r"$\nonsense$", "a\nb"):
        shutil.copytree(trained, tmp_path / name)
        runs = [RunDirectory(trained), RunDirectory(tmp_path / name)]
        curves.plot_runs(runs, tmp_path / "a.png")


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


LN2 = math.log(2)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"loss": "non-saturating"}, {"loss_D": 2 * LN2, "loss_G": LN2, "score": 0.5}),
        ({"loss": "saturating"}, {"loss_D": 2 * LN2, "loss_G": -LN2, "score": 0.5}),
        # s = 0.2: D = 0.4, so loss_D = -0.8 ln 0.4 - 0.2 ln 0.6 - ln 0.6 and loss_G = -ln 0.4.
        (
            {"loss": "non-saturating", "label_smoothing": 0.2},
            {"loss_D": 1.346023, "loss_G": 0.916291, "score": 0.4},
        ),
        (
            {"loss": "saturating", "label_smoothing": 0.2},
            {"loss_D": 1.346023, "loss_G": -0.510826, "score": 0.4},
        ),
        ({"loss": "least-squares"}, {"loss_D": 1 / 4, "loss_G": 1 / 8, "score": 1 / 2}),
        ({"loss": "hinge"}, {"loss_D": 2, "score": 0.5}),
        ({"loss": "wasserstein-gp", "r1": 0}, {"loss_D": 0}),
        ({"loss": "wasserstein-gp", "r1": 0.1}, {}),
    ],
)
def test_the_equilibrium_of_each_loss(options: dict[str, Any], expected: dict[str, float]) -> None:
    found = equilibrium.values(TrainConfig(**options))
    if (score := expected.pop("score", None)) is not None:
        expected |= {"D(x)": score, "D(G(z1))": score}
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "non-saturating"},
        {"loss": "saturating", "label_smoothing": 0.1},
        {"loss": "least-squares"},
        {"loss": "hinge"},
    ],
)
def test_no_logit_gives_d_a_lower_loss_than_the_equilibrium(options: dict[str, Any]) -> None:
    import torch

    from mnistgan.training import losses

    train = TrainConfig(**options)
    loss = losses.loss_of(train)
    # Where real and fake images are equally frequent, D gives one logit to both.
    logits = torch.linspace(-5, 5, 10_001, dtype=torch.float64)
    values = torch.stack([loss.discriminator(one[None], one[None]) for one in logits])
    expected = equilibrium.values(train)
    assert values.min().item() == pytest.approx(expected["loss_D"], abs=1e-6)
    best = logits[values.argmin()][None]
    if "loss_G" in expected:
        assert loss.generator(best).item() == pytest.approx(expected["loss_G"], abs=1e-3)
        assert losses.score(train.score_kind, best).item() == pytest.approx(
            expected["D(x)"], abs=1e-3
        )


def run_of(
    trained: Path, path: Path, rows: int, change: Callable[[dict[str, Any]], None] = lambda _: None
) -> RunDirectory:
    """A run with the config of ``trained`` and calm metrics, which ``change`` may change."""
    path.mkdir()
    shutil.copy(trained / "config.toml", path)
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (4, rows))
    names = ("loss_D", "loss_G", "D(x)", "D(G(z1))")
    table: dict[str, Any] = {"step": range(1, rows + 1), "epoch": [1] * rows}
    table |= {
        name: center + one
        for name, center, one in zip(names, (1.4, 0.8, 0.5, 0.5), noise, strict=True)
    }
    table |= {"D(G(z2))": table["D(G(z1))"], "images/s": [1] * rows}
    change(table)
    lines = [
        ",".join(table),
        *(",".join(map(str, row)) for row in zip(*table.values(), strict=True)),
    ]
    (path / "metrics.csv").write_text("\n".join(lines) + "\n")
    return RunDirectory(path)


def drawn(monkeypatch: pytest.MonkeyPatch, runs: list[RunDirectory], path: Path) -> Figure:
    """The figure that ``plot_runs`` saves, laid out."""
    figures: list[Figure] = []
    save = plots.save

    def keep(figure: Figure, path: Path) -> None:
        save(figure, path)
        figures.append(figure)

    monkeypatch.setattr(plots, "save", keep)
    curves.plot_runs(runs, path)
    return figures[0]


def guides(axes: Axes) -> list[float]:
    return [np.ravel(line.get_ydata())[0] for line in axes.lines if line.get_linestyle() == ":"]


@pytest.mark.parametrize("count", [1, 3, 12])
def test_lines_are_above_raw_traces_and_legends_cover_no_data(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    def spike(table: dict[str, Any]) -> None:
        table["loss_D"][700] = 1e6

    runs = [run_of(trained, tmp_path / f"{'long' * 40}-{n}", 2000, spike) for n in range(count)]
    figure = drawn(monkeypatch, runs, tmp_path / "a.png")
    losses, scores, *_ = figure.axes
    assert guides(losses) == pytest.approx([2 * LN2, LN2])
    assert guides(scores) == [0.5]
    legends = [legend for axes in figure.axes if (legend := axes.get_legend())] + figure.legends
    assert len(legends) == 2 + (count > 1)
    for axes in figure.axes:
        assert axes.get_xlabel() == "step"
        assert axes.get_ylabel()
        curves_of = [line for line in axes.lines if line.get_linestyle() in ("-", "--")]
        bands = [band.get_zorder() for band in axes.collections]
        assert min(line.get_zorder() for line in curves_of) > max(bands)
        for legend in legends:
            box = legend.get_window_extent()
            assert not box.overlaps(axes.get_window_extent())
            assert figure.bbox.x0 <= box.x0
            assert box.x1 <= figure.bbox.x1
            assert box.y1 <= figure.bbox.y1 + 1


def test_a_spike_is_marked_and_does_not_flatten_the_rest(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spike(table: dict[str, Any]) -> None:
        table["loss_D"][700] = 12_345.0
        table["loss_G"][1500] = -800.0

    run = run_of(trained, tmp_path / "run", 2000, spike)
    axes = drawn(monkeypatch, [run], tmp_path / "a.png").axes[0]
    low, high = axes.get_ylim()
    # The calm values are in 0.7 to 1.5.
    assert -2 < low < 0.7
    assert 1.5 < high < 4
    marks = {str(line.get_marker()): np.ravel(line.get_xdata()) for line in axes.lines}
    # A point of a curve stands for 2000 / 300 steps.
    assert marks["^"] == pytest.approx([701], abs=7)
    assert marks["v"] == pytest.approx([1501], abs=7)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
    assert "not shown: up to 12,345" in texts
    assert "not shown: down to -800" in texts


def test_a_calm_run_has_no_marks(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(table: dict[str, Any]) -> None:
        table["loss_G"][:20] += 1.0  # higher at the start, but no spike

    axes = drawn(
        monkeypatch, [run_of(trained, tmp_path / "run", 2000, begin)], tmp_path / "a.png"
    ).axes[0]
    assert axes.get_ylim()[1] > 1.8
    assert not any("not shown" in text.get_text() for text in axes.get_legend().get_texts())  # type: ignore[union-attr]


def test_large_losses_have_ticks_in_plain_numbers(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enlarge(table: dict[str, Any]) -> None:
        table["loss_D"] *= -2e6
        table["loss_G"] *= 2e6

    figure = drawn(
        monkeypatch, [run_of(trained, tmp_path / "run", 2000, enlarge)], tmp_path / "a.png"
    )
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert "1,000,000" in labels
    assert "\N{MINUS SIGN}2,000,000" in labels
    assert not axes.yaxis.get_offset_text().get_text()


def test_a_vector_graphic_is_small_and_its_text_is_text(trained: Path, tmp_path: Path) -> None:
    run = run_of(trained, tmp_path / "run", 20_000)
    for suffix in (".svg", ".pdf"):
        curves.plot_runs([run], tmp_path / f"a{suffix}")
    svg = (tmp_path / "a.svg").read_text()
    for text in ("loss_D", "step", "D(G(z))", "equilibrium: 1.386, 0.693"):
        assert f">{text}</text>" in svg
    assert "<image" not in svg
    assert len(svg) < 150_000
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in pdf  # a TrueType font, which editors keep as text
    assert b"/Type3" not in pdf
    assert len(pdf) < 150_000
