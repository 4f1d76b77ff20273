"""Commands that need a generator take the newest run's if no other is given, and name it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Invoke, Tiny, heard_signals

from mnistgan.models import networks
from mnistgan.storage import checkpoint

NAMED = "mnistgan: using runs/b/g.pt, from the newest run\n"

COMMANDS = [
    ["sample", "-n", 3],
    ["export", "--format", "safetensors"],
    ["project", "digit.png", "--restarts", 1, "--steps", 2],
    ["animate", "--frames", 4],
    ["evaluate", "-n", 100],
    ["play", "--no-browser", "--port", 0],
]


@pytest.fixture
def runs(invoke: Invoke, trained: Path, tiny: Tiny, tmp_path: Path) -> Path:
    """Three runs with different generators; ``b`` is the newest by its recorded start alone."""
    for name, started, seed in (("a", 1, 1), ("b", 3, 2), ("c", 2, 3)):
        run = tmp_path / "runs" / name
        shutil.copytree(trained, run)
        config = tiny(("seed", seed))
        weights = networks.build_generator(config).state_dict()
        state = {"generator": weights, "step": seed, "epoch": 1}
        checkpoint.save_generator(run / "g.pt", config, state)
        environment = json.loads((run / "environment.json").read_text())
        environment["started"] = f"2026-01-0{started}T00:00:00"
        (run / "environment.json").write_text(json.dumps(environment))
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "digit.png")
    return tmp_path / "runs"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_without_any_run_one_sentence_says_what_to_do(
    invoke: Invoke, tmp_path: Path, command: list[object]
) -> None:
    result = invoke(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "train one first, or give a generator file with --ckpt" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS[:4], ids=lambda command: str(command[0]))
def test_the_newest_run_is_used_and_named(
    invoke: Invoke, runs: Path, tmp_path: Path, command: list[object]
) -> None:
    def written() -> dict[str, bytes]:
        """The files of the command, which are removed."""
        paths = [*tmp_path.glob("[!d]*.*"), *runs.glob("*/*.safetensors")]
        content = {path.name: path.read_bytes() for path in paths}
        if raw := content.get("g.safetensors"):  # the metadata in its header have no fixed order
            content["g.safetensors"] = raw[8 + int.from_bytes(raw[:8], "little") :]
        for path in paths:
            path.unlink()
        return content

    result = invoke(*command)
    assert (result.exit_code, result.stderr.count(NAMED)) == (0, 1), result.output
    assert NAMED not in result.stdout
    newest = written()
    assert len(newest) == 1
    given = invoke(*command, "--ckpt", "runs/b")
    assert NAMED not in given.stderr
    assert (given.stdout, written()) == (result.stdout, newest)
    assert invoke(*command, "--ckpt", "runs/c").exit_code == 0
    assert written() != newest


@pytest.mark.usefixtures("runs", "digits_classifier")
def test_evaluate_names_it_beside_json(invoke: Invoke) -> None:
    result = invoke("evaluate", "-n", 100, "--json")
    assert (result.exit_code, result.stderr.count(NAMED)) == (0, 1), result.output
    assert json.loads(result.stdout)["n"] == 100
    assert NAMED not in invoke("evaluate", "runs/b", "-n", 100).stderr


def test_animate_alone_shows_the_newest_run(invoke: Invoke, runs: Path) -> None:
    (runs / "b" / "training.gif").unlink()
    result = invoke("animate")
    assert (result.exit_code, result.stdout) == (0, "runs/b/training.gif\n"), result.output


def test_a_newest_run_without_a_generator(invoke: Invoke, runs: Path) -> None:
    (runs / "b" / "g.pt").unlink()
    result = invoke("sample", "-n", 1)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "runs/b: this run has not saved a generator yet; give a generator file" in result.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_play_serves_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mnistgan", "play", "--port", "0"]
    with heard_signals():
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
    with process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}about") as answer:
            assert json.load(answer)["step"] == 2
        process.terminate()
        process.wait()
        assert process.stderr.read() == NAMED
