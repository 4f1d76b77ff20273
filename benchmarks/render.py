"""Render results/*.json into RESULTS.md."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

HERE = Path(__file__).parent
MEASURED = {
    "quality": (
        "Quality in how much time",
        "Seconds are those of the whole command, with the start of Python, the loading of the "
        "data, saving and drawing.",
    ),
    "ablation": (
        "What each part of the recipe `fast` is worth",
        "The recipe with other keys, for 20 epochs each: the steps that it makes in two minutes "
        "on two idle cores. The seconds were counted beside other work.",
    ),
    "conditional": (
        "Digits on demand",
        "The presets as they are, all their epochs, beside other work. Agreement is how often the "
        "classifier sees the digit that was asked for (of real test images: how often it is "
        "right).",
    ),
}
"""Of results/NAME.json, made by quality.py: a title, and what is in it."""

COLUMNS = ("frechet_distance", "precision", "recall", "coverage")

TABLES = {
    "throughput": (
        "Training steps a second",
        'Rates taken in turn; `auto` is `train.precision = "auto"`. The tutorial\'s loop has the '
        "same networks, rates and batch (`benchmarks/tutorial.py`), in a process of its own; "
        "ratios are medians (quartiles) of pairs. The floor is what the products take alone, "
        "each shape as fast as it ever goes here, and the bytes that Adam and the average must "
        "move.",
    ),
    "anatomy": (
        "Where the time of a step goes",
        "The fastest of several rounds. The operators' own time under torch's profiler; what is "
        "left of the step as it is without one counts as Python's and autograd's.",
    ),
    "ways": (
        'What `train.accelerate = "graph"` is worth',
        "Rates taken in turn, the tutorial's in a process of its own, with the automatic "
        "precision; ratios are medians (quartiles) of pairs.",
    ),
    "recording": (
        "What recording every step costs",
        "A whole run with metrics.csv, the watch, every output and the progress shown, without "
        "and with a checkpoint after each epoch, against the bare trainer, in turn, an epoch each.",
    ),
    "startup": (
        "How long until something happens",
        "Whole processes, in turn; ratios are medians (quartiles) of pairs.",
    ),
    "scaling": (
        "Several processes for one run",
        "Images a second of the whole run, one thread or card for each process, in turn.",
    ),
    "soak": (
        "A long training",
        "Slopes by least squares over the last three quarters, with every output, the watch and "
        "measurements on.",
    ),
    "playing": (
        "How long the page of `mnistgan play` waits",
        "Whole requests over HTTP, in turn, on one thread, beside other work that kept the machine "
        "as busy as the load average says; the processor's time is the server's own. The large "
        "picture is `one`; a row of ten `seeds` or digits and the 56 along the `axes` follow when "
        "a slider rests.",
    ),
    "sampling": (
        "Sampling into a file",
        "Images a second of G alone, and on their way into an `.npz`, in turn.",
    ),
    "mutation": (
        "Small faults that the tests notice",
        "Mutants made by mutmut, chosen by a seed, each against the tests of its module alone. "
        "How to run it again is in the script. Every survivor is in `results/mutation.json`; those "
        "that count as explained behave like the original, but for memory or for what NumPy does "
        "without promising it.",
    ),
}
"""Of results/NAME.json: a title, and what is in it."""


def main() -> None:
    """Write the file."""
    parts = [
        "# Results",
        "",
        "Rendered by `python benchmarks/render.py` from `results/*.json`.",
        "",
    ]
    for name, (title, about) in MEASURED.items():
        file = HERE / "results" / f"{name}.json"
        if file.exists():
            parts += [f"## {title}", "", *quality(about, json.loads(file.read_text()))]
    parts += search(json.loads((HERE / "results" / "search.json").read_text()))
    for name, (title, about) in TABLES.items():
        file = HERE / "results" / f"{name}.json"
        if file.exists():
            parts += [f"## {title}", "", *table(name, about, json.loads(file.read_text()))]
    (HERE / "RESULTS.md").write_text("\n".join(parts))


def quality(about: str, results: list[dict[str, Any]]) -> list[str]:
    """Recipes, by the figures of ``mnistgan evaluate``."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in results:
        groups[one["row"]["name"]].append(one)
    first = results[0]
    features, floor = first["figures"]["features"], first["figures"]["floor"]
    columns: tuple[str, ...] = COLUMNS
    told = ""
    if first["figures"]["metrics"].get("agreement") is not None:
        columns = (*COLUMNS, "agreement")
        told = f" and agreement {floor['agreement']:.3f}"
    heads = " | ".join(name.replace("frechet_", "Frechet ") for name in columns)
    lines = [
        f"`benchmarks/quality.py`, {where(first['machine'])}. Frechet distance "
        f"({features['name']}, sha256 {features['sha256'][:12]}, n={first['figures']['n']:,}); "
        f"the floor, real test images, has {floor['frechet_distance']:.2f}{told}. {about}",
        "",
        f"| recipe | seeds | seconds | steps | {heads} | missing digits |",
        "|" + "---|" * (5 + len(columns)),
    ]
    for name, runs in groups.items():
        metrics = [run["figures"]["metrics"] for run in runs]
        missing = sum(len(one["missing"]) for one in metrics)
        lines.append(
            f"| {name} | {len(runs)} | {np.mean([run['seconds'] for run in runs]):.0f} "
            f"| {np.mean([run['steps'] for run in runs]):,.0f} "
            + "".join(f"| {interval([one[key] for one in metrics])} " for key in columns)
            + f"| {missing} |"
        )
    return [*lines, "", "Of several seeds: mean ± half of the 95 % confidence interval.", ""]


def table(name: str, about: str, results: dict[str, Any]) -> list[str]:
    """Rows of a benchmark, all their columns."""
    machine, rows = results["machine"], results["rows"]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with_tool = [f"{results['tool']}, seed {results['seed']}"] if "tool" in results else []
    return [
        f"`benchmarks/{name}.py`, {', '.join((where(machine), *with_tool))}. {about}",
        "",
        f"| {' | '.join(columns)} |",
        "|" + "---|" * len(columns),
        *(f"| {' | '.join(cell(row.get(one, '')) for one in columns)} |" for row in rows),
        "",
    ]


def where(machine: dict[str, Any]) -> str:
    """Date, processor or card, threads, versions."""
    on = machine["gpu"] or f"{machine['processor']}, {machine['cores']} cores"
    threads = f"{machine['threads']} thread{'s' * (machine['threads'] > 1)}"
    return f"{machine['date']}, {on}, {threads}, torch {machine['versions']['torch']}"


def cell(value: Any) -> str:
    """A ratio as its median and quartiles, other pairs by their names."""
    if not isinstance(value, dict):
        return f"{value:,}" if isinstance(value, int | float) else str(value)
    if "median" in value:
        return f"{value['median']:.2f} ({value['low']:.2f} to {value['high']:.2f})"
    return ", ".join(f"{key} {part}" for key, part in value.items())


def search(results: list[dict[str, Any]]) -> list[str]:
    """The candidates that the recipe was chosen from."""
    lines = [
        "## The first search for the recipe `fast`",
        "",
        results[0]["about"],
        "",
        "| candidate | steps | Frechet distance |",
        "|---|---|---|",
    ]
    for one in results[1:]:
        lines.append(f"| {one['name']} | {one['steps']:,} | {one['fid']} |")
    return [*lines, ""]


def interval(values: list[float]) -> str:
    """Mean and half the width of its 95 % confidence interval (Student 1908)."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3g}"
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{mean:.3g} ± {student.ppf(0.975, len(values) - 1) * error:.2g}"


if __name__ == "__main__":
    main()
