"""The shape of the package: who may import whom, and what stays quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnistgan

PACKAGE = Path(mnistgan.__file__).parent


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


MODULES = {name: path for name, path in _modules().items() if name not in ("__init__", "__main__")}


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("cli")])
def test_only_the_command_line_knows_typer_and_rich(module: str) -> None:
    packages = {name.partition(".")[0] for name in _imports(MODULES[module])}
    assert not packages & {"typer", "rich", "click"}


@pytest.mark.parametrize(
    "code",
    [
        "import mnistgan",
        "from mnistgan.runs.plan import plan_run; plan_run('quickstart')",
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
    check = f"{code}\nimport sys; assert 'torch' not in sys.modules, 'torch was imported'"
    process = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr


def test_the_public_names_are_all_there() -> None:
    assert set(mnistgan.__all__) <= set(dir(mnistgan))
    for name in mnistgan.__all__:
        assert getattr(mnistgan, name) is not None
    with pytest.raises(AttributeError):
        mnistgan.no_such_name  # noqa: B018 - the access is the test
