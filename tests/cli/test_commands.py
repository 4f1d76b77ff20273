"""The other commands, and what all of them share."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from PIL import Image, ImageSequence
from support import Invoke, Tiny

import mnistgan
from mnistgan.cli import app
from mnistgan.models import networks
from mnistgan.rendering.grids import read_png
from mnistgan.storage import checkpoint
from mnistgan.storage.run_directory import RunDirectory

COMMANDS = [
    "train", "init", "sweep", "animate", "plot", "report", "play", "project", "info", "evaluate",
    "compare", "sample", "write", "export", "plugins", "outputs", "data", "data fetch",
    "data verify", "data show",
]  # fmt: skip


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def frames_in(path: Path) -> int:
    with Image.open(path) as image:
        return sum(1 for _ in ImageSequence.Iterator(image))


class TestShared:
    @pytest.mark.parametrize("command", COMMANDS)
    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_help_shows_an_example_and_debug(self, invoke: Invoke, command: str, flag: str) -> None:
        result = invoke(*command.split(), flag)
        assert result.exit_code == 0
        assert f"mnistgan {command}" in result.stdout
        assert "--debug" in result.stdout

    @pytest.mark.parametrize("width", [50, 80, 200])
    @pytest.mark.parametrize("command", ["", *COMMANDS])
    def test_help_names_types_in_plain_words(
        self, invoke: Invoke, command: str, width: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(width))
        shown = invoke(*command.split(), "--help").stdout
        assert not re.search(
            r"<\w|[<>]=|\{|\brange\b|9223372036854775807|\b(None|True|False|Enum|Literal|bool|str)\b",
            re.sub(r"report=\{\}|\{4(,6)?\}", "", shown),
        )
        # Nothing is cut, and a terminal does not break the lines again.
        assert "\N{HORIZONTAL ELLIPSIS}" not in shown
        assert not re.search(r"[a-z,;]\.\.\.$", shown, re.MULTILINE)
        assert max(map(len, shown.splitlines())) <= width

    def test_every_command_is_among_those_tested(self) -> None:
        def names(group: Any, *above: str) -> Iterator[str]:
            for name, command in group.commands.items():
                yield " ".join((*above, name))
                yield from names(command, name) if hasattr(command, "commands") else ()

        assert set(names(typer.main.get_command(app))) == set(COMMANDS)

    def test_limits_are_shown_and_checked(self, invoke: Invoke) -> None:
        assert "2 to 2000" in invoke("animate", "--help").stdout
        assert "0 to 1 " in invoke("sample", "--help").stdout
        result = invoke("animate", "--ckpt", "g.pt", "--frames", 2001)
        assert result.exit_code == 2
        assert "'--frames': must be less than or equal to 2000" in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ("animate --walk 0-5", "Invalid value for '--walk': '0-5' is not one of 'slerp', "),
            ("animate --fps 100", "Invalid value for '--fps': must be less than or equal to 60; "),
            ("export --format pickle", "'pickle' is not one of 'onnx', "),
            (f"export --format {'x' * 999}", f"'--format': '{'x' * 56}...' is not one of 'onnx', "),
            ("plugins foo", "Invalid value for 'KIND': 'foo' is not one of 'generators', "),
            ("sample -n x", "Invalid value for '-n': must be a valid integer; see: "),
            (f"train --epochs 1{'0' * 5000}", "Invalid value for '--epochs': has too many digits"),
        ],
    )
    def test_messages_of_libraries_are_reworded(
        self, invoke: Invoke, arguments: str, words: str
    ) -> None:
        result = invoke(*arguments.split())
        assert result.exit_code == 2
        assert words in result.stderr
        assert not re.search("Value error|Input|parse", result.stderr)

    def test_the_commands_stand_in_panels(self, invoke: Invoke) -> None:
        titles = r"(?<=─ )[A-Z][a-z ]+(?= ─)"
        shown = re.sub(r"[│╭╮╰╯─]", " ", invoke("--help").stdout)
        panels = re.findall(titles, invoke("--help").stdout)
        assert panels == [
            "Options", "Train", "Inspect", "Evaluate", "Sample and export", "Data and plugins",
        ]  # fmt: skip
        names = re.findall(r"^   ?([a-z]+)  +[A-Z]", shown, re.MULTILINE)
        assert names == [name for name in COMMANDS if " " not in name]

    def test_help_breaks_lines_where_the_terminal_ends_only(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "140")
        example = "per-digit 10   one row per digit, for a conditional generator"
        assert example in invoke("sample", "--help").stdout
        own = "folder of images (one subfolder per class, or none)"
        assert own in invoke("data", "--help").stdout

    def test_version(self, invoke: Invoke) -> None:
        assert invoke("--version").stdout == f"mnistgan {mnistgan.__version__}\n"

    def test_an_unknown_command(self, invoke: Invoke) -> None:
        result = invoke("trian")
        assert result.exit_code == 2
        assert result.stderr.startswith("mnistgan: error: No such command 'trian'")

    def test_a_usage_error_is_one_sentence_that_says_where_to_look(self, invoke: Invoke) -> None:
        result = invoke("sweep", "--trials", "3")
        assert result.exit_code == 2
        assert result.stderr == (
            "mnistgan: error: Missing option '--config'; see: mnistgan sweep --help\n"
        )

    @pytest.mark.slow
    def test_python_dash_m(self) -> None:
        command = [sys.executable, "-m", "mnistgan", "--version"]
        assert subprocess.check_output(command, text=True).startswith("mnistgan ")

    @pytest.mark.slow
    def test_debug_shows_the_traceback(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "mnistgan", "info", str(tmp_path / "none.pt")]
        plain = subprocess.run(command, capture_output=True, text=True, check=False)
        assert plain.returncode == 2
        assert plain.stderr.startswith("mnistgan: error: ")
        assert plain.stderr.count("\n") == 1
        debug = subprocess.run([*command, "--debug"], capture_output=True, text=True, check=False)
        assert "Traceback" in debug.stderr

    def test_a_bug_is_told_in_one_sentence(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mnistgan.config import presets

        monkeypatch.setattr(presets, "names", lambda: 1 / 0)
        result = invoke("init")
        assert result.exit_code == 1
        assert "this is a bug (ZeroDivisionError" in result.stderr
        assert "--debug" in result.stderr


class TestSample:
    def test_a_grid(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        result = invoke("sample", "--ckpt", trained / "g.pt", "-n", 100)
        assert (result.exit_code, result.stdout) == (0, "samples.png\n")
        width, height = size_of(tmp_path / "samples.png")
        assert width == height
        assert 600 <= width <= 900

    def test_a_larger_grid(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        for scale in (1, 3):
            more = ("--scale", scale, "--out", f"{scale}.png")
            result = invoke("sample", "--ckpt", trained / "g.pt", "-n", 5, *more)
            assert result.exit_code == 0, result.output
        plain, larger = (read_png(tmp_path / f"{scale}.png") for scale in (1, 3))
        assert plain.shape == (62, 92)
        np.testing.assert_array_equal(larger, np.kron(plain, np.ones((3, 3), np.uint8)))

    def test_a_color_grid(self, invoke: Invoke, tiny: Tiny, tmp_path: Path) -> None:
        config = tiny(("data.channels", 3))
        weights = networks.build_generator(config).state_dict()
        state = {"generator": weights, "step": 0, "epoch": 0}
        checkpoint.save_generator(tmp_path / "color.pt", config, state)
        for scale in (1, 2):
            more = ("--scale", scale, "--out", f"{scale}.png")
            result = invoke("sample", "--ckpt", "color.pt", "-n", 100, *more)
            assert result.exit_code == 0, result.output
        plain, larger = (read_png(tmp_path / f"{scale}.png") for scale in (1, 2))
        np.testing.assert_array_equal(larger, np.kron(plain, np.ones((2, 2, 1), np.uint8)))

    def test_a_folder(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        result = invoke("sample", "--ckpt", trained, "-n", 3, "--format", "png", "--out", "out")
        assert result.exit_code == 0
        names = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert names == ["000000.png", "000001.png", "000002.png"]
        assert size_of(tmp_path / "out" / "000002.png") == (28, 28)
        again = invoke("sample", "--ckpt", trained, "-n", 3, "--format", "png", "--out", "out")
        assert again.exit_code == 2

    def test_the_formats_hold_the_same_images(
        self, invoke: Invoke, trained: Path, tmp_path: Path
    ) -> None:
        for name in (["npz"], ["png"], ["grid", "--scale", 1]):
            assert invoke("sample", "--ckpt", trained, "-n", 1, "--format", *name).exit_code == 0
        array = np.load(tmp_path / "samples.npz")["images"]
        assert (array.shape, array.dtype) == ((1, 28, 28), np.uint8)
        single = read_png(tmp_path / "samples" / "000000.png")
        grid = read_png(tmp_path / "samples.png")
        np.testing.assert_array_equal(single, array[0])
        np.testing.assert_array_equal(grid[2:30, 2:30], array[0])

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["-n", "0"], "'-n'"),
            (["-n", "x"], "'-n'"),
            (["-n", "1", "--seed", "-1"], "--seed"),
            (["-n", "1", "--scale", "0"], "--scale"),
            (["-n", "1", "--scale", "101"], "--scale"),
            (["-n", "9", "--format", "npz", "--scale", "2"], "--scale is only for --format grid"),
            (["-n", "10000", "--scale", "4"], "would be too large; choose a smaller scale"),
            (["-n", "20000"], "a grid holds at most 10,000 images"),
            (["-n", "1", "--out", "a.jpg"], "unknown extension '.jpg'; use .png"),
            (
                ["-n", "1", "--format", "npz", "--out", "a.png"],
                "unknown extension '.png'; use .npz",
            ),
            (["-n", "1", "--out", "none/a.png"], "its folder does not exist"),
            (["-n", "1", "--format", "jpg"], "--format"),
        ],
    )
    def test_bad_input(
        self, invoke: Invoke, trained: Path, tmp_path: Path, arguments: list[str], words: str
    ) -> None:
        result = invoke("sample", "--ckpt", trained, *arguments)
        assert result.exit_code == 2
        assert words in result.stderr
        assert list(tmp_path.iterdir()) == []

    def test_files_that_are_no_generator(
        self, invoke: Invoke, trained: Path, tmp_path: Path
    ) -> None:
        whole = (trained / "g.pt").read_bytes()
        for name, raw in {"text.pt": b"hello", "empty.pt": b"", "cut.pt": whole[:-9]}.items():
            (tmp_path / name).write_bytes(raw)
            result = invoke("sample", "--ckpt", name, "-n", 1)
            assert result.exit_code == 2
            assert result.stderr.startswith(f"mnistgan: error: {name}: is ")
            assert result.stderr.count("\n") == 1
        assert invoke("sample", "--ckpt", "none.pt", "-n", 1).exit_code == 2


class TestAnimate:
    def test_the_newest_run_without_arguments(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        nothing = invoke("animate")
        assert nothing.exit_code == 2
        assert "runs/: contains no run" in nothing.stderr
        older = invoke("train", "--config", tiny_toml).stdout.strip()
        newer = invoke("train", "--config", tiny_toml, "--epochs", 3).stdout.strip()
        assert older != newer
        (tmp_path / newer / "training.gif").unlink()
        result = invoke("animate")
        assert result.stdout == f"{newer}/training.gif\n"
        assert frames_in(tmp_path / newer / "training.gif") == 3

    def test_frames_come_from_the_index(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        invoke("train", "--config", tiny_toml, "--output-dir", "run")
        samples = tmp_path / "run" / "samples"
        Image.new("L", (7, 7)).save(samples / "epoch_000.png")  # a file of somebody else's
        result = invoke("animate", "run", "--out", "a.webp", "--fps", 4)
        assert result.exit_code == 0, result.output
        assert frames_in(tmp_path / "a.webp") == 2

    @pytest.mark.parametrize("walk", ["slerp", "linear", "circle"])
    def test_a_walk(self, invoke: Invoke, trained: Path, tmp_path: Path, walk: str) -> None:
        result = invoke("animate", "--ckpt", trained, "--walk", walk, "--frames", 8)
        assert (result.exit_code, result.stdout) == (0, "walk.gif\n")
        assert frames_in(tmp_path / "walk.gif") == 8

    def test_a_walk_replaces_no_other(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        named, walk = [], ("animate", "--ckpt", trained, "--frames")
        for frames in (4, 5, 6):
            result = invoke(*walk, frames)
            assert (result.exit_code, result.stderr) == (0, ""), result.output
            named.append(result.stdout.strip())
        assert named == ["walk.gif", "walk-2.gif", "walk-3.gif"]
        assert [frames_in(tmp_path / name) for name in named] == [4, 5, 6]
        (tmp_path / "walk-2.gif").unlink()
        assert invoke(*walk, 7).stdout == "walk-2.gif\n"
        result = invoke(*walk, 8, "--out", "walk-3.gif")
        assert (result.exit_code, result.stdout) == (0, "walk-3.gif\n")
        assert result.stderr == "mnistgan: walk-3.gif: the file of this name was replaced\n"
        assert [frames_in(tmp_path / name) for name in named] == [4, 7, 8]

    def test_a_film(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        result = invoke("animate", "--ckpt", trained, "--frames", 4, "--out", "walk.mp4")
        assert result.exit_code == 0, result.output
        assert (tmp_path / "walk.mp4").read_bytes()[4:8] == b"ftyp"

    @pytest.mark.parametrize(
        "arguments",
        [["--out", "a.avi"], ["--ckpt", "none.pt"], ["none"], ["--fps", "0"], ["--walk", "slerp"]],
    )
    def test_bad_input(self, invoke: Invoke, tmp_path: Path, arguments: list[str]) -> None:
        assert invoke("animate", *arguments).exit_code == 2
        assert list(tmp_path.iterdir()) == []

    def test_a_speed_that_a_gif_cannot_play(
        self, invoke: Invoke, trained: Path, tmp_path: Path
    ) -> None:
        for arguments in (["--ckpt", trained], [trained, "--out", "a.gif"]):
            result = invoke("animate", *arguments, "--fps", 60)
            assert result.exit_code == 2
            assert "at most 50 frames per second, not 60; use 50, or .webp or .mp4" in result.stderr
        assert list(tmp_path.iterdir()) == []
        assert invoke("animate", "--ckpt", trained, "--out", "a.webp", "--fps", 60).exit_code == 0


class TestPlot:
    @pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
    def test_one_and_several_runs(
        self, invoke: Invoke, trained: Path, tmp_path: Path, suffix: str
    ) -> None:
        for runs in ([trained], [trained, trained]):
            result = invoke("plot", *runs, "--out", f"a.{suffix}")
            assert (result.exit_code, result.stdout) == (0, f"a.{suffix}\n")
        assert (tmp_path / f"a.{suffix}").stat().st_size > 5000

    def test_the_newest_run_without_arguments(self, invoke: Invoke, tiny_toml: Path) -> None:
        assert invoke("plot").exit_code == 2
        run = invoke("train", "--config", tiny_toml).stdout.strip()
        assert invoke("plot").stdout == f"{run}/curves.png\n"

    def test_bad_input(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        assert invoke("plot", trained, "--out", "a.txt").exit_code == 2
        assert invoke("plot", tmp_path).exit_code == 2


class TestExport:
    @pytest.mark.slow
    def test_beside_the_generator_and_elsewhere(
        self, invoke: Invoke, trained: Path, tmp_path: Path
    ) -> None:
        result = invoke("export", "--ckpt", trained / "g.pt", "--out", "digits.onnx")
        assert (result.exit_code, result.stdout) == (0, "digits.onnx\n")
        assert "greatest difference to torch" in result.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["digits.onnx"]

    def test_bad_input(self, invoke: Invoke, trained: Path) -> None:
        assert invoke("export", "--ckpt", "none.pt").exit_code == 2
        assert invoke("export", "--ckpt", trained, "--out", "a.pt").exit_code == 2


class TestInfo:
    def test_of_a_generator_a_checkpoint_and_a_run(self, invoke: Invoke, trained: Path) -> None:
        checkpoint = RunDirectory(trained).checkpoint_files()[0]
        for path, kind in ((trained / "g.pt", "generator"), (checkpoint, "checkpoint")):
            report = json.loads(invoke("info", path, "--json").stdout)
            assert (report["kind"], report["epoch"], report["step"]) == (kind, 2, 14)
            assert report["config"]["model"]["family"] == "mlp"
        report = json.loads(invoke("info", trained, "--json").stdout)
        assert report["newest_valid_checkpoint"] == "step-00000014.pt"
        assert set(report["checkpoints"].values()) == {"valid"}
        assert re.search(r"kind +generator file\n", invoke("info", trained / "g.pt").stdout)

    def test_bad_input(self, invoke: Invoke, tmp_path: Path) -> None:
        (tmp_path / "a.pt").write_bytes(b"PK nothing")
        for path in ("a.pt", "none", tmp_path):
            assert invoke("info", path).exit_code == 2

    def test_a_generator_in_a_checkpoints_place_is_not_called_valid(
        self, invoke: Invoke, trained: Path, tmp_path: Path
    ) -> None:
        run = RunDirectory(tmp_path / "run")
        shutil.copytree(trained, run.path)
        shutil.copy(run.generator_file, run.checkpoint_file(999))
        report = json.loads(invoke("info", run.path, "--json").stdout)
        assert (report["newest_valid_checkpoint"], report["step"]) == ("step-00000014.pt", 14)
        assert "has no training state" in report["checkpoints"]["step-00000999.pt"]


class TestInit:
    def test_lists_and_writes(self, invoke: Invoke, tmp_path: Path) -> None:
        assert "A small DCGAN" in invoke("init").stdout
        assert invoke("init", "dcgan").stdout == "run.toml\n"
        assert 'name = "dcgan"' in (tmp_path / "run.toml").read_text()
        again = invoke("init", "hinge-sn")
        assert again.exit_code == 2
        assert "already exists" in again.stderr
        result = invoke("train", "--config", "run.toml", "--data", "digits", "--dry-run")
        assert result.exit_code == 0, result.output

    def test_a_list_is_not_written(self, invoke: Invoke, tmp_path: Path) -> None:
        assert invoke("init", "--out", "a.toml").exit_code == 2
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_preset(self, invoke: Invoke) -> None:
        assert invoke("init", "dcgn").exit_code == 2


class TestOutputs:
    def test_options_with_their_defaults(self, invoke: Invoke) -> None:
        shown = invoke("outputs", "samples").stdout
        assert "[outputs.samples]" in shown
        assert 'pattern = "epoch_{epoch:03d}.png"' in shown
        assert "# fps = ...  # Frames per second" in invoke("outputs", "animation").stdout

    def test_an_unknown_one(self, invoke: Invoke) -> None:
        result = invoke("outputs", "sampels")
        assert result.exit_code == 2
        assert "did you mean 'samples'" in result.stderr
