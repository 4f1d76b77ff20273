"""Absurd numbers, files and machines: a sentence within a second, and never "this is a bug"."""

from __future__ import annotations

import cProfile
from pathlib import Path
from typing import Any

import pytest
import torch
from support import Invoke

from mnistgan.cli.app import _in_one_sentence
from mnistgan.config import RunConfig, toml
from mnistgan.errors import FileFormatError
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import tensor_zip

LONG = ["9" * 5000, "-" + "9" * 5000, "9" * 400, "1" + "0" * 30, "1e400", "nan", "1_0", "٣", "0x10"]


@pytest.mark.parametrize("option", ["--epochs", "--batch-size", "--seed", "--lr", "--max-minutes"])
@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_numbers_on_the_command_line(invoke: Invoke, option: str, text: str) -> None:
    result = invoke("train", "--data", "digits", "--dry-run", "--device", "cpu", f"{option}={text}")
    assert "this is a bug" not in result.stderr
    assert result.exit_code in (0, 2)  # 1_0, for one, is a number in Python's words


@pytest.mark.parametrize("key", ["train.epochs", "train.batch_size", "checkpoint.every", "seed"])
def test_numbers_in_a_config(invoke: Invoke, key: str) -> None:
    for text in LONG:
        result = invoke("train", "--data", "digits", "--dry-run", "--set", f"{key}={text}")
        assert "this is a bug" not in result.stderr
        assert result.exit_code in (0, 2)


def keys(count: int) -> dict[str, int]:
    return {f"key{number}": 1 for number in range(count)}


BASE = toml.to_table(RunConfig())
SLOW: dict[str, dict[str, Any]] = {
    "unknown keys": {**BASE, **keys(20_000)},
    "unknown keys in a table": {**BASE, "train": {**BASE["train"], **keys(20_000)}},
    "classes": {
        **BASE,
        "model": {"conditional": True, "classes": [str(number) for number in range(10**6)]},
    },
    "widths": {**BASE, "model": {"generator": {"widths": [1] * 10**6}}},
    "outputs": {**BASE, "outputs": {name: {} for name in keys(10**5)}},
}


@pytest.mark.parametrize("name", SLOW)
def test_a_huge_config_is_refused_with_little_work(name: str, tmp_path: Path) -> None:
    """Looking for a similar name for each of 20,000 keys took millions of calls and seconds."""
    state = {"step": 1, "epoch": 1, "generator": {"a": torch.zeros(2)}}
    content = {"format": "mnistgan-generator", "version": 1, "state": state}
    path = tmp_path / "g.pt"
    versions = {"mnistgan": "1", "torch": "2"}
    tensor_zip.write(path, content | {"config": SLOW[name], "versions": versions})
    with cProfile.Profile() as profile, pytest.raises(FileFormatError):
        load_generator(path)
    calls = sum(entry.callcount for entry in profile.getstats())
    assert calls < 4_000_000


def test_weights_of_another_type(trained: Path, tmp_path: Path, invoke: Invoke) -> None:
    whole = tensor_zip.read(trained / "g.pt")
    for part in ("generator", "average"):
        for name, tensor in whole["state"].get(part, {}).items():
            other = torch.float32 if tensor.dtype == torch.int64 else torch.int64
            altered = {**whole["state"], part: {**whole["state"][part], name: tensor.to(other)}}
            tensor_zip.write(tmp_path / "g.pt", whole | {"state": altered})
            result = invoke("sample", "--ckpt", "g.pt", "-n", 1)
            assert "this is a bug" not in result.stderr, name
            assert part == "generator" or "do not fit its config" in result.stderr, name


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a primitive"),
        RuntimeError("can't start new thread"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_too_little_memory(error: Exception) -> None:
    """What Python, torch, oneDNN and the loader say, the last one as seen under ``ulimit -v``."""
    message, code = _in_one_sentence(error)
    assert (code, message.startswith("there is not enough memory")) == (1, True)
