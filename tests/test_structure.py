"""The shape of the package: who may import whom, and what stays quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnistgan

PACKAGE = Path(mnistgan.__file__).parent

FLOORS = [
    ["errors", "progress", "catalog"],
    ["parallel", "torchvision_import"],
    ["adam", "config", "files", "idx", "latents", "places", "precision", "presets"],
    ["evaluation", "evaluation.figures"],
    ["config_io", "events", "losses", "networks", "npz", "sealed"],
    ["safetensors_files"],
    ["datasets.archives", "datasets.fitting", "datasets.receiving"],
    ["datasets.fetching", "datasets.image_set", "datasets.cache"],
    ["datasets.own", "datasets.published", "datasets.folder", "datasets.torchvision_sets"],
    ["datasets", "rundir", "history", "checkpoint", "rendering", "averaging", "devices"],
    ["conditioning"],
    ["step"],
    ["acceleration"],
    ["datasets.verifying", "training", "plotting", "image_files", "inspection", "outputs.base"],
    ["sampling", "comparing", "outputs.registry", "watching", "evaluation.measures"],
    ["walks", "projecting"],
    ["animating", "directions", "export", "schema", "notebook", "evaluation.classifier"],
    ["projection_io", "outputs.dispatch", "outputs.tracking"],
    ["outputs", "outputs.metrics", "outputs.samples", "outputs.animation", "outputs.curves"],
    ["outputs.tensorboard", "outputs.wandb"],
    ["playing", "playing.pictures"],
    ["playing.server"],
    ["preflight", "evaluation.reference", "evaluation.subject"],
    ["evaluation.report", "evaluation.tstr", "labelling"],
    ["evaluation.pictures", "evaluation.during", "drawing"],
    ["reporting", "reporting.charts", "reporting.words", "reporting.pictures"],
    ["reporting.digits", "reporting.replay"],
    ["reporting.facts"],
    ["reporting.page"],
    ["outputs.report"],
    ["run", "sweeping", "sweeping.plan", "manifest", "mnist_folder", "synthetic"],
    ["sweeping.trials", "shards"],
    ["sweeping.search"],
    ["sweeping.results"],
    ["cli"],
]
"""A module imports from lower floors only; ``cli`` stands for all its files."""


def _modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def _imports(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it, by their dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inside if name.removeprefix("mnistgan.") in MODULES}
            names |= modules if modules == inside else {node.module, *modules}
    return names


def _floor(module: str) -> int | None:
    name = "cli" if module.split(".")[0] == "cli" else module
    return next((level for level, floor in enumerate(FLOORS) if name in floor), None)


MODULES = {name: path for name, path in _modules().items() if name not in ("__init__", "__main__")}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_lower_floors_only(module: str) -> None:
    own = _floor(module)
    assert own is not None, f"{module} stands on no floor"
    for name in _imports(MODULES[module]):
        other = _floor(name.removeprefix("mnistgan.")) if name.startswith("mnistgan.") else None
        if other is not None and not (module.startswith("cli") and name.startswith("mnistgan.cli")):
            assert other < own, f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("cli")])
def test_only_the_command_line_knows_typer_and_rich(module: str) -> None:
    packages = {name.partition(".")[0] for name in _imports(MODULES[module])}
    assert not packages & {"typer", "rich", "click"}


@pytest.mark.parametrize(
    "code",
    [
        "import mnistgan",
        "from mnistgan import preflight; preflight.plan_run('quickstart')",
        "from mnistgan import preflight as p; name = 'torchvision:SVHN'; "
        "p.plan_run('quickstart', [p.Override('data.name', name, '--data')])",
        "from mnistgan.cli import app; app(['--help'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['train', '--help'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['play', '--help'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['outputs'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['init'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['init', '--schema'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['data'], standalone_mode=False)",
        "from mnistgan import datasets, config; datasets.load(config.DataConfig(name='digits'))",
    ],
)
def test_torch_is_not_imported_by(code: str, tmp_path: Path) -> None:
    _check_not_imported("torch", code, tmp_path)


def test_torchvision_is_not_imported_by_a_first_run(tmp_path: Path) -> None:
    """Its import would take as long as a few epochs of the embedded digits."""
    run = "['train', '--config', 'quickstart', '--epochs', '1']"
    code = f"from mnistgan.cli import app; app({run}, standalone_mode=False)"
    _check_not_imported("torchvision", code, tmp_path)


def _check_not_imported(package: str, code: str, folder: Path) -> None:
    check = f"{code}\nimport sys; assert {package!r} not in sys.modules, 'it was imported'"
    process = subprocess.run(
        [sys.executable, "-c", check], cwd=folder, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr


def test_the_public_names_are_all_there() -> None:
    assert set(mnistgan.__all__) <= set(dir(mnistgan))
    for name in mnistgan.__all__:
        assert getattr(mnistgan, name) is not None
    with pytest.raises(AttributeError):
        mnistgan.no_such_name  # noqa: B018 - the access is the test
