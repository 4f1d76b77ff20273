"""The shape of the package: who may import whom, and what stays quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import mnistgan

ROOT = Path(__file__).parents[2]


def test_imports_keep_to_the_contracts_in_pyproject() -> None:
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0


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
