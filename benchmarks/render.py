"""Render results/*.json into RESULTS.md."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

HERE = Path(__file__).parent


def main() -> None:
    """Write the file."""
    parts = [
        "# Results",
        "",
        "Rendered by `python benchmarks/render.py` from `results/*.json`.",
        "",
    ]
    parts += quality(json.loads((HERE / "results" / "quality.json").read_text()))
    ablation = HERE / "results" / "ablation.json"
    if ablation.exists():
        parts += search(json.loads(ablation.read_text()))
    (HERE / "RESULTS.md").write_text("\n".join(parts))


def quality(results: list[dict[str, Any]]) -> list[str]:
    """Presets, by the figures of ``mnistgan evaluate``."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in results:
        groups[one["row"]["name"]].append(one)
    first = results[0]
    features, floor = first["figures"]["features"], first["figures"]["floor"]
    lines = [
        "## Quality in how much time",
        "",
        f"`benchmarks/quality.py`, {first['date']}, {first['processor']}, {first['machine']}, "
        f"torch {first['versions']['torch']}. Frechet distance ({features['name']}, sha256 "
        f"{features['sha256'][:12]}, n={first['figures']['n']:,}); the floor, real test images, "
        f"has {floor['frechet_distance']:.2f}. Seconds are those of the whole "
        "command, with the start of Python, the loading of the data, saving and drawing.",
        "",
        "| recipe | seeds | seconds | steps | Frechet distance | precision | recall | coverage "
        "| missing digits |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in groups.items():
        metrics = [run["figures"]["metrics"] for run in runs]
        missing = sum(len(one["missing"]) for one in metrics)
        lines.append(
            f"| {name} | {len(runs)} | {np.mean([run['seconds'] for run in runs]):.0f} "
            f"| {np.mean([run['steps'] for run in runs]):,.0f} "
            + "".join(
                f"| {interval([one[key] for one in metrics])} "
                for key in ("frechet_distance", "precision", "recall", "coverage")
            )
            + f"| {missing} |"
        )
    return [*lines, "", "Of several seeds: mean ± half of the 95 % confidence interval.", ""]


def search(results: list[dict[str, Any]]) -> list[str]:
    """The candidates that the recipe was chosen from."""
    lines = [
        "## Candidates for the recipe `fast`",
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
