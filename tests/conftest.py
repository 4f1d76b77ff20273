"""What the tests share: small recipes, a trained run, and the real MNIST where it is there."""

from __future__ import annotations

import os
import sys
import textwrap

# Before torch is imported: two threads that wait for a third process's turn take ten times as long
# as one, and nothing that the tests train is large.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Chromium, launch
from hypothesis import settings
from mirror import Mirror, serve
from published import Small
from support import HURRIED, Install, Invoke, Tiny
from typer.testing import CliRunner, Result

from mnistgan.cli import app
from mnistgan.config import DataConfig, RunConfig, toml
from mnistgan.evaluation import classifier, reference

SLOW_FIXTURES = {"chromium", "nursery", "site", "wandb"}
"""Fixtures that start a process: the tests that use one are marked as slow."""


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a fixture of :data:`SLOW_FIXTURES`; others carry their mark."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


settings.register_profile("mnistgan", deadline=None)
settings.load_profile("mnistgan")

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"name": "digits"},
    "model": {
        "latent_dim": 8,
        "generator": {"widths": [16]},
        "discriminator": {"widths": [16]},
    },
    "train": {"epochs": 2, "batch_size": 256, "device": "cpu"},
}
"""Seven steps an epoch, milliseconds a step."""


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for the whole session, so that one classifier is trained once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _no_cache_of_the_users(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTGAN_CACHE", str(cache_folder))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classifiers are trained for a moment only."""
    for name, value in HURRIED.items():
        monkeypatch.setattr(classifier, name, value)


@pytest.fixture(scope="session")
def digits_classifier(cache_folder: Path) -> None:
    """Put a classifier of the digits into the cache, where processes of their own find it.

    Without it, a process would train one for a minute.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTGAN_CACHE", str(cache_folder))
        for name, value in HURRIED.items():
            patch.setattr(classifier, name, value)
        reference.load(DataConfig(name="digits"))


@pytest.fixture
def tiny() -> Tiny:
    """Makes small configs: ``tiny(("train.epochs", 3))``."""

    def make(*assignments: tuple[str, Any]) -> RunConfig:
        return toml.validate(toml.override(TINY, assignments), "tiny")

    return make


@pytest.fixture
def tiny_toml(tmp_path: Path, tiny: Tiny) -> Path:
    """The small config as a file."""
    path = tmp_path / "tiny.toml"
    path.write_text(toml.to_toml(tiny()), encoding="utf-8")
    return path


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs the command line in an empty folder; ``invoke("sample", "-n", 3)``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("MNISTGAN_DATA", str(tmp_path / "no-data"))

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        escaped = result.exception
        assert escaped is None or isinstance(escaped, SystemExit), repr(escaped)
        return result

    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution, with its own dist-info, that provides one plugin."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    installed: list[str] = []

    def put(
        source: str,
        target: str,
        name: str = "counter",
        package: str = "acme",
        kind: str = "outputs",
    ) -> Path:
        module = f"{package}_{kind}"
        (site / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        info = site / f"{package}-2.5.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        entry = f"[mnistgan.{kind}]\n{name} = {module}:{target}\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")
        installed.append(module)
        return site

    yield put
    for module in installed:
        sys.modules.pop(module, None)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run of the small config, not to be written to."""
    folder = tmp_path_factory.mktemp("trained")
    config = folder / "tiny.toml"
    config.write_text(toml.to_toml(toml.validate(TINY, "tiny")), encoding="utf-8")
    run = folder / "run"
    result = CliRunner().invoke(app, ["train", "--config", str(config), "--output-dir", str(run)])
    assert result.exit_code == 0, result.output
    return run


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A headless browser; as long as it runs its thread has an event loop, so not for long."""
    yield from launch()


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder that holds the real MNIST archives."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for root in (Path(os.environ.get("MNISTGAN_DATA", beside)), beside):
        if (root / "MNIST" / "raw" / "train-images-idx3-ubyte.gz").is_file():
            return root
    pytest.skip(
        "the real MNIST is not here: point MNISTGAN_DATA at the folder that holds MNIST/raw"
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Small:
    """Published sets with a few made-up images in place of their own."""
    return Small(monkeypatch)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    """A mirror of ``tmp_path / "published"``."""
    yield from serve(tmp_path / "published")


@pytest.fixture
def second_mirror(tmp_path: Path) -> Iterator[Mirror]:
    """Another mirror of the same files."""
    yield from serve(tmp_path / "published")
