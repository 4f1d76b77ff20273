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
