"""What ``data``, ``info``, ``init`` and ``outputs`` print in terminals of several widths."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from support import Invoke

from mnistgan.catalog import DATA_SETS
from mnistgan.config import presets
from mnistgan.storage.run_directory import RunDirectory

WIDTHS = (50, 80, 200)


@pytest.fixture(params=[*WIDTHS, None], ids=lambda width: f"{width or 'piped'}")
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """The columns of the terminal; None where the output is piped."""
    if request.param is not None:
        monkeypatch.setenv("COLUMNS", str(request.param))
        monkeypatch.setenv("FORCE_COLOR", "1")
    return request.param  # type: ignore[no-any-return]


def lines_of(invoke: Invoke, width: int | None, *arguments: object) -> list[str]:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    lines = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).splitlines()
    assert width is None or max(map(len, lines)) <= width
    return lines


def test_data_sets(invoke: Invoke, width: int | None) -> None:
    lines = lines_of(invoke, width, "data")
    text = "\n".join(lines)
    names = [re.split("[,\\s]", line)[0] for line in lines if line[:1].strip()]
    assert [name for name in names if name != "name"] == list(DATA_SETS)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for data_set in DATA_SETS.values():
        assert f"{data_set.train.count:,}" in text
        room = (width or 1000) - 2
        words = f"{data_set.about}; {data_set.source}".split()
        for word in (word for word in words if len(word) <= room):
            assert word in text, word


@pytest.mark.parametrize("kind", ["generator", "checkpoint", "safetensors"])
def test_info_of_a_file(
    invoke: Invoke, width: int | None, trained: Path, tmp_path: Path, kind: str
) -> None:
    path = trained / "g.pt"
    if kind == "checkpoint":
        path = RunDirectory(trained).checkpoint_files()[0]
    elif kind == "safetensors":
        path = tmp_path / "g.safetensors"
        assert invoke("export", "--ckpt", trained, "--out", path).exit_code == 0
    lines = lines_of(invoke, width, "info", path)
    kilobytes = path.stat().st_size / 1000
    # z has 8 numbers, the hidden layer 16, with BatchNorm's scale and shift, an image 28 x 28.
    parameters = 8 * 16 + 2 * 16 + 16 * 784 + 784
    assert f"  size        {kilobytes:.1f} kB" in lines
    assert f"  kind        {'checkpoint' if kind == 'checkpoint' else 'generator file'}" in lines
    assert f"  parameters   {parameters:,}" in lines
    assert "  images       28x28 pixels, gray" in lines
    assert "  trained for  2 epochs, 14 steps" in lines
    assert [line for line in lines if line[:1].strip()][:3] == ["File", "Generator", "Config"]
    assert_in_words(lines)


def test_info_of_a_run(invoke: Invoke, width: int | None, trained: Path) -> None:
    lines = lines_of(invoke, width, "info", trained)
    assert "  trained for              14 steps" in lines
    assert f"  torch         {torch.__version__}" in lines
    assert f"  numpy         {np.__version__}" in lines
    headings = [line for line in lines if line[:1].strip()]
    assert headings[:5] == ["Run", "Checkpoints", "Environment", "Config", "Config: data"]
    assert_in_words(lines)


def assert_in_words(lines: list[str]) -> None:
    """The lines hold no list, dictionary, quoted text, None, True or exponent of Python's."""
    text = "\n".join(lines).replace("epoch_{epoch:03d}.png", "")
    # A shell needs quotes, and the path of the tests may hold anything.
    text = re.sub(r"^  (command|path) .*?(?=\n  \w)", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(
        r"[\[\]{}()'\"]|\b(None|True|False|nan)\b|\de-\d|(?<![.\d])\d+\.0$", text, re.MULTILINE
    )
    betas = next(line for line in lines if line.startswith("  betas"))
    assert re.fullmatch(r"  betas +0, 0\.\d+", betas)
    assert re.search(r"^  conditional +no$", text, re.MULTILINE)


def test_small_rates_are_written_out(invoke: Invoke, tiny_toml: Path) -> None:
    rate = ("--set", "train.lr_g=0.00005", "--epochs", 1, "--output-dir", "run")
    assert invoke("train", "--config", tiny_toml, *rate).exit_code == 0
    assert re.search(r"^  lr_g +0\.00005$", invoke("info", "run").stdout, re.MULTILINE)


def test_json_keeps_its_shape(invoke: Invoke, trained: Path) -> None:
    file = json.loads(invoke("info", trained / "g.pt", "--json").stdout)
    assert list(file) == [
        "file", "kind", "bytes", "epoch", "step", "parameters_G", "image", "written_by", "config",
    ]  # fmt: skip
    assert (file["image"], file["config"]["model"]["conditional"]) == ("1x28x28", False)
    run = json.loads(invoke("info", trained, "--json").stdout)
    assert list(run) == [
        "run", "newest_valid_checkpoint", "step", "checkpoints", "generator", "environment",
        "config",
    ]  # fmt: skip


def test_presets(invoke: Invoke, width: int | None) -> None:
    lines = lines_of(invoke, width, "init")
    assert [line.split()[0] for line in lines if line[0] != " "] == presets.names()
    column = max(map(len, presets.names())) + 2
    assert {line[:column].strip() for line in lines if line[0] == " "} <= {""}
    shown = " ".join(line[column:] for line in lines)
    assert shown == " ".join(map(presets.summary, presets.names()))


def test_outputs(invoke: Invoke, width: int | None) -> None:
    assert "animation" in "\n".join(lines_of(invoke, width, "outputs"))
    for name in ("animation", "samples", "wandb"):
        # Comments may be beside or above an option; the rest is TOML that can be copied.
        lines = lines_of(invoke, None if width == 200 else width, "outputs", name)
        table = lines[lines.index(f"[outputs.{name}]") :]
        assert all(re.match(r"\[|#|[a-z_]+ = |$", line) for line in table)
