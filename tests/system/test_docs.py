"""The pages and the site: they are up to date, leave nothing out, and show what works."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_origin

import pytest
import python_names  # of docs/
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


class TestGeneratedParts:
    def test_they_are_up_to_date(self) -> None:
        stale = [
            path
            for path, text in reference.files().items()
            if path.read_text(encoding="utf-8") != text
        ]
        names = ", ".join(path.relative_to(ROOT).as_posix() for path in stale)
        assert not stale, f"{names}: out of date with the code; run: {reference.COMMAND}"

    def test_each_is_in_a_page(self) -> None:
        for name, part in reference.PARTS.items():
            assert [page for page in PAGES.values() if part() in page], name

    def test_they_do_not_depend_on_the_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = reference.files()
        for name, value in {"COLUMNS": "40", "TERM": "dumb", "NO_COLOR": "1", "LANG": "C"}.items():
            monkeypatch.setenv(name, value)
        assert reference.files() == before

    def test_a_stale_part_is_replaced_and_the_rest_kept(self) -> None:
        page = "Mine.\n\n<!-- generated api from x -->\nold\n\n# old\n<!-- end -->\n\nMine, too.\n"
        filled = reference.fill(page)
        assert filled.startswith("Mine.\n\n<!-- generated api from x -->\n\n- [mnistgan]")
        assert filled.endswith("\n\n<!-- end -->\n\nMine, too.\n")
        assert "old" not in re.findall(r"^.*\bold\b.*$", filled, re.MULTILINE)
        assert reference.fill(filled) == filled

    def test_there_is_no_html_in_them(self) -> None:
        for part in reference.PARTS.values():
            text = re.sub(r"^```.*?^```$|`[^`]+`", "", part(), flags=re.DOTALL | re.MULTILINE)
            assert not re.findall(r"(?<!\\)<[a-zA-Z/!]", text)

    def test_every_public_name_is_documented(self) -> None:
        for module in python_names.MODULES:
            imported = importlib.import_module(module)
            names = python_names.public_names(module)
            assert names == getattr(imported, "__all__", names)
            assert names
            for name in names:
                assert f"\n### `{module}.{name}`\n" in PAGES["api"]
                value = getattr(imported, name)
                if hasattr(value, "__qualname__") and get_origin(value) is None:
                    first = python_names.inline(value.__doc__.strip().partition("\n\n")[0])
                    assert f"\n{first}\n" in PAGES["api"], name

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2**63 - 1", "2**63 - 1"),
            ("*args and **more", r"\*args and \*\*more"),
            ("N x C, a < b, <name>, [0, 1]", r"N x C, a < b, \<name>, [0, 1]"),
            ("a_b and __iter__", r"a_b and \_\_iter\_\_"),
            ("see [1](2) and [1][2]", r"see [1\](2) and [1\][2]"),
            (":func:`~a.b.load` or ``x*y*z``", "`load` or `x*y*z`"),
            (":class:`a.Set`\nand more", "`a.Set` and more"),
        ],
    )
    def test_text_becomes_markdown(self, text: str, expected: str) -> None:
        assert python_names.inline(text) == expected


def _slugs(page: str) -> set[str]:
    """The anchors of a page's headings, as a code host makes them."""
    without_code = re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def _links() -> Iterator[tuple[str, str]]:
    """Each file with the target of each of its links to other files and to headings."""
    for path in [*ROOT.glob("*.md"), *DOCS.glob("*.md")]:
        text = re.sub(
            r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        for target in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "code", text)):
            if not re.match(r"[a-z]+:", target):
                yield path.relative_to(ROOT).as_posix(), target


@pytest.mark.parametrize(("source", "target"), sorted(set(_links())))
def test_a_link_leads_somewhere(source: str, target: str) -> None:
    name, _, heading = target.partition("#")
    path = (ROOT / source).parent / name if name else ROOT / source
    assert path.exists()
    assert path.resolve().is_relative_to(ROOT)
    assert not heading or heading in _slugs(path.read_text(encoding="utf-8"))


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
        _, _, section = text.partition(f"\n[{table}]") if table else ("", "", text)
        assert f"\n{name} (" in section, key


def test_every_output_and_its_options_are_there(site: Path) -> None:
    text = text_of(site / "config.html")
    for name, output in registry.installed_outputs("mnistgan").items():
        _, found, section = text.partition(f"\n[outputs.{name}]")
        assert found, name
        for option in output.Options.model_fields:
            assert f"\n{option} (" in section


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


class TestOutcomesOfTheLabs:
    """What docs/labs.md says of every machine holds in each way of benchmarks/results/labs.json."""

    @pytest.fixture
    def runs(self) -> dict[str, list[dict[str, Any]]]:
        content = json.loads((ROOT / "benchmarks" / "results" / "labs.json").read_text())
        found: dict[str, list[dict[str, Any]]] = {}
        for row in content["rows"]:
            found.setdefault(row["run"], []).append(row)
        return found

    def test_a_healthy_run_gets_better(self, runs: dict[str, list[dict[str, Any]]]) -> None:
        for row in runs["lab1"]:
            assert row["frechet_distance"] == sorted(row["frechet_distance"], reverse=True)
            assert row["loss_G"][0] < row["loss_G"][-1]
            assert row["watch"] == []

    def test_the_watch_speaks_of_failing_runs_only(
        self, runs: dict[str, list[dict[str, Any]]]
    ) -> None:
        for name in ("lab2", "lab2-non-saturating", "lab3", "lab4"):
            assert all(row["watch"] for row in runs[name]), name
        for name in ("lab3-balanced", "lab4-calm", "lab5", "lab6"):
            assert not any(row["watch"] for row in runs[name]), name

    def test_lab_2_may_end_in_two_ways(self, runs: dict[str, list[dict[str, Any]]]) -> None:
        assert {row["loss_D"][-1] < 0.005 for row in runs["lab2"]} == {True, False}
        assert all(row["recall"][-1] <= 0.003 for row in runs["lab2"])

    def test_lab_4_collapses_and_r1_prevents_it(
        self, runs: dict[str, list[dict[str, Any]]]
    ) -> None:
        for row in runs["lab4"]:
            assert (row["missing_classes"][-1], row["precision"][-1], row["recall"][-1]) == (
                9,
                0,
                0,
            )
            assert row["loss_D"][-1] < 0.0003
        assert all(row["missing_classes"][-1] == 0 for row in runs["lab5"])
        assert all(row["recall"][-1] == 0 for row in runs["lab5-spectral"])

    def test_the_table_of_lab_6_shows_the_ranges(
        self, runs: dict[str, list[dict[str, Any]]]
    ) -> None:
        line = next(line for line in PAGES["labs"].splitlines() if line.startswith("| Frechet"))
        for epoch, cell in enumerate(line.strip("| ").split(" | ")[1:]):
            values = sorted(row["frechet_distance"][epoch] for row in runs["lab6"])
            ends = dict.fromkeys(f"{one:.0f}" for one in (values[0], values[-1]))
            assert cell == "\N{EN DASH}".join(ends)


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
