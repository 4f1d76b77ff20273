"""The shape of the package: who may import whom, and what stays quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import mnistgan

ROOT = Path(__file__).parents[2]


def test_imports_keep_to_the_contracts_in_pyproject() -> None:
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0


def _lines(function: ast.FunctionDef) -> int:
    """How many lines of code a function has, its signature included."""
    first, end = function.body[0], function.end_lineno or 0
    docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(function) else 0
    return end - function.lineno + 1 - docstring


def _core_modules(function: ast.FunctionDef) -> set[str]:
    """What a function of the command line imports from other packages."""
    modules = set()
    for node in ast.walk(function):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mnistgan"):
            module = str(node.module)
            is_package = (ROOT / module.replace(".", "/")).is_dir()
            modules |= {f"{module}.{one.name}" if is_package else module for one in node.names}
    own = ("mnistgan.cli", "mnistgan.errors")
    return {module for module in modules if not module.startswith(own)}


def test_commands_only_translate() -> None:
    for path in (ROOT / "mnistgan" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert _lines(node) <= 60, f"{path}: {node.name}"
                assert len(_core_modules(node)) <= 4, f"{path}: {node.name}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import mnistgan",
        "from mnistgan.runs.plan import plan_run; plan_run('quickstart')",
        "from mnistgan.runs import plan as p; name = 'torchvision:SVHN'; "
        "p.plan_run('quickstart', [p.Override('data.name', name, '--data')])",
        "from mnistgan.cli import app; app(['--help'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['train', '--help'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['play', '--help'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['write', '--help'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['outputs'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['plugins', 'generators'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['plugins', '--json'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['init'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['init', '--schema'], standalone_mode=False)",
        "from mnistgan.cli import app; app(['data'], standalone_mode=False)",
        "from mnistgan import datasets, config; datasets.load(config.DataConfig(name='digits'))",
    ],
)
def test_torch_is_not_imported_by(code: str, tmp_path: Path) -> None:
    _check_not_imported("torch", code, tmp_path)


@pytest.mark.slow
def test_torchvision_is_not_imported_by_a_first_run(tmp_path: Path) -> None:
    """Its import would take as long as a few epochs of the embedded digits."""
    run = "['train', '--config', 'quickstart', '--epochs', '1']"
    code = f"from mnistgan.cli import app; app({run}, standalone_mode=False)"
    _check_not_imported("torchvision", code, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["'sample', '-n', '4'", "'export', '--format', 'safetensors'"])
def test_torchs_compiler_is_not_imported_by(command: str, tmp_path: Path) -> None:
    """It takes longer to import than torch itself."""
    code = (
        f"from mnistgan.cli import app; app([{command}, '--ckpt', 'mnist'], standalone_mode=False)"
    )
    _check_not_imported("torch._dynamo", code, tmp_path)


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
