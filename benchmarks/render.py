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
        "Quality after a given time",
        "Seconds are for the whole command, including the start of Python, loading the data, "
        "saving and drawing.",
    ),
    "ablation": (
        "The effect of each part of the preset `fast`",
        "The preset with other keys, for 20 epochs each, which take two minutes on two idle "
        "cores. The seconds were measured while other work was running.",
    ),
    "conditional": (
        "Conditional presets",
        "The presets with all their epochs, while other work was running. Agreement is the share "
        "of images that the classifier assigns to the requested digit; for real test images, its "
        "accuracy.",
    ),
}
"""Title and description of each results/NAME.json that quality.py writes."""

COLUMNS = ("frechet_distance", "precision", "recall", "coverage")

TABLES = {
    "throughput": (
        "Training steps per second",
        'Rates were measured in turn; `auto` is `train.precision = "auto"`. The tutorial\'s loop '
        "(`benchmarks/tutorial.py`) has the same networks, learning rates and batch size, and runs "
        "in a separate process. Ratios are medians (quartiles) of pairs. The floor is the time of "
        "the matrix products alone, each shape at its fastest on this machine, and the time to "
        "move the bytes of Adam and the moving average.",
    ),
    "anatomy": (
        "The time of a step by operators",
        "The fastest of several rounds. Operators have their own time under torch's profiler. The "
        "rest of a step, measured without the profiler, counts as Python's and autograd's time.",
    ),
    "ways": (
        'The effect of `train.accelerate = "graph"`',
        "Rates were measured in turn, with the automatic precision; the tutorial's loop runs in a "
        "separate process. Ratios are medians (quartiles) of pairs.",
    ),
    "recording": (
        "The cost of recording every step",
        "A whole run with metrics.csv, the watch, all outputs and the progress display, without "
        "and with a checkpoint after each epoch, compared with the trainer alone. Measured in "
        "turn, for one epoch each.",
    ),
    "startup": (
        "Start-up time",
        "Whole processes, measured in turn; ratios are medians (quartiles) of pairs.",
    ),
    "scaling": (
        "Several processes for one run",
        "Images per second of the whole run, with one thread or GPU per process, measured in turn.",
    ),
    "soak": (
        "A long run",
        "Slopes by least squares over the last three quarters of the run, with all outputs, the "
        "watch and evaluations enabled.",
    ),
    "playing": (
        "Response time of `mnistgan play`",
        "Whole requests over HTTP, in turn, on one thread, while other work was running (see the "
        "load average); the processor time is the server's own. `one` is the large picture. A row "
        "of ten `seeds` or digits and the 56 images along the `axes` follow when a slider stops.",
    ),
    "html_page": (
        "Pages of `mnistgan export --format html`",
        "Untrained generators in headless Chromium without a GPU, while other work was running "
        "(see the load average). `network`: G's forward pass in JavaScript. A frame also enlarges "
        "the image and draws it on the page. Differences from PyTorch are in levels of 255.",
    ),
    "sampling": (
        "Sampling into a file",
        "Images per second of G alone, and with writing to an `.npz`, measured in turn.",
    ),
    "mutation": (
        "Small faults that the tests notice",
        "Mutants made by mutmut, chosen by a seed, each against the tests of its module alone. "
        "How to run it again is in the script. Every survivor is in `results/mutation.json`; those "
        "that count as explained behave like the original, but for memory or for what NumPy does "
        "without promising it.",
    ),
}
"""Title and description of each other results/NAME.json."""


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
    parts += labs(json.loads((HERE / "results" / "labs.json").read_text()))
    (HERE / "RESULTS.md").write_text("\n".join(parts))


def quality(about: str, results: list[dict[str, Any]]) -> list[str]:
    """The table of presets by the figures of ``mnistgan evaluate``."""
    # One row per config; its runs differ only in their seeds.
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in results:
        groups[one["row"]["name"]].append(one)
    first = results[0]
    used, floor = first["figures"]["classifier"], first["figures"]["floor"]
    columns: tuple[str, ...] = COLUMNS
    also = ""
    if first["figures"]["figures"].get("agreement") is not None:
        columns = (*COLUMNS, "agreement")
        also = f", with agreement {floor['agreement']:.3f}"
    heads = " | ".join(name.replace("frechet_", "Frechet ") for name in columns)
    lines = [
        f"`benchmarks/quality.py`, {where(first['machine'])}. Frechet distance "
        f"({used['name']}, sha256 {used['sha256'][:12]}, n={first['figures']['n']:,}); "
        f"the floor, for real test images, is {floor['frechet_distance']:.2f}{also}. {about}",
        "",
        f"| config | seeds | seconds | steps | {heads} | missing digits |",
        "|" + "---|" * (5 + len(columns)),
    ]
    for name, runs in groups.items():
        metrics = [run["figures"]["figures"] for run in runs]
        missing = sum(len(one["missing"]) for one in metrics)
        lines.append(
            f"| {name} | {len(runs)} | {np.mean([run['seconds'] for run in runs]):.0f} "
            f"| {np.mean([run['steps'] for run in runs]):,.0f} "
            + "".join(f"| {interval([one[key] for one in metrics])} " for key in columns)
            + f"| {missing} |"
        )
    return [*lines, "", "For several seeds: mean ± half of the 95 % confidence interval.", ""]


def table(name: str, about: str, results: dict[str, Any]) -> list[str]:
    """The table of a benchmark with all its columns."""
    machine, rows = results["machine"], results["rows"]
    # Not a set, which has no order: the columns keep that of the results.
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


def labs(results: dict[str, Any]) -> list[str]:
    """The table of the labs: the range over all ways at the end of each run."""
    rows = results["rows"]
    names = ("D(x)", "D(G(z1))", "loss_D", "frechet_distance", "precision", "recall")
    ways = ", ".join(dict.fromkeys(row["way"] for row in rows))
    lines = [
        "## The labs on other processors and with other seeds",
        "",
        f"`benchmarks/labs.py`, {where(results['machine'])}. The lowest and the highest value of "
        f"several ways ({ways}): scores and loss are means over the last 200 steps, the figures "
        "those of the last evaluation (n=1,000). `results/labs.json` has every epoch and way, and "
        "what the watch said.",
        "",
        f"| run | {' | '.join(names)} | missing digits |",
        "|" + "---|" * (2 + len(names)),
    ]
    for run in dict.fromkeys(row["run"] for row in rows):
        ends = [row for row in rows if row["run"] == run]
        cells = [spread([row[name][-1] for row in ends]) for name in (*names, "missing_classes")]
        lines.append(f"| {run} | {' | '.join(cells)} |")
    return [*lines, ""]


def spread(values: list[float]) -> str:
    """The lowest and the highest value."""
    low, high = (
        f"{one:.2g}" if abs(one) < 10 else f"{one:.0f}" for one in (min(values), max(values))
    )
    return low if low == high else f"{low} to {high}"


def where(machine: dict[str, Any]) -> str:
    """Date, processor or GPU, threads and version of torch."""
    on = machine["gpu"] or f"{machine['processor']}, {machine['cores']} cores"
    threads = f"{machine['threads']} thread{'s' * (machine['threads'] > 1)}"
    return f"{machine['date']}, {on}, {threads}, torch {machine['versions']['torch']}"


def cell(value: Any) -> str:
    """A value as text: a ratio as median and quartiles, other groups of values by name."""
    if not isinstance(value, dict):
        return f"{value:,}" if isinstance(value, int | float) else str(value)
    if "median" in value:
        return f"{value['median']:.2f} ({value['low']:.2f} to {value['high']:.2f})"
    return ", ".join(f"{key} {part}" for key, part in value.items())


def search(results: list[dict[str, Any]]) -> list[str]:
    """The table of candidates for the preset ``fast``."""
    lines = [
        "## The first search for the preset `fast`",
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
    # Student's t, not 1.96: with five seeds the interval would be 29 % too small.
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3g}"
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{mean:.3g} ± {student.ppf(0.975, len(values) - 1) * error:.2g}"


if __name__ == "__main__":
    main()
