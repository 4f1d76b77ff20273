"""The README is short, its commands exist, and the examples of docs/python.md run."""

import re
from pathlib import Path

import pytest
from support import fenced, parse, shown_commands

import mnistgan
from mnistgan.config import presets

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 200
    assert len(README.split()) <= 900


@pytest.mark.parametrize("call", shown_commands(README), ids=" ".join)
def test_a_command_parses(call: list[str]) -> None:
    parse(call)


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"\"(docs/images/[^\"]+)\"", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file()


def test_the_table_names_every_preset() -> None:
    page = (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE))
    assert rows == set(presets.names()) - {"full"}


@pytest.mark.usefixtures("hurried")
def test_the_python_example_names_what_is_there(trained: Path) -> None:
    (source,) = [block for block in fenced(PYTHON, "python") if "load_generator" in block]
    names = set(re.findall(r"(?<!from )mnistgan\.(\w+)", source))
    assert names
    assert names <= set(mnistgan.__all__)
    first = source.partition("\n\nconfig")[0].replace("g.pt", str(trained / "g.pt"))
    namespace: dict[str, object] = {}
    exec(compile(first, "python.md", "exec"), namespace)
    assert getattr(namespace["images"], "shape", None) == (100, 1, 28, 28)


def test_the_data_set_of_the_example(trained: Path) -> None:
    (source,) = [block for block in fenced(PYTHON, "python") if "SyntheticDigits(" in block]
    source = source.replace("g.pt", str(trained / "g.pt"))
    for here, small in {"length=60_000": "length=512", "num_workers=4": "num_workers=0"}.items():
        assert here in source
        source = source.replace(here, small)
    namespace: dict[str, object] = {}
    exec(compile(source, "python.md", "exec"), namespace)
    assert getattr(namespace["images"], "shape", None) == (256, 1, 28, 28)
