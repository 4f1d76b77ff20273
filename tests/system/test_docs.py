"""The site: it builds without a warning, leaves nothing out, and shows what works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import reference  # of docs/
import tomli
from support import Tiny, fenced, parse, shown_commands

import mnistgan
from mnistgan import datasets
from mnistgan.config import toml
from mnistgan.outputs import registry
from mnistgan.outputs.base import Output
from mnistgan.runs import plan
from mnistgan.runs.plan import Override
from mnistgan.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
LABS = sorted((ROOT / "examples" / "labs").glob("*.toml"))
CALLS = sorted({tuple(call) for page in PAGES.values() for call in shown_commands(page)})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("furo", reason='the site needs: pip install "mnistgan[docs]"')
    pytest.importorskip("myst_parser", reason='the site needs: pip install "mnistgan[docs]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(DOCS), str(folder)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return folder


def text_of(page: Path) -> str:
    """What a reader sees of a page."""
    return unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_every_command_and_option_is_there(site: Path) -> None:
    sections = re.split(r'<section id="(mnistgan-[\w-]+)">', (site / "commands.html").read_text())
    shown = dict(zip(sections[1::2], sections[2::2], strict=True))
    walked = list(reference.walk_commands())
    assert len(walked) > 10
    for name, context in walked:
        section = unescape(re.sub(r"<[^>]+>", "", shown[name.replace(" ", "-")]))
        for parameter in context.command.get_params(context):
            record = parameter.get_help_record(context)  # None of a hidden one
            assert record is None or parameter.name == "help" or record[0] in section


def test_every_key_is_there(site: Path) -> None:
    text = text_of(site / "config.html")
    for key in set(toml.key_paths()) - {"outputs"}:
        table, _, name = key.rpartition(".")
        assert not table or f"[{table}]" in text
        assert f"\n{name}\n" in text, key


def test_every_output_and_its_options_are_there(site: Path) -> None:
    text = text_of(site / "config.html")
    for name, output in registry.installed_outputs("mnistgan").items():
        _, found, section = text.partition(f"\n[outputs.{name}]")
        assert found, name
        for option in output.Options.model_fields:
            assert f"\n{option}\n" in section


class _Asked(HTMLParser):
    """What a browser would fetch to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [given.get("src") or ""]
        self.addresses += [given.get("href") or ""] if tag == "link" else []


def test_a_page_asks_nobody_else_for_anything(site: Path) -> None:
    for page in site.glob("*.html"):
        asked = _Asked()
        asked.feed(page.read_text(encoding="utf-8"))
        assert not [one for one in asked.addresses if re.match(r"(\w+:)?//", one)]
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8"))


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_a_command_parses(call: tuple[str, ...]) -> None:
    parse(list(call))


def _trainings() -> Iterator[tuple[str, ...]]:
    """The calls of ``train`` that need nothing but what is here: no file or plugin of a page's."""
    elsewhere = {"--resume", "run.toml", "sweeps/rates/best.toml", "outputs.ink.every=5"}
    yield from (call for call in CALLS if call[0] == "train" and not elsewhere & set(call))


@pytest.mark.parametrize("call", list(_trainings()), ids=" ".join)
def test_a_training_would_begin(call: tuple[str, ...], tmp_path: Path) -> None:
    given = parse(list(call)).params
    source = given["config"]
    if source is not None and source.endswith(".toml"):
        source = str(ROOT / source)
    assigned = [toml.parse_assignment(text) for text in given["assign"] or []]
    plan.plan_run(source, [Override(*pair, "--set") for pair in assigned], tmp_path / "run")


def test_pictures_are_small() -> None:
    for picture in (DOCS / "images" / "labs").glob("*.png"):
        assert picture.stat().st_size < 60_000, picture.name


@pytest.mark.parametrize("lab", LABS, ids=lambda path: path.stem)
class TestLabs:
    def test_its_config_is_right(self, lab: Path) -> None:
        toml.validate(toml.read_toml(lab), str(lab))

    def test_a_page_shows_it(self, lab: Path) -> None:
        assert f"examples/labs/{lab.name}" in PAGES["labs"]
        assert any(f"examples/labs/{lab.name}" in call for call in CALLS)


def test_there_are_six_labs() -> None:
    assert len(LABS) >= 6


@pytest.mark.parametrize("source", [one for page in PAGES.values() for one in fenced(page, "toml")])
def test_toml_parses(source: str) -> None:
    tomli.loads(source)


def test_the_output_that_a_page_makes(tiny: Tiny, tmp_path: Path) -> None:
    (source,) = fenced(PAGES["writing-an-output"], "python")
    namespace: dict[str, type[Output]] = {"__name__": "ink"}  # type: ignore[dict-item]
    exec(compile(source, "ink.py", "exec", dont_inherit=True), namespace)
    output = namespace["Ink"]
    made = output(tmp_path, output.Options.model_validate({"every": 1}))
    for event in Trainer(tiny(), datasets.load(tiny().data)):
        made.handle(event)
    lines = (tmp_path / "ink.csv").read_text().splitlines()
    assert lines[0] == "epoch,step,real,fake"
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2"]


@pytest.mark.slow
def test_the_recipes_run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(trained / "g.pt", "g.pt")
    mnistgan.export_onnx(mnistgan.load_generator("g.pt"), Path("digits.onnx"))
    for source in fenced(PAGES["recipes"], "python"):
        namespace: dict[str, Any] = {}
        exec(compile(source, "recipes", "exec", dont_inherit=True), namespace)
        shapes = {"image": (1, 28, 28), "images": (16, 1, 28, 28), "grid": (64, 1, 28, 28)}
        (made,) = namespace.keys() & shapes.keys()
        assert namespace[made].shape == shapes[made]
