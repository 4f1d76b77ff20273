"""How many small faults in the core's arithmetic the tests notice (mutation testing by mutmut).

Each mutant is one small change of one of three modules, and is tested against the tests of that
module alone. Run it again, in an environment with the extra ``dev``:

    pip install mutmut==3.8.1
    python benchmarks/mutation.py

The mutants are chosen at random by ``--seed``, the same number for equal code and mutmut version;
survivors are printed with the change that nobody noticed.
"""

from __future__ import annotations

import argparse
import collections
import importlib.metadata
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import RESULTS, machine

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    "training/losses.py": "tests/training/test_losses.py",
    "training/step.py": "tests/training/test_step.py",
    "evaluation/measures.py": "tests/evaluation/test_measures.py",
}
"""Each module in mnistgan/, and the tests that are to notice its faults."""

SETTINGS = """
[mutmut]
source_paths=
    mnistgan
only_mutate=
    mnistgan/{module}
also_copy=
    examples
    docs
pytest_add_cli_args_test_selection=
    {tests}
use_setproctitle=false
timeout_multiplier=15
timeout_constant=10
"""
"""A mutant may take fifteen times as long as its tests, and ten seconds more."""

EXPLAINED = {
    "(np.cov(one, rowvar=None) for one in (real, fake))": "None counts as False",
    "rng.choice(len(real), size, None)": "None counts as False",
    "rng.choice(len(fake), size, None)": "None counts as False",
    "np.argpartition(rough, min(9, len(train) - 1), axis=1)": (
        "the nearest of the nine might then be the last, which is not taken; NumPy never puts it "
        "there, though it promises nothing"
    ),
    "np.fill_diagonal(distances[:, start:], None)": (
        "NaN in place of infinity: topk counts both as larger than every number"
    ),
    "np.maximum(squares, 0, out=None)": "the same values in new memory",
    "np.maximum(squares, 0, )": "the same values in new memory",
    "train.reshape(len(train), -1).astype(None)": (
        "float64 in place of float32: more memory; the final distances are exact in both"
    ),
    "block.reshape(len(block), -1).astype(None)": (
        "float64 in place of float32: more memory; the final distances are exact in both"
    ),
    "train.reshape(len(train), -2)": "NumPy takes any negative size as the unknown one",
    "block.reshape(len(block), -2)": "NumPy takes any negative size as the unknown one",
    "np.argpartition(rough, min(8, len(train) - 1), )": "the default axis is the last, of two",
    "np.argpartition(rough, min(8, len(train) - 2), axis=1)": (
        "differs for at most nine training images, of which the first eight or all are taken"
    ),
    "np.argpartition(rough, min(8, len(train) - 1), axis=1)[:, :9]": (
        "a ninth candidate: the eight nearest are among the nine"
    ),
    "np.argsort(exact, axis=1, kind=None)": "few candidates, which NumPy sorts in a stable way",
    "np.argsort(exact, axis=1, )": "few candidates, which NumPy sorts in a stable way",
    'np.argsort(exact, axis=1, kind="STABLE")': "NumPy ignores case",
    'np.argsort(exact, kind="stable")': "the default axis is the last, of two",
    "np.take_along_axis(exact, order, )": "the default axis is the last, of two",
    "np.take_along_axis(candidates, order, )": "the default axis is the last, of two",
}
"""Part of a changed line -> why no test notices the change; of all mutants, not only the chosen."""


def main() -> None:
    """Write results/mutation.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=300, help="at most so many in all")
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows, survivors = run(Path(folder), given.mutants, given.seed)
    for one in survivors:
        print(f"{one['mutant']}: {one['because']}\n  {one['change']}")
    for row in rows:
        print("  ".join(f"{key}: {value}" for key, value in row.items()))
    content = {
        "machine": machine(),
        "tool": f"mutmut {importlib.metadata.version('mutmut')}",
        "seed": given.seed,
        "rows": rows,
        "survivors": survivors,
    }
    (RESULTS / "mutation.json").write_text(json.dumps(content, indent=1) + "\n")


def run(folder: Path, at_most: int, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The rows of the table, and every survivor."""
    copies = {module: prepare(folder, module) for module in MODULES}
    every = sorted((name, module) for module, copy in copies.items() for name in statuses(copy))
    chosen = random.Random(seed).sample(every, min(at_most, len(every)))  # noqa: S311
    rows, survivors = [], []
    for module, copy in copies.items():
        names = sorted(name for name, of in chosen if of == module)
        mutmut(copy, "run", "--max-children", "1", *names)
        found = {name: status for name, status in statuses(copy).items() if name in names}
        alive = [survivor(copy, name) for name, status in found.items() if status == "survived"]
        survivors += alive
        rows.append(row(module, sum(of == module for _, of in every), found, alive))
    total = {key: sum(one[key] for one in rows) for key in ("mutants", "tested", "killed")}
    explained = sum(one["explained"] for one in rows)
    score = f"{100 * total['killed'] / total['tested']:.1f} %"
    rows.append({"module": "all", **total, "explained": explained, "score": score})
    return rows, survivors


def row(
    module: str, count: int, found: dict[str, str], alive: list[dict[str, str]]
) -> dict[str, Any]:
    """One module's row."""
    told = collections.Counter(found.values())
    strange = told.keys() - {"killed", "survived", "timeout"}
    assert not strange, f"{module}: {strange}"
    killed = told["killed"] + told["timeout"]
    return {
        "module": module,
        "mutants": count,
        "tested": len(found),
        "killed": killed,
        "explained": sum(bool(one["because"]) for one in alive),
        "score": f"{100 * killed / max(1, len(found)):.1f} %",
    }


def prepare(folder: Path, module: str) -> Path:
    """A copy of the working tree in which mutmut has made this module's mutants."""
    copy = folder / Path(module).stem
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    (copy / "setup.cfg").write_text(SETTINGS.format(module=module, tests=MODULES[module]))
    mutmut(copy, "run", "no.such.mutant")  # makes them all, and tests none
    return copy


def statuses(copy: Path) -> dict[str, str]:
    """Each mutant's name, and what became of it."""
    lines = mutmut(copy, "results", "--all", "true").splitlines()
    pairs = (line.strip().split(": ") for line in lines if "__mutmut_" in line)
    return {name: status for name, status in pairs}  # noqa: C416


def survivor(copy: Path, name: str) -> dict[str, str]:
    """A mutant's change, and why it cannot be noticed, where that is known."""
    shown = mutmut(copy, "show", name).splitlines()
    marked = [line for line in shown if line[:1] in "-+" and line[:3] not in ("---", "+++")]
    change = "  ->  ".join(" ".join(line[1:].split()) for line in marked if line[1:].strip())
    new = change.partition("  ->  ")[2]
    because = next((why for part, why in EXPLAINED.items() if part in new), "")
    return {"mutant": name, "change": change, "because": because}


def mutmut(copy: Path, *arguments: str) -> str:
    """What mutmut prints."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=copy, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Traceback" in done.stderr and "nothing matches" not in done.stderr:
        raise RuntimeError(done.stdout[-3000:] + done.stderr[-3000:])
    return done.stdout


if __name__ == "__main__":
    main()
