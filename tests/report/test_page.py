"""The page about a run: its content, untrusted runs, and its behavior in a browser."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Chromium
from PIL import Image
from support import Invoke, Tiny, metrics_table, noise_images
from typer.testing import CliRunner

from mnistgan import datasets
from mnistgan.cli import app
from mnistgan.config import toml
from mnistgan.evaluation.watch import WINDOW
from mnistgan.rendering import grids
from mnistgan.report import replay, words
from mnistgan.storage import checkpoint, tables
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.storage.tables import EVALUATIONS_COLUMNS, FIGURES, METRICS_COLUMNS
from mnistgan.training.trainer import Trainer


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory,
    cache_folder: Path,
    digits_classifier: None,
    trained: Path,
) -> Path:
    """A run that wrote its own page and was then evaluated; tests must not write to it."""
    run = tmp_path_factory.mktemp("measured") / "run"
    settings = ("evaluate.every=1", "evaluate.n=100", "outputs.report={}", "train.epochs=3")
    train = ["train", "--config", trained / "config.toml", "--output-dir", run]
    train += [word for setting in settings for word in ("--set", setting)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTGAN_CACHE", str(cache_folder))
        for command in (train, ["evaluate", run, "-n", 100]):
            result = CliRunner().invoke(app, [str(word) for word in command])
            assert result.exit_code == 0, result.output
    return run


@pytest.fixture
def run(measured: Path, tmp_path: Path) -> RunDirectory:
    """A copy of that run, which a test may change."""
    shutil.copytree(measured, tmp_path / "a run")
    return RunDirectory(tmp_path / "a run")


class ParsedPage(HTMLParser):
    """The text, the tags and the script data of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.data = ""
        self.scripts = 0
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts += 1

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script" and not self.data:
            self.data = data
        elif self._inside not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        """The visible text, on one line."""
        return " ".join(" ".join(self.texts).split())


def page(invoke: Invoke, run: RunDirectory) -> ParsedPage:
    result = invoke("report", run.path, "--out", "page.html")
    assert result.exit_code == 0, result.output
    assert result.stdout == "page.html\n"
    return ParsedPage(Path("page.html").read_text(encoding="utf-8"))


# Content ---------------------------------------------------------------------------------------


def test_a_run_makes_its_own_page(measured: Path) -> None:
    text = ParsedPage((measured / "report.html").read_text(encoding="utf-8")).text
    assert "3 epochs, 21 steps" in text
    assert "To compare this run with it, run these two commands" in text, (
        "it was made before mnistgan evaluate"
    )


def test_the_page_is_a_function_of_the_run(
    measured: Path, run: RunDirectory, invoke: Invoke, tmp_path: Path
) -> None:
    shutil.rmtree(run.figures_file.parent)
    moved = RunDirectory(run.path.rename(tmp_path / "run"))
    assert invoke("report", moved.path, "--out", "again.html").exit_code == 0
    assert (tmp_path / "again.html").read_bytes() == (measured / "report.html").read_bytes()


def test_it_shows_the_files_of_the_run(run: RunDirectory, invoke: Invoke) -> None:
    parsed = page(invoke, run)
    environment = run.read_environment()
    for said in (
        "a run",
        "family mlp",
        "trained on digits",
        "latent_dim 8",
        f"PyTorch {environment['torch']}",
        "cpu, in ",
        "Command",
        'family = "mlp"',
        "Between epoch 1 and epoch 3 the Frechet distance",
        "Measured during training, with 100 images each time",
        "The floor is the figure of",
        "Class shares",
        "Classified by mnistgan evaluate",
    ):
        assert said in parsed.text, said
    figures = json.loads(run.figures_file.read_text())
    for part in ("figures", "floor"):
        assert words.number(figures[part]["frechet_distance"]) in parsed.text
    data = json.loads(parsed.data)
    assert [grid["epoch"] for grid in data["grids"]] == [1, 2, 3]
    metrics = tables.read_metrics(run.metrics_file)
    assert data["charts"]["losses"]["steps"] == metrics["step"].tolist()
    assert data["charts"]["losses"]["lines"][0]["values"] == pytest.approx(
        metrics["loss_D"].tolist(), rel=1e-3
    )


def test_it_opens_with_a_verdict(run: RunDirectory, invoke: Invoke) -> None:
    verdict = json.loads(run.figures_file.read_text())["verdict"]
    text = page(invoke, run).text
    assert text.index(verdict) < text.index("Training time")
    shutil.rmtree(run.figures_file.parent)
    smudge = {"precision": "1", "recall": "0", "coverage": "0.001", "kl_to_labels": "2.2"}
    values = {"epoch": "3", "step": "21", "n": "100", "missing_classes": "9"} | smudge
    row = ",".join(values.get(name, "1") for name in EVALUATIONS_COLUMNS)
    run.evaluations_file.write_text(f"{','.join(EVALUATIONS_COLUMNS)}\n{row}\n")
    text = page(invoke, run).text
    assert text.index("Collapsed: nine classes are missing") < text.index("Training time")
    assert "No sign of a collapse" not in text
    run.evaluations_file.unlink()
    assert "Collapsed" not in page(invoke, run).text


def test_it_needs_no_other_file(run: RunDirectory, invoke: Invoke) -> None:
    parsed = page(invoke, run)
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"iframe", "object", "embed", "base", "form"})
    for tag, attributes in parsed.tags:
        for name in ("src", "srcset", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attributes), "no handlers in attributes"
        assert tag != "img" or attributes["alt"]
    assert Path("page.html").stat().st_size < 600_000


def test_the_newest_run_is_the_default(run: RunDirectory, invoke: Invoke) -> None:
    assert "train one first" in invoke("report").stderr
    Path("runs").mkdir()
    shutil.copytree(run.path, "runs/last")
    result = invoke("report")
    assert result.stdout == "runs/last/report.html\n"
    assert Path("runs/last/report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "nowhere: is not a run directory"),
        (("a run", "--out", "no/page.html"), "page.html: cannot be written"),
        (("a run", "--out", "a run"), "a run: is a folder"),
    ],
)
def test_unusable_arguments(
    run: RunDirectory, invoke: Invoke, arguments: tuple[str, ...], said: str
) -> None:
    result = invoke("report", *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert said in result.stderr


MISSING = [
    (("metrics.csv",), "metrics.csv contains no steps"),
    (("samples",), "This run has no grids"),
    (("evaluations.csv",), "evaluate.every=5"),
    (("evaluation",), "mnistgan evaluate RUN"),
    (("environment.json",), "Versions and device are unknown"),
    (("training.gif",), ""),
    (("g.pt",), "has no generator file"),
    (("metrics.csv", "samples", "evaluations.csv", "evaluation", "environment.json", "g.pt"), ""),
]


@pytest.mark.parametrize(("names", "said"), MISSING)
def test_missing_files_are_reported_in_the_page(
    run: RunDirectory, invoke: Invoke, names: tuple[str, ...], said: str
) -> None:
    for name in names:
        path = run.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if names == ("g.pt",):
        shutil.rmtree(run.figures_file.parent)
    text = page(invoke, run).text
    assert any(words in text for words in said.split("|"))


def test_a_run_that_was_stopped_and_resumed(run: RunDirectory, invoke: Invoke) -> None:
    lines = run.metrics_file.read_text().splitlines(keepends=True)
    run.metrics_file.write_text("".join(lines[:18]))
    environment = json.loads(run.environment_file.read_text())
    environment["resumed"] = ["2026-01-02T03:04:05.678+00:00"]
    run.environment_file.write_text(json.dumps(environment))
    text = page(invoke, run).text
    assert "17 steps, 2 of 3 epochs. The run can be resumed." in text
    assert "Resumed 2026-01-02 03:04 UTC" in text


# Images by class -------------------------------------------------------------------------------


@pytest.mark.usefixtures("hurried")
def test_a_conditional_generator_draws_each_class(
    tiny: Tiny, invoke: Invoke, tmp_path: Path
) -> None:
    text = toml.to_toml(
        tiny(("model.conditional", True), ("train.epochs", 1), ("evaluate", {"every": 1, "n": 100}))
    )
    (tmp_path / "c.toml").write_text(text)
    assert invoke("train", "--config", "c.toml", "--output-dir", "run").exit_code == 0
    parsed = page(invoke, RunDirectory(tmp_path / "run"))
    assert "A conditional GAN" in parsed.text
    assert "It drew the requested classes" in parsed.text
    assert "The classifier recognized the requested class in" in parsed.text
    lines = json.loads(parsed.data)["charts"]["shares"]["lines"]
    assert [line["name"] for line in lines] == ["precision", "recall", "coverage", "agreement"]
    alts = [attributes.get("alt") for tag, attributes in parsed.tags if tag == "img"]
    assert [f"10 images of {digit}" in alts for digit in range(10)] == [True] * 10


def test_others_are_sorted_by_the_shipped_classifier(
    tiny: Tiny, run: RunDirectory, invoke: Invoke
) -> None:
    """A generator of MNIST's digits, though not a good one."""
    trainer = Trainer(tiny(("train.epochs", 1)), datasets.load(tiny().data))
    for _ in trainer:
        pass
    config = tiny(("data.name", "mnist"))
    checkpoint.save_generator(run.generator_file, config, trainer.state())
    run.config_file.write_text(toml.to_toml(config))
    parsed = page(invoke, run)
    assert "among 1,024, classified by mnistgan-lenet-v1" in parsed.text
    rows = [attributes for tag, attributes in parsed.tags if attributes.get("alt", "")]
    sorted_ = [one for one in rows if " images of " in (one["alt"] or "")]
    assert 1 <= len(sorted_) <= 10


def test_an_unusable_generator_is_reported_in_the_page(run: RunDirectory, invoke: Invoke) -> None:
    run.generator_file.write_bytes(b"no generator")
    assert "g.pt cannot be loaded" in page(invoke, run).text


# The watch -------------------------------------------------------------------------------------


def test_the_watch_finds_on_disk_what_it_found_during_training(
    tiny: Tiny, run: RunDirectory, invoke: Invoke
) -> None:
    assert replay.warnings(run, tiny(), tables.read_metrics(run.metrics_file)) == []
    won = metrics_table(WINDOW, **{"D(x)": 1.0, "D(G(z1))": 0.0})
    (message,) = replay.warnings(run, tiny(), won)
    assert message.startswith("D(G(z)) has been pinned at 0 and D(x) at 1 since step 1")
    alike = grids.grid(np.repeat(noise_images(1, 1, 28, 28), 64, axis=0))
    for grid in tables.read_samples(run.samples):
        grids.save_png(grid.file, alike)
    text = page(invoke, run).text
    assert "Training warning" in text
    assert "of 64 images only 1 differ since epoch 2" in text


def test_it_names_no_folder_of_the_machine(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
    home = tmp_path / "houses-of-the-rich"
    home.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), np.uint8)
    np.savez(home / "photos.npz", images=images)
    shutil.copy(tiny_toml, home / "run.toml")
    command = (
        "train", "--config", home / "run.toml", "--data", home / "photos.npz",
        "--data-root", home / "root", "--output-dir", home / "my run", "--set", "outputs.report={}",
    )  # fmt: skip
    assert invoke(*command).exit_code == 0
    run = RunDirectory(home / "my run")
    assert home.name in run.config_file.read_text(), "the run keeps them, to be resumed"
    environment = run.read_environment()
    environment["command"] = ["mnistgan", *map(str, command)]  # CliRunner leaves sys.argv alone
    run.environment_file.write_text(json.dumps(environment))
    text = page(invoke, run).text
    for raw in (run.report_file.read_bytes(), Path("page.html").read_bytes()):
        assert home.name.encode() not in raw
        assert str(tmp_path).encode() not in raw
    assert "trained on .../photos.npz with" in text
    assert "mnistgan train --config .../run.toml --data .../photos.npz --data-root .../root" in text
    resumed = invoke("train", "--resume", run.path, "--epochs", 3)
    assert resumed.exit_code == 0, resumed.output


# Untrusted content -----------------------------------------------------------------------------

EVIL = "</script></title><script>document.title = 'ran'</script><img src=x onerror=alert(1)>{{7*7}}"
EVIL_NAME = "<img src=x onerror=document.title='ran'>"


@pytest.fixture
def hostile(run: RunDirectory) -> RunDirectory:
    """The same run with hostile text wherever a run directory can hold text."""
    config = run.read_config()
    changes = {"name": f"./{EVIL}.npz", "root": EVIL}
    data = config.data.model_copy(update=changes)
    run.config_file.write_text(toml.to_toml(config.model_copy(update={"data": data})))
    environment = dict.fromkeys(("device", "precision", "torch", "platform", "started"), EVIL)
    lists = {"command": [EVIL, 3, "\u202e\ud800"], "resumed": [EVIL]}
    run.environment_file.write_text(json.dumps(environment | lists))
    figures = json.loads(run.figures_file.read_text())
    figures["classifier"]["name"] = EVIL
    figures["figures"]["shares"] = {EVIL: 0.5, "\ud800": -1e308, "b": 1e308}
    figures["figures"]["missing"] = [EVIL]
    run.figures_file.write_text(json.dumps(figures))
    return RunDirectory(run.path.rename(run.path.with_name(EVIL_NAME)))


def test_names_are_shown_as_they_are(hostile: RunDirectory, invoke: Invoke) -> None:
    parsed = page(invoke, hostile)
    text = Path("page.html").read_text(encoding="utf-8")
    assert "<script>document" not in text
    assert "<img src=x" not in text
    assert parsed.scripts == 3
    assert EVIL_NAME in parsed.text
    assert parsed.text.count(EVIL) >= 6
    assert r"\u202e\ud800" in parsed.text


def test_names_do_nothing(hostile: RunDirectory, invoke: Invoke, chromium: Chromium) -> None:
    page(invoke, hostile)
    with chromium.open(Path("page.html").absolute().as_uri()) as tab:
        assert tab.page.title() == f"{EVIL_NAME} · mnistgan"
        assert tab.problems == []
        assert len(tab.requests) == 1


def test_a_script_that_got_in_would_not_run(
    run: RunDirectory, invoke: Invoke, chromium: Chromium
) -> None:
    page(invoke, run)
    text = Path("page.html").read_text(encoding="utf-8")
    smuggled = "<script>document.title = 'ran'</script><img src='x.png' onerror='document.title=1'>"
    Path("page.html").write_text(text.replace("<main>", f"<main>{smuggled}"), encoding="utf-8")
    with chromium.open(Path("page.html").absolute().as_uri()) as tab:
        assert tab.page.title() == "a run · mnistgan"
        refused = [problem for problem in tab.problems if "Content Security Policy" in problem]
        assert len(refused) == len(tab.problems) >= 2


def rows(columns: tuple[str, ...], *cells: str) -> str:
    return "\n".join([",".join(columns), *(",".join([cell] * len(columns)) for cell in cells), ""])


def test_absurd_numbers_are_drawn_somehow(
    run: RunDirectory, invoke: Invoke, chromium: Chromium
) -> None:
    absurd = ("3e38", "-3e38", "1e-300", "0", "7")
    run.metrics_file.write_text(rows(METRICS_COLUMNS, *absurd * 100))
    run.evaluations_file.write_text(rows(EVALUATIONS_COLUMNS, *absurd))
    figures = json.loads(run.figures_file.read_text())
    strange = (1e308, float("inf"), float("nan"), -1, True)
    figures["figures"] |= dict(zip(FIGURES, strange, strict=False))
    run.figures_file.write_text(json.dumps(figures))
    page(invoke, run)
    with chromium.open(Path("page.html").absolute().as_uri()) as tab:
        assert tab.problems == []
        assert tab.page.locator("canvas").count() == 4


DAMAGED: Mapping[str, bytes] = {
    "metrics.csv": b"no table\n",
    "evaluations.csv": b"no table\n",
    "samples/index.csv": b"epoch,step,file\n1,1,../../secret.png\n",
    "samples/epoch_001.png": b"no picture",
    "samples/real.png": b"no picture",
    "training.gif": b"GIF89a and no more",
    "evaluation/figures.json": b"[]",
    "evaluation/classes.png": b"no picture",
    "config.toml": b"[",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_is_refused(run: RunDirectory, invoke: Invoke, name: str) -> None:
    (run.path / name).write_bytes(DAMAGED[name])
    result = invoke("report", run.path, "--out", "page.html")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert Path(name).name in result.stderr
    assert not Path("page.html").exists()


def test_a_grid_of_other_images_is_refused(run: RunDirectory, invoke: Invoke) -> None:
    grids.save_png(run.samples / "epoch_002.png", np.zeros((100, 100), np.uint8))
    assert "not a grid of 28 x 28 images" in invoke("report", run.path).stderr


def test_links_are_neither_followed_nor_overwritten(
    run: RunDirectory, invoke: Invoke, tmp_path: Path
) -> None:
    gif, kept = run.path / "training.gif", tmp_path / "mine.gif"
    gif.rename(kept)
    gif.symlink_to(kept)
    run.report_file.unlink()
    run.report_file.symlink_to(kept)
    before = kept.read_bytes()
    assert invoke("report", run.path).exit_code == 0
    parsed = ParsedPage(run.report_file.read_text(encoding="utf-8"))
    assert "picture" not in [tag for tag, _ in parsed.tags]
    assert kept.read_bytes() == before


def test_pictures_that_are_links_are_not_shown(
    run: RunDirectory, invoke: Invoke, tmp_path: Path
) -> None:
    """Pages are made to be shared: files from elsewhere on the disk must not get into them."""
    private = tmp_path / "private.png"
    (run.samples / "real.png").rename(private)
    for name in ("samples/real.png", "samples/epoch_001.png", "evaluation/classes.png"):
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).symlink_to(private)
    parsed = page(invoke, run)
    assert "Real images from the training data" not in parsed.text
    assert "Images sorted by class" not in Path("page.html").read_text(encoding="utf-8")
    assert [grid["epoch"] for grid in json.loads(parsed.data)["grids"]] == [2, 3]


def test_a_picture_too_large_to_be_put_in_is_named(
    run: RunDirectory, invoke: Invoke, tmp_path: Path
) -> None:
    path = run.figures_file.with_name("classes.png")
    Image.new("L", (8000, 8000)).save(path)
    assert "Too large for this page; see evaluation/classes.png" in page(invoke, run).text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_are_not_waited_for(run: RunDirectory, invoke: Invoke) -> None:
    run.environment_file.unlink()
    os.mkfifo(run.environment_file)
    assert "Versions and device are unknown" in page(invoke, run).text
    for path in (run.metrics_file, run.evaluations_file):
        path.unlink()
        os.mkfifo(path)
        result = invoke("report", run.path)
        assert result.exit_code == 2
        assert "Not a regular file" in result.stderr
        path.unlink()


# In a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the evaluated run."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    assert CliRunner().invoke(app, ["report", str(measured), "--out", str(path)]).exit_code == 0
    return path.as_uri()


def test_it_loads_in_peace(url: str, chromium: Chromium) -> None:
    with chromium.open(url) as tab:
        assert tab.problems == []
        assert tab.requests == [url]
        broken = "[...document.images].filter(image => !image.complete || !image.naturalWidth)"
        assert tab.page.evaluate(f"{broken}.length") == 0


def test_the_slider_changes_the_picture(url: str, chromium: Chromium) -> None:
    with chromium.open(url) as tab:
        slider, grid = tab.page.get_by_role("slider"), tab.page.locator("#grid")
        last = grid.get_attribute("src")
        slider.focus()
        tab.page.keyboard.press("Home")
        assert grid.get_attribute("src") != last
        assert grid.get_attribute("alt") == "Grid of images from fixed noise after epoch 1"
        assert slider.get_attribute("aria-valuetext") == "epoch 1"
        assert "After epoch 1, step 7" in tab.page.locator("figcaption").first.inner_text()
        tab.page.keyboard.press("End")
        assert grid.get_attribute("src") == last
        tab.page.get_by_role("button", name="Play").click()
        tab.page.get_by_role("button", name="Pause").wait_for()
        tab.page.get_by_role("button", name="Play").wait_for()
        assert grid.get_attribute("src") == last, "it plays to the end"
        assert tab.problems == []


def test_hovering_and_the_arrow_keys_show_values(url: str, chromium: Chromium) -> None:
    with chromium.open(url) as tab:
        for figure in tab.page.locator("figure.chart").all():
            readout, plot = figure.locator(".readout"), figure.locator(".plot")
            at_the_end = readout.inner_text()
            plot.hover()
            assert readout.inner_text() != at_the_end
            tab.page.mouse.move(0, 0)
            assert readout.inner_text() == at_the_end
            plot.focus()
            tab.page.keyboard.press("ArrowLeft")
            assert readout.inner_text() != at_the_end
            tab.page.keyboard.press("End")
            assert readout.inner_text() == at_the_end
        assert tab.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_window(
    url: str, hostile: RunDirectory, invoke: Invoke, chromium: Chromium, scheme: Any, width: int
) -> None:
    page(invoke, hostile)
    for address in (url, Path("page.html").absolute().as_uri()):
        with chromium.open(address, width=width, scheme=scheme) as tab:
            tab.page.evaluate(
                "document.querySelectorAll('details').forEach(one => one.open = true)"
            )
            assert tab.overflow() == 0
            assert tab.problems == []
            paper = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, paper[4:-1].split(","))) < 200) == (scheme == "dark")


def test_in_print_all_is_open_and_light(url: str, chromium: Chromium) -> None:
    with chromium.open(url, scheme="dark") as tab:
        assert tab.page.locator("details[open]").count() == 0
        color = "getComputedStyle(document.documentElement).getPropertyValue('--line-1').trim()"
        on_screen = tab.page.evaluate(color)
        tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.page.locator("details:not([open])").count() == 0
        assert tab.page.locator("#strip img").count() > 0
        assert tab.page.evaluate(color) != on_screen
        tab.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert tab.page.locator("details[open]").count() == 0
        assert tab.page.evaluate(color) == on_screen
        assert tab.page.pdf().startswith(b"%PDF")
        assert tab.problems == []


def test_the_library_of_curves_is_as_it_was_published() -> None:
    """uPlot 1.6.32: what `npm pack uplot@1.6.32` holds; a newer one is put here on purpose."""
    folder = resources.files("mnistgan.report") / "page"
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()[:16]
        for name in ("uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE")
    }
    assert digests == {
        "uPlot.iife.min.js": "19c8d4c6ad88929a",
        "uPlot.min.css": "df630c6a8d6f8eea",
        "uPlot.LICENSE": "8f989229699b4fe2",
    }
