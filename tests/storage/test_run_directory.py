"""Names of run directories, claimed by many processes at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from mnistgan.storage import run_directory

CLAIM = """
import sys
from pathlib import Path

import pytest
from mnistgan.storage import run_directory
for _ in range(20):
    print(run_directory.claim(Path(sys.argv[1])).name)
"""


@pytest.mark.slow
def test_many_processes_claim_as_many_names(tmp_path: Path) -> None:
    """Five processes that claim 20 names each."""
    base = run_directory.new_path("a", datetime(2026, 1, 2, 3, 4, 5), tmp_path / "runs")
    command = [sys.executable, "-c", CLAIM, str(base)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    names = [name for one in started for name in one.communicate()[0].split()]
    assert len(names) == 100
    assert set(names) == {"a-20260102-030405", *(f"a-20260102-030405-{n}" for n in range(2, 101))}
    assert {path.name for path in base.parent.iterdir()} == set(names)


def test_many_threads_claim_as_many_names(tmp_path: Path) -> None:
    base = tmp_path / "runs" / "a"
    with ThreadPoolExecutor(50) as pool:
        claimed = list(pool.map(lambda _: run_directory.claim(base), range(100)))
    assert len(set(claimed)) == 100


@pytest.mark.slow
def test_runs_started_at_once_all_train(tiny_toml: Path, tmp_path: Path) -> None:
    arguments = ["train", "--config", str(tiny_toml), "--epochs", "1", "--quiet"]
    # All of the same second, whenever each of them gets a processor.
    code = f"""
import datetime, sys
class Then(datetime.datetime):
    now = classmethod(lambda kind, tz=None: datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=tz))
import mnistgan.runs.plan
mnistgan.runs.plan.datetime = Then
from mnistgan.cli.app import main
sys.argv = ["mnistgan", *{arguments!r}]
main()
"""
    command = [sys.executable, "-c", code]
    started = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    printed = {one.communicate()[0].strip() for one in started}
    assert [one.returncode for one in started] == [0] * 4
    assert printed == {
        "runs/tiny-20260102-030405", *(f"runs/tiny-20260102-030405-{n}" for n in (2, 3, 4))
    }  # fmt: skip
    assert all((tmp_path / run / "g.pt").is_file() for run in printed)
