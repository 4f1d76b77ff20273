"""Files of earlier versions load, or are refused with advice; made by data/make.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors
import tomli
import tomli_w
import torch
from safetensors.torch import load_file, save_file
from support import Invoke
from typer.testing import Result

from mnistgan import datasets
from mnistgan.config import RunConfig, toml
from mnistgan.errors import ConfigWarning, FileFormatError
from mnistgan.storage import checkpoint, generator_safetensors, tensor_zip
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training.trainer import Trainer

DATA = Path(__file__).parents[1] / "data"
OLD = sorted(DATA.glob("checkpoint-v*.pt"))


def test_every_format_so_far_is_kept() -> None:
    names = [f"checkpoint-v{one + 1}.pt" for one in range(checkpoint.FORMAT_VERSION)]
    assert [path.name for path in OLD] == names
    assert all(path.stat().st_size < 60_000 for path in OLD)


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_an_old_checkpoint_is_trained_on(path: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Or it is refused, and the message says what to do."""
    run = RunDirectory(tmp_path / "run")
    run.checkpoints.mkdir(parents=True)
    shutil.copy(path, run.checkpoint_file(3))
    try:
        config = checkpoint.load_checkpoint(path).config
    except FileFormatError as error:
        assert "install the version that wrote it" in str(error)  # noqa: PT017
        return
    run.config_file.write_text(toml.to_toml(config))
    result = invoke("train", "--resume", run.path)
    assert result.exit_code == 0, result.output
    assert "resuming after step 3" in result.stderr
    whole = Trainer(config, datasets.load(config.data))
    list(whole)
    resumed = checkpoint.load_checkpoint(run.checkpoint_files()[0]).weights
    assert whole.average is not None
    for name, tensor in whole.average.state_dict().items():
        # The first three steps may have been taken on another processor.
        torch.testing.assert_close(resumed[name], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_an_old_checkpoint_is_sampled(path: Path, tmp_path: Path, invoke: Invoke) -> None:
    result = invoke("sample", "--ckpt", path, "-n", 3, "--format", "npz")
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "samples.npz")["images"].shape == (3, 4, 4)


REMOVED = {"precision": "float16", "accelerate": "compile"}
WARNED = [
    f"mnistgan: warning: train.{key}: {value!r} was removed; 'auto' is used instead"
    for key, value in REMOVED.items()
]
as_a_user_sees_it = pytest.mark.filterwarnings("default::mnistgan.errors.ConfigWarning")


def with_removed_values(path: Path) -> None:
    """Change a sealed file to what a version that knew these values would have written."""
    content = tensor_zip.read(path)
    content["config"]["train"] |= REMOVED
    for name in ("adam_g", "adam_d"):  # as float16 left them
        if name in content["state"]:
            content["state"][name]["scale"] = [torch.tensor([2.0**16, 7.0])]
    tensor_zip.write(path, content)


@pytest.fixture
def old_run(trained: Path, tmp_path: Path) -> RunDirectory:
    """A finished run, its config, checkpoints and generator with values that were removed."""
    run = RunDirectory(tmp_path / "old")
    shutil.copytree(trained, run.path)
    for path in (*run.checkpoint_files(), run.generator_file):
        with_removed_values(path)
    table = toml.read_toml(run.config_file)
    table["train"] |= REMOVED
    run.config_file.write_text(tomli_w.dumps(table))
    return run


def told(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if "was removed" in line]


@as_a_user_sees_it
def test_a_run_with_removed_values_goes_on(old_run: RunDirectory, invoke: Invoke) -> None:
    result = invoke("train", "--resume", old_run.path, "--epochs", 3)
    assert result.exit_code == 0, result.output
    assert told(result) == WARNED
    assert "resuming after step 14" in result.stderr
    train = toml.read_toml(old_run.config_file)["train"]
    assert (train["precision"], train["accelerate"]) == ("auto", "auto")


@as_a_user_sees_it
@pytest.mark.parametrize("kind", ["generator file", "checkpoint", "safetensors"])
def test_a_file_with_removed_values_is_sampled(
    kind: str, old_run: RunDirectory, tmp_path: Path, invoke: Invoke
) -> None:
    path = old_run.generator_file if kind == "generator file" else old_run.checkpoint_files()[0]
    if kind == "safetensors":
        generator = checkpoint.read_file(DATA / "checkpoint-v1.pt")
        path = tmp_path / "g.safetensors"
        generator_safetensors.write(path, generator.config, generator.weights, 1, 1)
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        table = tomli.loads(metadata["mnistgan.config"])
        table["train"] |= REMOVED
        save_file(load_file(path), path, metadata | {"mnistgan.config": tomli_w.dumps(table)})
    result = invoke("sample", "--ckpt", path, "-n", 3, "--format", "npz")
    assert result.exit_code == 0, result.output
    assert told(result) == WARNED
    assert len(np.load(tmp_path / "samples.npz")["images"]) == 3


@as_a_user_sees_it
@pytest.mark.parametrize("way", ["--set", "--config"])
def test_a_new_run_with_removed_values_is_trained(
    way: str, tiny_toml: Path, tmp_path: Path, invoke: Invoke
) -> None:
    arguments = [f"--set=train.{key}={value}" for key, value in REMOVED.items()]
    if way == "--config":
        table = toml.read_toml(tiny_toml)
        table["train"] |= REMOVED
        tiny_toml.write_text(tomli_w.dumps(table))
        arguments = []
    result = invoke("train", "--config", tiny_toml, "--output-dir", "run", *arguments)
    assert result.exit_code == 0, result.output
    assert told(result) == WARNED
    train = checkpoint.read_file(tmp_path / "run" / "g.pt").config.train
    assert (train.precision, train.accelerate) == ("auto", "auto")


def test_a_program_gets_a_python_warning() -> None:
    with pytest.warns(ConfigWarning, match=r"train\.accelerate: 'compile' was removed"):
        config = toml.validate({"train": {"accelerate": "compile"}}, "table")
    assert config == RunConfig()
