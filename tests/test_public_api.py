"""What Python programs call: wrong arguments, short texts, and the examples in docstrings."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from support import noise_images

from mnistgan import datasets, events
from mnistgan.config import DataConfig, RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.errors import ConfigError, MnistganError
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.sampling.generator import Generator, load_generator

MODULES = (
    "mnistgan",
    "mnistgan.events",
    "mnistgan.outputs.base",
    "mnistgan.datasets",
    "mnistgan.evaluation.reference",
)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
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
    "x" * 5000, b"bytes", Path("nowhere"), [], [1, "a"], ("step",), {}, {"seed": -1}, object(), len,
    _Strange(), np.zeros(3), np.zeros((60, 1, 28, 28)), noise_images(60, 1, 9, 9),
    noise_images(3, 1, 28, 28), np.int64(-5), np.array(["a"], object), torch.zeros(2, 3),
    torch.zeros(2, 64), torch.tensor([1, 2]), RunConfig(), DataConfig(name="./nowhere"),
    DataConfig(name="./no.npz"), OutputOptions(), Output, iter([]), float, 7j,
]  # fmt: skip


@pytest.fixture(scope="module")
def generator(trained: Path) -> Generator:
    return load_generator(trained)


@pytest.fixture(scope="module")
def conditional() -> Generator:
    """A generator with three classes that has not been trained."""
    from mnistgan.models import networks

    names = ["ant", "bee", "cat"]
    config = RunConfig(model={"conditional": True, "classes": names, "latent_dim": 8})
    return Generator(networks.build_generator(config).eval(), config, 1, 1)


def right(generator: Generator, folder: Path) -> dict[str, dict[str, Any]]:
    """Arguments that each function takes, of which a test replaces some."""
    data = ImageSet(noise_images(8, 1, 28, 28), None, (), "noise")
    labeled = dataclasses.replace(data, labels=np.arange(8) % 2, classes=("a", "b"))
    config = RunConfig(data={"name": "./nowhere"}, train={"device": "cpu"})
    return {
        "mnistgan.train": {
            "config": config, "directory": folder / "run", "on_event": len, "stop": None,
            "resume": False,
        },
        "mnistgan.load_generator": {"path": folder / "no.pt"},
        "mnistgan.sample": {"generator": generator, "count": 2, "seed": 0, "digits": None},
        "mnistgan.evaluate": {
            "images": data.images, "reference": None, "seed": 0, "on_progress": len, "labels": None,
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
            "config": DataConfig(name="digits"), "split": "train", "on_progress": len,
        },
        "mnistgan.datasets.fetch": {"name": "digits", "root": folder, "mirrors": ()},
        "mnistgan.datasets.from_torchvision": {"dataset": [], "config": DataConfig()},
        "mnistgan.evaluation.reference.load": {"config": DataConfig(name="./no"), "train": data},
        "mnistgan.evaluation.reference.split": {"config": DataConfig(name="./no"), "train": labeled},
        "mnistgan.evaluation.reference.is_shipped_for": {"config": DataConfig()},
        "Generator.__call__": {"z": torch.zeros(2, 8), "labels": None},
        "ImageSet.take": {"rows": slice(2)},
        "Output.folder": {"name": "ink"},
    }  # fmt: skip


METHODS = {
    "Generator.__call__": lambda generator, folder: generator,
    "ImageSet.take": lambda generator, folder: ImageSet(noise_images(8, 1, 4, 4), None, (), "n").take,
    "Output.folder": lambda generator, folder: Output(folder, OutputOptions()).folder,
}


def function(name: str, generator: Generator, folder: Path) -> Call:
    if name in METHODS:
        return METHODS[name](generator, folder)
    module, _, attribute = name.rpartition(".")
    found: Call = getattr(importlib.import_module(module), attribute)
    return found


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


class TestWrongArguments:
    @pytest.mark.parametrize("name", sorted(public_callables()) + sorted(METHODS))
    @pytest.mark.parametrize("conditionally", [False, True])
    def test_each_alone(
        self, name: str, conditionally: bool, generator: Generator, conditional: Generator,
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MNISTGAN_DATA", str(tmp_path / "no-data"))
        monkeypatch.setattr(datasets.download, "fetch", lambda *_: pytest.fail("downloads"))
        used = conditional if conditionally else generator
        call = function(name, used, tmp_path)
        for key in right(used, tmp_path)[name]:
            for value in WRONG:
                self._only_our_errors(call, right(used, tmp_path)[name] | {key: value})

    def _only_our_errors(self, call: Call, arguments: dict[str, Any]) -> None:
        try:
            call(**arguments)
        except MnistganError as error:
            message = str(error)
            assert not OPTION.search(message), message
            assert isinstance(error, ConfigError) or "\n" not in message
            assert len(message) < 6000
            assert message[0] != "<"
