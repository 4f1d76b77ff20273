"""Outputs as plugins: a third-party distribution, and all the ways in which one can fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import Install, Invoke, Tiny

from mnistgan.outputs import process_state, registry

COUNTER = """
from typing import Annotated
from pydantic import Field
from mnistgan.events import Event, RunEnded, StepMetrics
from mnistgan.outputs.base import Output, OutputOptions


class Counter(Output):
    "Counts steps."

    class Options(OutputOptions):
        start: Annotated[int, Field(ge=0)] = 0

    options: Options

    def handle(self, event: Event) -> None:
        match event:
            case StepMetrics():
                self.count = getattr(self, "count", self.options.start) + 1
            case RunEnded():
                (self.directory / "count.txt").write_text(str(self.count))
"""


def test_the_built_in_outputs_are_plugins_too(invoke: Invoke) -> None:
    result = invoke("outputs")
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        [name, "mnistgan"]
        for name in (
            "animation",
            "curves",
            "metrics",
            "report",
            "samples",
            "tensorboard",
            "wandb",
        )
    ]


def test_a_third_party_is_listed_shown_configured_and_called(
    install: Install, invoke: Invoke, tiny_toml: Path, tmp_path: Path
) -> None:
    install(COUNTER, "Counter")
    listed = invoke("outputs")
    assert "counter      acme 2.5" in listed.stdout
    assert "acme_outputs" not in sys.modules, "listing imported it"
    shown = invoke("outputs", "counter")
    assert "Counts steps." in shown.stdout
    assert "start = 0" in shown.stdout

    tiny_toml.write_text(tiny_toml.read_text() + "\n[outputs.counter]\nstart = 100\n")
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "count.txt").read_text() == "114"
    assert (tmp_path / "run" / "metrics.csv").is_file(), "the built-in ones stay on"


REFUSED = [
    (COUNTER, "Counter", "start = -1", "outputs.counter.start: must be greater than or equal to 0"),
    (COUNTER, "Counter", "stert = 1", "unknown option; did you mean 'start'"),
    (COUNTER, "Missing", "", "cannot be imported (AttributeError"),
    ("import no_such_module", "Counter", "", "cannot be imported (ModuleNotFoundError"),
    ("raise KeyboardInterrupt", "Counter", "", "cannot be imported (KeyboardInterrupt)"),
    ("raise SystemExit(0)", "Counter", "", "cannot be imported (SystemExit: 0"),
    (COUNTER + "    needs = 3", "Counter", "", "needs or libraries that are not names"),
    (COUNTER + "    libraries = 3", "Counter", "", "needs or libraries that are not names"),
    (
        COUNTER + "    Options = 3",
        "Counter",
        "",
        "Options that are not a subclass of OutputOptions",
    ),
    ("raise SystemError('broken')", "Counter", "", "cannot be imported (SystemError: broken"),
    ("Counter = 3", "Counter", "", "is not a subclass of mnistgan.outputs.base.Output but 3"),
    ("class Counter: pass", "Counter", "", "is not a subclass of mnistgan.outputs.base.Output"),
    (COUNTER + "    api_version = 99", "Counter", "", "written for version 99 of the interface"),
]


@pytest.mark.parametrize(("source", "target", "option", "words"), REFUSED)
def test_what_cannot_be_used_stops_the_run_before_it_starts(
    install: Install,
    invoke: Invoke,
    tiny_toml: Path,
    tmp_path: Path,
    source: str,
    target: str,
    option: str,
    words: str,
) -> None:
    install(source, target)
    tiny_toml.write_text(tiny_toml.read_text() + f"\n[outputs.counter]\n{option}\n")
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run")
    assert result.exit_code == 2
    assert words in result.stderr
    assert "acme 2.5" in result.stderr
    assert not (tmp_path / "run").exists()


def test_ctrl_c_in_python_is_not_a_failure_of_the_plugin(install: Install) -> None:
    install("raise KeyboardInterrupt", "Counter")
    with pytest.raises(KeyboardInterrupt):
        registry.installed_outputs()


def test_an_unknown_output_is_refused_along_with_other_mistakes(
    invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke("train", "--set", "outputs.sampels.x=1", "--set", "outputs.samples.epochs=[0]",
                    "--set", "train.epochs=0")  # fmt: skip
    assert result.exit_code == 2
    assert "no installed package provides the output 'sampels'; did you mean 'samples'" in (
        result.stderr
    )
    assert "outputs.samples.epochs" in result.stderr
    assert "train.epochs" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_that_two_packages_provide_is_refused(install: Install, invoke: Invoke) -> None:
    install(COUNTER, "Counter")
    install(COUNTER, "Counter", package="bolt")
    result = invoke("train", "--set", "outputs.counter.start=1")
    assert result.exit_code == 2
    assert "is provided by acme 2.5 and bolt 2.5; uninstall all but one" in result.stderr
    assert "counter" in invoke("outputs").stdout


FAILING = """
from mnistgan.events import {event}
from mnistgan.outputs.base import Output


class Counter(Output):
    def handle(self, event: object) -> None:
        with (self.directory / "seen.txt").open("a") as file:
            file.write(type(event).__name__ + "\\n")
        if isinstance(event, {event}):
            raise RuntimeError("half-way")
"""


@pytest.mark.parametrize("event", ["RunStarted", "StepMetrics", "EpochEnded", "RunEnded"])
def test_a_failing_output_is_disabled_and_training_continues(
    install: Install, invoke: Invoke, tiny_toml: Path, tmp_path: Path, event: str
) -> None:
    install(FAILING.format(event=event), "Counter")
    tiny_toml.write_text(tiny_toml.read_text() + "\n[outputs.counter]\n")
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run")
    assert result.exit_code == 0, result.output
    run = tmp_path / "run"
    assert (run / "seen.txt").read_text().splitlines().count(event) == 1
    assert (run / "seen.txt").read_text().splitlines()[-1] == event
    assert result.stderr.count("half-way") == 2, "once when it happens, once at the end"
    assert "acme 2.5" in result.stderr
    assert (run / "training.gif").is_file(), "the other outputs still work"
    assert len((run / "metrics.csv").read_text().splitlines()) == 15


MISBEHAVING = """
import sys
from mnistgan.outputs.base import Output

class Unprintable(Exception):
    def __str__(self):
        raise ValueError

class Counter(Output):
    def handle(self, event):
        {act}
"""


@pytest.mark.parametrize(
    "act",
    [
        "sys.exit(0)",
        "raise Unprintable",
        "raise GeneratorExit",
        "raise BaseException('of its own')",
        "event.real_images[:] = 0",
        "event.real_images.setflags(write=True)",
    ],
)
def test_a_misbehaving_output_changes_nothing(
    install: Install, invoke: Invoke, tiny_toml: Path, tmp_path: Path, trained: Path, act: str
) -> None:
    install(MISBEHAVING.format(act=act), "Counter")
    tiny_toml.write_text(tiny_toml.read_text() + "\n[outputs.counter]\n")
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run")
    assert result.exit_code == 0, result.output
    assert "the output 'counter' of acme 2.5 failed" in result.stderr
    for name in ("training.gif", "samples/real.png", "samples/epoch_002.png"):
        assert (tmp_path / "run" / name).read_bytes() == (trained / name).read_bytes()


@pytest.mark.parametrize(
    ("act", "what"),
    [
        ("import os; os.chdir('/')", "the working directory"),
        ("import os; os.umask(0o777)", "the umask"),
        ("import torch; torch.set_grad_enabled(False)", "torch's grad mode"),
        (
            "import torch; torch.use_deterministic_algorithms(True)",
            "torch's deterministic algorithms",
        ),
        ("import torch; torch.set_default_dtype(torch.float64)", "torch's default dtype"),
        ("import torch; torch.set_num_threads(7)", "torch's number of threads"),
        ("import torch; torch.set_float32_matmul_precision('medium')", "torch's matmul precision"),
        ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", "the handler of SIGINT"),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "the handler of SIGTERM"),
    ],
)
def test_what_an_output_changes_in_the_process_is_undone(
    install: Install,
    invoke: Invoke,
    tiny_toml: Path,
    tmp_path: Path,
    trained: Path,
    act: str,
    what: str,
) -> None:
    install(MISBEHAVING.format(act=act), "Counter")
    tiny_toml.write_text(tiny_toml.read_text() + "\n[outputs.counter]\n")
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run")
    assert result.exit_code == 0, result.output
    assert result.stderr.count(f"'counter' of acme 2.5 changed {what}; it was changed back") == 1
    for name in ("training.gif", "samples/real.png", "samples/epoch_002.png"):
        assert (tmp_path / "run" / name).read_bytes() == (trained / name).read_bytes()


def test_the_process_is_not_looked_at_for_the_outputs_that_ship(
    invoke: Invoke, tiny_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read() -> process_state.State:
        raise AssertionError("this takes 10 microseconds per step")

    monkeypatch.setattr(process_state, "read", read)
    result = invoke("train", "--config", tiny_toml)
    assert result.exit_code == 0, result.output


def test_an_interrupt_inside_an_output_is_the_users(
    install: Install, invoke: Invoke, tiny_toml: Path
) -> None:
    install(MISBEHAVING.format(act="raise KeyboardInterrupt"), "Counter")
    tiny_toml.write_text(tiny_toml.read_text() + "\n[outputs.counter]\n")
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run")
    assert result.exit_code == 130, result.output
    assert "Traceback" not in result.output


def test_an_output_that_cannot_be_created_is_disabled(
    install: Install, invoke: Invoke, tiny_toml: Path
) -> None:
    source = """
    from mnistgan.outputs.base import Output
    class Counter(Output):
        def __init__(self, directory, options):
            raise OSError("no room")
    """
    install(source, "Counter")
    tiny_toml.write_text(tiny_toml.read_text() + "\n[outputs.counter]\n")
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run")
    assert result.exit_code == 0
    assert result.stderr.count("no room") == 2


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("outputs.samples=false", "outputs.animation: needs outputs.samples, which is disabled"),
        ("outputs.metrics=false", "outputs.curves: needs outputs.metrics, which is disabled"),
        ("outputs.samples.pattern=a.png", "must be a file name like"),
        ("outputs.samples.pattern=../{epoch}.png", "must be a file name like"),
        ("outputs.samples.pattern={epoch.__class__}.png", "must be a file name like"),
        ("outputs.samples.pattern={epoch:099999d}.png", "must be a file name like"),
        ("outputs.samples.pattern={epoch}\n.png", "must be a file name like"),
        ("outputs.samples.pattern={epoch", "must be a file name like"),
        ("outputs.animation.format=avi", "outputs.animation.format"),
        (
            "outputs.animation={fps=60}",
            "outputs.animation: a GIF plays at most 50; use fps = 50, or",
        ),
    ],
)
def test_options_of_the_built_in_outputs(invoke: Invoke, assignment: str, words: str) -> None:
    result = invoke("train", "--set", assignment)
    assert result.exit_code == 2
    assert words in result.stderr


def test_outputs_can_be_disabled_and_configured(
    invoke: Invoke, tiny_toml: Path, tmp_path: Path, tiny: Tiny
) -> None:
    result = invoke(
        "train", "--config", tiny_toml, "--output-dir", "run", "--epochs", 3,
        "--set", "outputs.curves=false", "--set", "outputs.animation.format=webp",
        "--set", "outputs.samples.epochs=[1,3]",
        "--set", "outputs.samples.pattern=e{epoch}s{step}.png",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    run = tmp_path / "run"
    assert sorted(path.name for path in (run / "samples").iterdir()) == [
        "e1s7.png", "e3s21.png", "index.csv", "real.png",
    ]  # fmt: skip
    assert not (run / "curves.png").exists()
    assert (run / "training.webp").is_file()
    index = (run / "samples" / "index.csv").read_text()
    assert index == "epoch,step,file\n1,7,e1s7.png\n3,21,e3s21.png\n"
