"""The README's code runs, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import Tiny, fenced, parse, shown_commands

import mnistgan
from mnistgan import datasets
from mnistgan.config import presets
from mnistgan.outputs.base import Output
from mnistgan.training.trainer import Trainer

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_output_of_ones_own(tiny: Tiny, tmp_path: Path) -> None:
    (source,) = [block for block in fenced(README, "python") if "class Balance" in block]
    assert len(source.splitlines()) <= 25
    namespace: dict[str, type[Output]] = {}
    exec(compile(source, "balance.py", "exec"), namespace)
    balance = namespace["Balance"]
    output = balance(tmp_path, balance.Options())
    for event in Trainer(tiny(), datasets.load(tiny().data)):
        output.handle(event)
    assert re.fullmatch(r"epoch [12]\n", (tmp_path / "balance.txt").read_text())


@pytest.mark.usefixtures("hurried")
def test_the_python_example_names_what_is_there(trained: Path) -> None:
    (source,) = [block for block in fenced(README, "python") if "load_generator" in block]
    names = set(re.findall(r"(?<!from )mnistgan\.(\w+)", source))
    assert names
    assert names <= set(mnistgan.__all__)
    first = source.partition("\n\nconfig")[0].replace("g.pt", str(trained / "g.pt"))
    namespace: dict[str, object] = {}
    exec(compile(first, "README", "exec"), namespace)
    assert getattr(namespace["images"], "shape", None) == (100, 1, 28, 28)


def test_the_data_set_of_the_example(trained: Path) -> None:
    (source,) = [block for block in fenced(README, "python") if "SyntheticDigits(" in block]
    source = source.replace("g.pt", str(trained / "g.pt"))
    for here, small in {"length=60_000": "length=512", "num_workers=4": "num_workers=0"}.items():
        assert here in source
        source = source.replace(here, small)
    namespace: dict[str, object] = {}
    exec(compile(source, "README", "exec"), namespace)
    assert getattr(namespace["images"], "shape", None) == (256, 1, 28, 28)


@pytest.mark.parametrize("call", shown_commands(README), ids=" ".join)
def test_a_command_parses(call: list[str]) -> None:
    parse(call)


def test_the_table_names_every_preset() -> None:
    rows = set(re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE))
    assert rows >= set(presets.names()) - {"full"}


def test_the_pictures_are_there() -> None:
    for picture in re.findall(r"\((docs/[^)]+)\)", README):
        assert (Path(__file__).parents[2] / picture).is_file()
