"""A generator file names no folder of the machine that wrote it, and chooses none where it is read.

Raw bytes are searched for the names, so that no reader of ours decides what a file holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Invoke, Tiny, noise_images, to_idx

import mnistgan
from mnistgan.config import RunConfig, toml
from mnistgan.datasets import download
from mnistgan.errors import MnistganError
from mnistgan.storage import tensor_zip

pytestmark = pytest.mark.slow  # trains many runs

SECRET = "houses-of-the-rich"
"""Part of every path that must not be given away."""


@pytest.fixture
def own_images(tmp_path: Path) -> Path:
    """A folder with an IDX file, its labels under another name, and an .npz."""
    folder = tmp_path / SECRET
    folder.mkdir()
    images, labels = noise_images(600, 28, 28), (np.arange(600) % 10).astype(np.uint8)
    (folder / "a-ubyte").write_bytes(to_idx(images))
    (folder / "b-ubyte").write_bytes(to_idx(labels))
    np.savez(folder / "a.npz", images=images, labels=labels)
    return folder


def config_of(tiny: Tiny, folder: Path, name: str, *more: tuple[str, Any]) -> RunConfig:
    """A run on one of those files that has paths wherever a config takes them."""
    labels = [("data.labels", str(folder / "b-ubyte"))] if name.endswith("ubyte") else []
    table = {"data.name": str(folder / name), "data.root": str(folder), "train.epochs": 1}
    return tiny(*table.items(), *labels, *more)


@pytest.mark.parametrize("name", ["a-ubyte", "a.npz"])
def test_no_path_is_in_a_generator_file(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, own_images: Path, name: str
) -> None:
    outputs = ("outputs.tensorboard", {"every": 7})
    run = mnistgan.train(config_of(tiny, own_images, name, outputs), tmp_path / "run")
    assert SECRET in (run / "config.toml").read_text(), "the run itself keeps them, to be resumed"
    for ending in ("safetensors", "onnx"):
        made = invoke("export", "--ckpt", run, "--format", ending, "--out", f"g.{ending}")
        assert made.exit_code == 0, made.output
    for path in (run / "g.pt", tmp_path / "g.safetensors", tmp_path / "g.onnx"):
        raw = path.read_bytes()
        assert SECRET.encode() not in raw, path.name
        assert b"tensorboard" not in raw, "the options of outputs may be accounts, too"
    for path in (run / "tensorboard").iterdir():
        assert SECRET.encode() not in path.read_bytes(), path.name


def test_the_best_generator_is_given_away_too(
    tiny: Tiny, tmp_path: Path, own_images: Path, hurried: None
) -> None:
    measured = (("evaluate.every", 1), ("evaluate.n", 100))
    run = mnistgan.train(config_of(tiny, own_images, "a.npz", *measured), tmp_path / "run")
    assert SECRET.encode() not in (run / "g-best.pt").read_bytes()


def test_whoever_gets_it_is_asked_for_the_images(
    tiny: Tiny, tmp_path: Path, invoke: Invoke, own_images: Path
) -> None:
    np.savez(own_images / "bare.npz", images=noise_images(600, 28, 28))
    run = mnistgan.train(config_of(tiny, own_images, "bare.npz"), tmp_path / "run")
    shutil.copy(run / "g.pt", tmp_path / "g.pt")
    asked = invoke("evaluate", "--ckpt", "g.pt", "-n", 100)
    assert asked.exit_code == 2
    assert "g.pt: does not name the images that it was trained on; give them with --data" in (
        asked.stderr
    )
    # These images have no classes: that they are read shows that the advice is right.
    advised = invoke("evaluate", "--ckpt", "g.pt", "-n", 100, "--data", own_images / "bare.npz")
    assert "bare.npz: has no classes" in advised.stderr
    assert "bare.npz: has no classes" in invoke("evaluate", run, "-n", 100).stderr
    for command in (
        ("sample", "--ckpt", "g.pt", "-n", 3, "--format", "npz", "--labels"),
        ("project", "--ckpt", "g.pt", "--index", 0),
    ):
        result = invoke(*command)
        assert result.exit_code == 2, result.output
        assert "its file does not name them; give its run directory" in result.stderr
    by_run = invoke("project", "--ckpt", run, "--index", 0, "--steps", 1, "--restarts", 1)
    assert by_run.exit_code == 0, by_run.output
    assert invoke("sample", "--ckpt", "g.pt", "-n", 3).exit_code == 0


def crafted(path: Path, source: Path, keys: dict[str, Any]) -> None:
    """A sealed copy of a generator file with other values in its config."""
    content = tensor_zip.read(source)
    content["config"] = toml.override(content["config"], list(keys.items()))
    tensor_zip.write(path, content)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders to which something would have been downloaded."""
    folders: list[Path] = []

    def fetch(data_set: object, archive: object, folder: Path, on_progress: object) -> None:
        folders.append(folder)
        raise MnistganError("no network here")

    monkeypatch.setattr(download, "fetch", fetch)
    return folders


COMMANDS: list[tuple[str, Callable[[Invoke, Path], Any]]] = [
    ("mnist", lambda invoke, source: invoke("evaluate", "--ckpt", source, "-n", 100)),
    ("kmnist", lambda invoke, source: invoke("project", "--ckpt", source, "--index", 0)),
    (
        "fashion-mnist",
        lambda invoke, source: invoke(
            "sample", "--ckpt", source, "-n", 3, "--format", "npz", "--labels"
        ),
    ),
]


@pytest.mark.parametrize("is_run", [False, True])
@pytest.mark.parametrize(("data", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_a_strangers_file_chooses_no_folder(
    trained: Path,
    tmp_path: Path,
    invoke: Invoke,
    downloads: list[Path],
    data: str,
    command: Callable[[Invoke, Path], Any],
    is_run: bool,
) -> None:
    source, chosen = tmp_path / "theirs", tmp_path / "chosen"
    keys = {"data.name": data, "data.root": str(chosen)}
    if is_run:
        source.mkdir()
        crafted(source / "g.pt", trained / "g.pt", keys)
        table = toml.override(toml.read_toml(trained / "config.toml"), list(keys.items()))
        (source / "config.toml").write_text(toml.to_toml(toml.validate(table, "")))
    else:
        source = tmp_path / "theirs.pt"
        crafted(source, trained / "g.pt", keys)
    command(invoke, source)
    assert not chosen.exists()
    assert downloads, "the data is needed, and is not there"
    assert all(folder.is_relative_to(tmp_path / "no-data") for folder in downloads), downloads


def test_a_strangers_file_chooses_no_images(
    trained: Path, tmp_path: Path, invoke: Invoke, own_images: Path
) -> None:
    crafted(tmp_path / "g.pt", trained / "g.pt", {"data.name": str(own_images / "a.npz")})
    result = invoke("evaluate", "--ckpt", "g.pt", "-n", 100)
    assert result.exit_code == 2
    assert "give them with --data" in result.stderr
    generator = mnistgan.load_generator(tmp_path / "g.pt")
    assert SECRET not in repr(generator.config)


def test_what_stands_for_a_path_trains_nothing(tiny_toml: Path, invoke: Invoke) -> None:
    result = invoke("train", "--config", tiny_toml, "--data", "unnamed")
    assert result.exit_code == 2
    assert "stands for images that are not named; name yours (from --data)" in result.stderr
