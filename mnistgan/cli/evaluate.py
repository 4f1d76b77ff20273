"""``mnistgan evaluate``: how good are the images?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mnistgan.cli import options
from mnistgan.errors import printable

if TYPE_CHECKING:
    from mnistgan.evaluation.result_files import EvaluationFiles
    from mnistgan.evaluation.results import Figures

_results_option = partial(typer.Option, rich_help_panel="Results")

_ckpt = typer.Option(metavar="FILE", help="Evaluate this generator file or checkpoint instead.")
_images = typer.Option(metavar="FILE.npz|FOLDER", help="Evaluate these images instead.")
_data = typer.Option(
    metavar="NAME|PATH",
    help="Real images to compare with; by default the training data, or mnist.",
    autocompletion=options.complete_data_sets,
)
_count = typer.Option("-n", min=100, help="Number of images.")
_score = typer.Option(help="Also train a classifier on the images and test it on real ones.")
_json_file = _results_option(
    "--json", metavar="FILE", help="Also write the figures there; - for stdout."
)
_out = _results_option(metavar="DIR", help="Folder; by default RUN/evaluation or evaluation.")


def evaluate(
    run: options.RunOrNewest = None,
    ckpt: Annotated[Path | None, _ckpt] = None,
    images: Annotated[Path | None, _images] = None,
    count: Annotated[int, _count] = 10_000,
    data: Annotated[str | None, _data] = None,
    seed: options.Seed = 0,
    score: Annotated[Literal["tstr"] | None, _score] = None,
    out: Annotated[Path | None, _out] = None,
    json_file: Annotated[Path | None, _json_file] = None,
    data_root: options.DataRoot = None,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Measure how close generated images are to real ones.

    Each figure is shown next to its floor: what held-out real images score.

    [bold]mnistgan evaluate[/bold]   the newest run

    [bold]mnistgan evaluate --ckpt g.pt -n 10000 --json figures.json[/bold]

    [bold]mnistgan evaluate --images samples.npz --data fashion-mnist --score tstr[/bold]
    """
    if sum(source is not None for source in (run, ckpt, images)) > 1:
        raise typer.BadParameter("give only one of RUN, --ckpt and --images")
    from mnistgan.cli.bars import bar
    from mnistgan.evaluation.result_files import evaluate_to_files

    to_stdout = str(json_file) == "-"
    options.use_threads(threads)
    with bar() as on_progress:
        written = evaluate_to_files(
            images or ckpt or options.run_or_newest(run).path,
            are_images=images is not None,
            count=count,
            seed=seed,
            data=data,
            data_root=data_root,
            with_scores=score is not None,
            folder=out,
            json_file=None if to_stdout else json_file,
            on_progress=on_progress,
        )
    if to_stdout:
        typer.echo(written.text, nl=False)
    else:
        _show(written)
    typer.echo(f"pictures: {', '.join(map(str, written.pictures))}", err=True)


def _show(written: "EvaluationFiles") -> None:
    """Print the figures as a table, and what else was found as lines."""
    from rich.console import Console
    from rich.table import Column

    from mnistgan.cli.tables import table
    from mnistgan.evaluation.figures import MEASURES

    result, scores = written.result, written.scores
    figures, floor = result.figures, result.floor
    typer.echo(f"{result.n:,} images against {printable(result.data)}")
    typer.echo(
        f"Frechet distance ({result.measured_with}) of weights {result.classifier.sha256[:12]}; "
        f"the floor is {result.floor_n:,} held-out real images"
    )
    values = [Column(name, justify="right", no_wrap=True) for name in ("images", "floor")]
    rows = [
        (one.title, _cell(figures, one.name), _cell(floor, one.name), one.explanation)
        for one in MEASURES
        if getattr(figures, one.name) is not None
    ]
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120  # no line of the table is wrapped in a file
    console.print(table(["", *values, ""], rows))
    shares = "  ".join(f"{name} {share:.1%}" for name, share in figures.shares.items())
    lines = [f"shares: {shares}", f"missing classes: {', '.join(figures.missing) or 'none'}"]
    if figures.class_distances is not None:
        distances = "  ".join(
            f"{name} {distance:.4g} ({_number((floor.class_distances or {}).get(name))})"
            for name, distance in figures.class_distances.items()
        )
        lines.append(f"Frechet distance by class (floor): {distances}")
    if scores is not None:
        lines.append(
            f"classification accuracy, labels {scores.labels}: trained on these images, tested on "
            f"real ones {scores.tstr:.2%}; trained on real ones, tested on these {scores.trts:.2%};"
            f" real on real {scores.trtr:.2%}"
        )
    for line in lines:
        typer.echo(printable(line))


def _cell(figures: "Figures", name: str) -> str:
    """A figure, with its standard deviation if it has one."""
    deviation = getattr(figures, f"{name}_std", None)
    spread = "" if deviation is None else f" ± {_number(deviation)}"
    return _number(getattr(figures, name)) + spread


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
