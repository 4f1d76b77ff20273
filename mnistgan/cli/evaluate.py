"""``mnistgan evaluate``: how good are the images?"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mnistgan.cli.options import DataRoot, Debug, Seed, Threads, data_config, data_sets, use_threads
from mnistgan.errors import UsageError
from mnistgan.storage.atomic import write_text

if TYPE_CHECKING:
    from mnistgan.evaluation.results import EvaluationResult
    from mnistgan.evaluation.tstr import Scores

FIGURES_FILE = "figures.json"


def evaluate(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="By default the newest under runs/.")
    ] = None,
    ckpt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A generator file or a checkpoint, in a run's place."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz|FOLDER", help="Images from anywhere, in a run's place."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Real images to hold them against; by default those of the training, or mnist.",
            autocompletion=data_sets,
        ),
    ] = None,
    count: Annotated[int, typer.Option("-n", min=100, help="How many images to draw.")] = 10_000,
    seed: Seed = 0,
    score: Annotated[
        Literal["tstr"] | None,
        typer.Option(help="Also train a classifier on the fakes, and test it on real images."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the figures there; - is standard output."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the pictures go; by default RUN/evaluation or evaluation."
        ),
    ] = None,
    data_root: DataRoot = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Measure images against real ones, beside the floor: what real images themselves reach.

    [bold]mnistgan evaluate[/bold]   the newest run

    [bold]mnistgan evaluate --ckpt g.pt -n 10000 --json figures.json[/bold]

    [bold]mnistgan evaluate --images samples.npz --data fashion-mnist --score tstr[/bold]
    """
    if sum(one is not None for one in (run, ckpt, images)) > 1:
        raise typer.BadParameter("give one of RUN, --ckpt and --images")
    from mnistgan.cli.bars import bar
    from mnistgan.evaluation import candidates, contact_sheets, reference, results, tstr
    from mnistgan.storage import run_directory

    source = images or ckpt or run or run_directory.newest().path
    folder = out or (source if source.is_dir() and images is None else Path()) / "evaluation"
    if out is None and folder.is_symlink():  # a stranger's run may lead anywhere
        raise UsageError(f"{folder}: is a link; name the folder to write to by --out")
    for target in (folder, json_file):
        _check_target(target)
    use_threads(threads)
    with bar() as on_progress:
        if images is not None:
            config = data_config(data or "mnist", data_root)
            measured = candidates.from_files(images, config, count, on_progress)
        else:
            measured = candidates.from_generator(
                source, count, seed, data=data, root=data_root, on_progress=on_progress
            )
        real = reference.load(measured.data, on_progress)
        labels = measured.labels_among(real.train.classes)
        result = results.evaluate(measured.images, real, seed, on_progress, labels)
        scores = None
        if score is not None:
            scores = tstr.score(measured.images, labels, real, seed, on_progress)
    text = _json(result, scores)
    folder.mkdir(parents=True, exist_ok=True)
    files = contact_sheets.save(folder, measured.images, result, real.train)
    write_text(folder / FIGURES_FILE, text)
    if json_file is not None and str(json_file) != "-":
        write_text(json_file, text)
    if str(json_file) == "-":
        typer.echo(text, nl=False)
    else:
        _show(result, scores)
    typer.echo(f"pictures: {', '.join(map(str, files))}", err=True)


def _check_target(path: Path | None) -> None:
    """Refuse, before any work, what could not be written after it."""
    if path is None or str(path) == "-":
        return
    there = next((one for one in (path, *path.absolute().parents) if one.exists()), path)
    if not os.access(there, os.W_OK) or (there != path and not there.is_dir()):
        raise UsageError(f"{path}: cannot be written ({there} is in the way); choose another")


def _json(result: EvaluationResult, scores: Scores | None) -> str:
    content = result.to_json()
    if scores is not None:
        content["scores"] = dataclasses.asdict(scores)
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _show(result: EvaluationResult, scores: Scores | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from mnistgan.evaluation.figures import MEASURES

    figures, floor = result.figures, result.floor
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column()
    for head in ("images", "floor"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column()
    for name, title, explanation in MEASURES:
        values = [getattr(one, name) for one in (figures, floor)]
        if name == "agreement" and values[0] is None:  # nothing was asked for
            continue
        texts = [_number(value) for value in values]
        if name == "kernel_distance":
            spreads = (figures.kernel_distance_std, floor.kernel_distance_std)
            texts = [f"{text} ± {_number(std)}" for text, std in zip(texts, spreads, strict=True)]
        table.add_row(title, *texts, explanation)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120  # a file wraps nothing
    console.print(f"{result.n:,} images against {result.data}", soft_wrap=True, markup=False)
    console.print(
        f"Frechet distance ({result.measured_with}) of weights {result.classifier.sha256[:12]}; "
        f"the floor is {result.floor_n:,} real images that were held back",
        soft_wrap=True,
    )
    console.print(table)
    shares = "  ".join(f"{name} {share:.1%}" for name, share in figures.shares.items())
    console.print(f"shares: {shares}", soft_wrap=True, markup=False)
    console.print(f"missing classes: {', '.join(figures.missing) or 'none'}", markup=False)
    if figures.class_distances is not None:
        distances = "  ".join(
            f"{name} {_number(one)} ({_number((floor.class_distances or {}).get(name))})"
            for name, one in figures.class_distances.items()
        )
        console.print(
            f"Frechet distance by class (floor): {distances}", soft_wrap=True, markup=False
        )
    if scores is not None:
        console.print(
            f"classification accuracy, labels {scores.labels}: trained on these images, tested on "
            f"real ones {scores.tstr:.2%}; trained on real ones, tested on these {scores.trts:.2%};"
            f" real on real {scores.trtr:.2%}",
            soft_wrap=True,
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
