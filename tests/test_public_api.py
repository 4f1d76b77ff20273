"""What Python programs call: wrong arguments, short texts, and the examples in docstrings."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import tomli_w
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from support import Invoke, Tiny, noise_images

import mnistgan
from mnistgan import datasets, events
from mnistgan.cli.wording import for_shell
from mnistgan.config import DataConfig, RunConfig, sections, toml
from mnistgan.datasets import ImageSet
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.errors import ConfigError, DataError, MnistganError, UsageError
from mnistgan.evaluation import reference
from mnistgan.evaluation.results import EvaluationResult
from mnistgan.models import networks, noise
from mnistgan.outputs import base
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.sampling.generator import Generator, load_generator

MODULES = (
    "mnistgan",
    "mnistgan.events",
    "mnistgan.outputs.base",
    "mnistgan.datasets",
    "mnistgan.evaluation.reference",
)
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-n )")
"""What only the command line knows."""

EVENTS = {name for name in events.__all__ if dataclasses.is_dataclass(getattr(events, name))}
Call: TypeAlias = Callable[..., Any]


class _Strange:
    """An object whose attributes and conversions fail."""

    def __index__(self) -> int:
        raise ValueError

    def __fspath__(self) -> str:
        raise TypeError


WRONG: list[Any] = [
    None, True, -1, 0, 3, 2**63, 10**400, 1.5, float("nan"), "", "nothing.pt", "a\0b", "\ud800",
    "x" * 5000, b"bytes", Path("nowhere"), [], [1, "a"], ("step",), {}, {"seed": -1}, object(),
    bool, _Strange(), np.zeros(3), np.zeros((60, 1, 28, 28)), noise_images(60, 1, 9, 9),
    noise_images(3, 1, 28, 28), np.int64(-5), np.array(["a"], object), torch.zeros(2, 3),
    torch.zeros(2, 64), torch.tensor([1, 2]), RunConfig(), DataConfig(name="./nowhere"),
    DataConfig(name="./no.npz"), OutputOptions(), iter([]), 7j,
]  # fmt: skip


@pytest.fixture(scope="module")
def generator(trained: Path) -> Generator:
    return load_generator(trained)


@pytest.fixture(scope="module")
def conditional() -> Generator:
    """A generator with three classes that has not been trained."""
    names = ["ant", "bee", "cat"]
    model = {"conditional": True, "classes": names, "latent_dim": 8}
    config = RunConfig.model_validate({"model": model})
    return Generator(networks.build_generator(config).eval(), config, 1, 1)


def right(generator: Generator, folder: Path) -> dict[str, dict[str, Any]]:
    """Arguments that each function takes, of which a test replaces some."""
    data = ImageSet(noise_images(8, 1, 28, 28), None, (), "noise")
    labeled = dataclasses.replace(data, labels=np.arange(8) % 2, classes=("a", "b"))
    config = RunConfig.model_validate({"data": {"name": "./nowhere"}, "train": {"device": "cpu"}})
    return {
        "mnistgan.train": {
            "config": config, "directory": folder / "run", "on_event": bool, "stop": None,
            "resume": False,
        },
        "mnistgan.load_generator": {"path": folder / "no.pt"},
        "mnistgan.sample": {"generator": generator, "count": 2, "seed": 0, "digits": None},
        "mnistgan.evaluate": {
            "images": data.images, "reference": None, "seed": 0, "on_progress": bool,
            "labels": None,
        },
        "mnistgan.export_onnx": {"generator": generator, "path": folder / "g.txt"},
        "mnistgan.RunConfig": {name: {} for name in ("data", "model", "train", "outputs")},
        "mnistgan.Trainer": {"config": config, "data": data},
        "mnistgan.Generator": {
            "network": generator.network, "config": generator.config, "step": 1, "epoch": 1,
        },
        "mnistgan.SyntheticDigits": {
            "source": generator, "length": 3, "seed": 0, "transform": None, "labels": False,
            "target_transform": None,
        },
        "mnistgan.LiveBar": {},
        "mnistgan.MnistganError": {},
        "mnistgan.events.score_names": {"kind": "probability"},
        "mnistgan.outputs.base.Output": {"directory": folder, "options": OutputOptions()},
        "mnistgan.outputs.base.OutputOptions": {},
        "mnistgan.outputs.base.continue_table": {
            "path": folder / "t.csv", "columns": ("step",), "step": 0,
        },
        "mnistgan.datasets.ImageSet": {
            field.name: getattr(labeled, field.name) for field in dataclasses.fields(labeled)
        },
        "mnistgan.datasets.load": {
            "config": DataConfig(name="digits"), "split": "train", "on_progress": bool,
        },
        "mnistgan.datasets.fetch": {"name": "digits", "root": folder, "mirrors": ()},
        "mnistgan.datasets.from_torchvision": {"dataset": [], "config": DataConfig()},
        "mnistgan.evaluation.reference.load": {"config": DataConfig(name="./no"), "train": data},
        "mnistgan.evaluation.reference.split": {
            "config": DataConfig(name="./no"), "train": labeled,
        },
        "mnistgan.evaluation.reference.is_shipped_for": {"config": DataConfig()},
        "Generator.__call__": {"z": torch.zeros(2, 8), "labels": None},
        "ImageSet.take": {"rows": slice(2)},
        "Output.folder": {"name": "ink"},
    }  # fmt: skip


METHODS: dict[str, Callable[[Generator, Path], Call]] = {
    "Generator.__call__": lambda generator, folder: generator,
    "ImageSet.take": lambda generator, folder: (
        ImageSet(noise_images(8, 1, 4, 4), None, (), "n").take
    ),
    "Output.folder": lambda generator, folder: Output(folder, OutputOptions()).folder,
}


def function(name: str, generator: Generator, folder: Path) -> Call:
    if name in METHODS:
        return METHODS[name](generator, folder)
    return _named(name)


def _named(name: str) -> Call:
    module, _, attribute = name.rpartition(".")
    found: Call = getattr(importlib.import_module(module), attribute)
    return found


def no_network(*_: object) -> None:
    raise DataError("there is no network")


def public_callables() -> set[str]:
    """The functions and classes that can be called, without Reference, the events and types."""
    found = set()
    for module in MODULES:
        imported = importlib.import_module(module)
        names = getattr(imported, "__all__", None) or [
            name for name, value in vars(imported).items()
            if getattr(value, "__module__", "") == module and not name.startswith("_")
        ]  # fmt: skip
        for name in names:
            value = getattr(imported, name)
            if (inspect.isclass(value) or inspect.isfunction(value)) and name not in EVENTS:
                found.add(f"{module}.{name}")
    return found - {"mnistgan.evaluation.reference.Reference"}


def test_each_public_callable_is_tried(generator: Generator, tmp_path: Path) -> None:
    tried = set(right(generator, tmp_path)) - set(METHODS)
    assert tried == public_callables()


@pytest.mark.usefixtures("hurried")
class TestWrongArguments:
    @pytest.mark.parametrize("name", sorted(public_callables()) + sorted(METHODS))
    @pytest.mark.parametrize("conditionally", [False, True])
    def test_each_alone(
        self, name: str, conditionally: bool, generator: Generator, conditional: Generator,
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MNISTGAN_DATA", str(tmp_path / "no-data"))
        monkeypatch.setattr(datasets.download, "fetch", no_network)
        used = conditional if conditionally else generator
        call = function(name, used, tmp_path)
        for key in right(used, tmp_path)[name]:
            for value in WRONG:
                self._only_our_errors(call, right(used, tmp_path)[name] | {key: value})

    def _only_our_errors(self, call: Call, arguments: dict[str, Any]) -> None:
        error = caught(call, arguments)
        assert isinstance(error, MnistganError | None), repr(error)
        message = str(error or "")
        assert not OPTION.search(message), message
        assert len(message) < 6000
        assert "\n" not in message or isinstance(error, ConfigError)


def caught(call: Call, arguments: dict[str, Any]) -> Exception | None:
    """What a call raises."""
    try:
        result = call(**arguments)
        if hasattr(result, "close"):
            result.close()
    except Exception as error:
        return error
    return None


class TestConfigs:
    """A config made in Python is checked as one from a file is."""

    TABLES: tuple[dict[str, Any], ...] = (
        {"train": {"los": 1}},
        {"seed": -1, "train": {"los": 1, "epochs": "5"}, "model": {"family": "dcgn"}, "lr": 1},
        {"data": {"name": "mnst"}, "train": {"loss": "hinge", "label_smoothing": 0.1}},
        {"data": {"image_size": 30}, "model": {"family": "dcgan"}},
    )

    @pytest.mark.parametrize("table", TABLES)
    def test_all_mistakes_together(self, table: dict[str, Any], tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as from_python:
            RunConfig(**table)
        file = tmp_path / "c.toml"
        file.write_text(tomli_w.dumps(table))
        with pytest.raises(ConfigError) as from_file:
            toml.validate(toml.read_toml(file), "")
        assert str(from_python.value) == str(from_file.value)

    def test_the_words(self) -> None:
        with pytest.raises(ConfigError, match=r"^train.los: unknown key; did you mean 'loss'\?$"):
            RunConfig(train={"los": 1})  # type: ignore[arg-type]
        with pytest.raises(ConfigError) as error:
            sections.TrainConfig(los=1, epochs=0)  # type: ignore[call-arg]
        assert error.value.problems == [
            "epochs: must be greater than or equal to 1, got 0",
            "los: unknown key; did you mean 'loss'?",
        ]

    @given(
        st.dictionaries(st.sampled_from(["seed", "train", "x"]), st.from_type(object), min_size=1)
    )
    def test_any_values(self, table: dict[str, Any]) -> None:
        error = caught(RunConfig, table)
        assert isinstance(error, ConfigError | None), repr(error)

    def test_a_section_may_be_made_first(self) -> None:
        made = RunConfig(train=sections.TrainConfig(epochs=3))
        assert made == RunConfig(train={"epochs": 3})  # type: ignore[arg-type]

    def test_an_option_of_an_output(self) -> None:
        class Options(OutputOptions):
            every: int = 1

        with pytest.raises(ConfigError, match=r"^eveery: unknown key; did you mean 'every'"):
            Options(eveery=2)  # type: ignore[call-arg]


class TestDigits:
    @pytest.mark.parametrize(
        ("digits", "labels"),
        [
            ("bee", [1]), ("ant,cat", [0, 2]), ("ant-bee", [0, 1]), (2, [2]), ("2", [2]),
            ([0, "cat"], [0, 2]), (range(2), [0, 1]), (np.array([2, 1]), [2, 1]), (None, [0, 1, 2]),
            (["0-1", 0], [0, 1, 0]),
        ],
    )  # fmt: skip
    def test_are_drawn_in_turn(
        self, digits: Any, labels: list[int], conditional: Generator
    ) -> None:
        images = mnistgan.sample(conditional, 6, seed=3, digits=digits)
        z = noise.normal(3, noise.Stream.SAMPLE, 0, (256, 8))
        expected = conditional(z, torch.tensor((labels * 256)[:256]))[:6]
        assert np.abs(images.astype(int) - expected).max() <= 1

    def test_names_that_are_numbers_count(self, conditional: Generator) -> None:
        config = conditional.config
        named = toml.replace(config, {"model.classes": ["3", "5", "7"]})
        generator = dataclasses.replace(conditional, config=named)
        for digits in (7, "7", [7]):
            np.testing.assert_array_equal(
                mnistgan.sample(generator, 3, digits=digits),
                mnistgan.sample(conditional, 3, digits="cat"),
            )

    @pytest.mark.parametrize("digits", ["dog", 3, -1, "", [], True, 1.5, [None], b"1", {}])
    def test_others_are_refused(self, digits: Any, conditional: Generator) -> None:
        with pytest.raises(UsageError):
            mnistgan.sample(conditional, 3, digits=digits)


def test_messages_name_what_is_wrong(generator: Generator, conditional: Generator) -> None:
    with pytest.raises(UsageError, match=r"^digits: must be classes, .* got b'7'$"):
        mnistgan.sample(conditional, 3, digits=b"7")
    with pytest.raises(UsageError, match=r"^count: .* images do not fit into memory; draw fewer$"):
        mnistgan.sample(generator, 10**13)
    with pytest.raises(UsageError, match=r"^count: must be an integer from 1 to .*, got 0$"):
        mnistgan.sample(generator, 0)
    with pytest.raises(
        UsageError, match=r"^z: must be a tensor, float32 N x 8, got float32 2 x 3$"
    ):
        generator(torch.zeros(2, 3))


class TestResuming:
    def test_a_run_goes_on(self, tiny: Tiny, tmp_path: Path) -> None:
        whole = mnistgan.train(tiny(), tmp_path / "whole")
        parts = mnistgan.train(tiny(("train.epochs", 1)), str(tmp_path / "parts"))
        with pytest.raises(UsageError, match="already contains a run") as error:
            mnistgan.train(tiny(), parts)
        call = re.search(r"`([^`]*)`$", str(error.value))
        assert call
        assert eval(call[1], {"mnistgan": mnistgan, "config": tiny()}) == parts
        first, second = (load_generator(run).network.state_dict() for run in (whole, parts))
        torch.testing.assert_close(first, second, rtol=0, atol=0)

    def test_with_another_config_it_does_not(self, tiny: Tiny, trained: Path) -> None:
        with pytest.raises(UsageError, match="seed was 0, now 1"):
            mnistgan.train(tiny(("seed", 1)), trained, resume=True)
        with pytest.raises(UsageError, match="`directory`: is needed"):
            mnistgan.train(tiny(), resume=True)
        with pytest.raises(UsageError, match="is not a run directory"):
            mnistgan.train(tiny(), trained.parent, resume=True)


class TestInTheShell:
    @pytest.mark.parametrize(
        ("python", "shell"),
        [
            ("choose another `directory`", "choose another --output-dir"),
            ("set `data.root` to it", "set --data-root to it"),
            ("`data.channels = 3`", "--channels 3"),
            ("`outputs.ink = False`", "--set outputs.ink=false"),
            ("`train.accelerate = 'none'`", "--set train.accelerate=none"),
            ("`data = {'name': 'mnist', 'root': '/a b'}`", "--data mnist --data-root '/a b'"),
            ("`datasets.fetch('mnist')`", "mnistgan data fetch mnist"),
            ("`datasets.fetch('mnist', '/a')`", "mnistgan data fetch mnist --data-root /a"),
            ("`mnistgan.train(config, 'a b', resume=True)`", "mnistgan train --resume 'a b'"),
            ("`other`, ``, `a = `, `f(1)`, `(`", "`other`, ``, `a = `, `f(1)`, `(`"),
        ],
    )  # fmt: skip
    def test_names_become_options(self, python: str, shell: str) -> None:
        assert for_shell(python) == shell

    @given(st.text())
    @example("`" + "[" * 1999 + "`")
    @example("`a = " + "-" * 1900 + "1`")
    def test_any_text_can_be_printed(self, text: str) -> None:
        for_shell(f"`{text}`")

    def test_errors_of_the_core(self, invoke: Invoke, tiny_toml: Path, trained: Path) -> None:
        result = invoke("train", "--config", tiny_toml, "--output-dir", trained)
        advice = result.stderr.rpartition("resume it: ")[2]
        assert "choose another --output-dir, or" in result.stderr
        assert shlex.split(advice) == ["mnistgan", "train", "--resume", str(trained)]

    def test_modules_that_python_reaches_write_no_options(self) -> None:
        package = Path(mnistgan.__file__).parent
        rooms = ("datasets", "export", "models", "outputs", "sampling", "storage", "training")
        files = [file for room in rooms for file in (package / room).glob("*.py")]
        files += [package / "runs" / "run.py", package / "runs" / "resumption.py"]
        files += [package / "evaluation" / f"{name}.py" for name in ("reference", "results")]
        own = ("--standalone", "--nproc-per-node")  # of torchrun
        for file in files:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            docstrings = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
            for node in ast.walk(tree):
                text = node.value if isinstance(node, ast.Constant) else ""
                if isinstance(text, str) and id(node) not in docstrings:
                    assert not OPTION.search(text) or text.startswith((*own, "-m")), (file, text)


class TestEvents:
    def test_print_writes_short_lines(
        self, tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = tiny(("evaluate.every", 1), ("evaluate.n", 100))
        count = 0

        def shown(event: events.Event) -> None:
            nonlocal count
            count += 1
            print(event)  # noqa: T201

        mnistgan.train(config, tmp_path / "run", on_event=shown)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == count
        assert {line.partition("(")[0] for line in lines} >= {
            "RunStarted", "StepMetrics", "EpochEnded", "Evaluated", "CheckpointSaved", "RunEnded",
        }  # fmt: skip
        for line in lines:
            assert len(line) <= 100 or line.startswith(("Evaluated", "RunEnded", "Warned", "Check"))
            assert len(line) <= 400
            assert "array" not in line

    def test_the_numbers_are_those_of_the_fields(self) -> None:
        event = events.StepMetrics(12, 1, 1.386294, 0.693147, 0.5, 0.25, 0.125, 1e4)
        shown = "step=12, loss_d=1.39, loss_g=0.693, d_real=0.5, d_fake_before=0.25"
        assert str(event) == repr(event) == f"StepMetrics({shown})"


@pytest.mark.usefixtures("hurried")
def test_the_names_in_json_are_the_attributes(
    invoke: Invoke, trained: Path, tmp_path: Path
) -> None:
    result = invoke("evaluate", trained, "-n", 100, "--json", "--out", "e")
    content = json.loads(result.stdout)
    real = reference.load(DataConfig(name="digits"))
    found: EvaluationResult = mnistgan.evaluate(mnistgan.sample(load_generator(trained), 100), real)
    for name, value in content.items():
        one = getattr(found, name)
        if isinstance(value, dict):
            for key, inner in value.items():
                mine = getattr(one, key)
                assert inner == (list(mine) if isinstance(mine, tuple) else mine), key
        else:
            assert value == (one if isinstance(one, int) else str(one)), name
    assert {"n", "seed", "data", "classifier", "figures", "floor_n", "floor"} <= set(content)
    assert set(content["figures"]) == {field.name for field in dataclasses.fields(found.figures)}


def _examples() -> dict[str, str]:
    """The first block of code in the docstring of each public function or class."""
    found = {}
    for name in sorted(public_callables()):
        text = inspect.getdoc(_named(name)) or ""
        block = re.search(
            r"(?:\n\n|^)((?:    .*\n?)+)", re.sub(r"(?ms)^(Args|Attr|Raises).*", "", text)
        )
        if block:
            found[name] = textwrap.dedent(block[1]).strip()
    return found


def test_each_function_has_an_example() -> None:
    functions = {name for name in public_callables() if inspect.isfunction(_named(name))}
    assert functions <= set(_examples())


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("name", sorted(_examples()))
def test_an_example_runs(
    name: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if name not in ("mnistgan.train", "mnistgan.Trainer"):
        (tmp_path / "my-run").symlink_to(trained)
    names: dict[str, Any] = {
        "mnistgan": mnistgan, "datasets": datasets, "reference": reference, "events": events,
        "DataConfig": DataConfig, "Path": Path, "continue_table": base.continue_table,
        "generator": load_generator(trained), "torchvision": import_torchvision(),
    }  # fmt: skip
    import_torchvision("torchvision.datasets")
    for line in ast.parse(_examples()[name]).body:
        source = ast.unparse(line)
        exec(source, names)
    for code, comment in re.findall(
        r"(?m)^(.*?)  # (\(.*\)|True|None.*|[\d, ]+)$", _examples()[name]
    ):
        value = eval(code, names)
        expected = ast.literal_eval(comment.partition(":")[0])
        assert value == expected, code
