"""``mnistgan evaluate``: how close generated images are to real ones."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import BadParameter, Option, echo

from mnistgan.cli import options
from mnistgan.errors import printable

if TYPE_CHECKING:
    from mnistgan.evaluation.result_files import EvaluationFiles
    from mnistgan.evaluation.results import Figures

_results = partial(Option, rich_help_panel="Results")

_Data = Annotated[
    str | None,
    Option(
        metavar="NAME|PATH",
        help="Real images; by default the training data, or mnist for --images.",
        autocompletion=options.complete_data_sets,
    ),
]
_Score = Literal["tstr"]


def evaluate(
    run: options.RunOrNewest = None,
    ckpt: Annotated[
        str | None,
        Option(
            metavar="NAME|PATH",
            help="Generator or checkpoint, instead of RUN.",
            autocompletion=options.complete_generators,
        ),
    ] = None,
    images: Annotated[
        Path | None, Option(metavar="PATH", help="Folder or .npz of images, instead of RUN.")
    ] = None,
    count: Annotated[int, Option("-n", min=100, help="Number of images.")] = 10_000,
    data: _Data = None,
    seed: options.Seed = 0,
    score: Annotated[
        _Score | None,
        Option(help="Also train a classifier on the images and test it on real ones."),
    ] = None,
    out: Annotated[
        Path | None,
        _results(metavar="DIR", help="Folder; by default RUN/evaluation or evaluation."),
    ] = None,
    json_file: Annotated[
        Path | None, _results("--json", help="Also write the figures as JSON; - for stdout.")
    ] = None,
    data_root: options.DataRoot = None,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Measure how close generated images are to real ones.

    Each figure is shown next to its floor: the figure that held-out real images reach.

    [bold]mnistgan evaluate[/bold]   the newest run

    [bold]mnistgan evaluate --ckpt g.pt -n 10000 --json figures.json[/bold]

    [bold]mnistgan evaluate --images samples.npz --data fashion-mnist --score tstr[/bold]
    """
    if sum(source is not None for source in (run, ckpt, images)) > 1:
        raise BadParameter("give only one of RUN, --ckpt and --images")
    from mnistgan.cli.console import bar
    from mnistgan.evaluation.result_files import evaluate_to_files

    # Then nothing else may go to stdout, so that the output can be piped into another program.
    to_stdout = str(json_file) == "-"
    options.use_threads(threads)
    with bar() as on_progress:
        written = evaluate_to_files(
            images or run or options.generator_source(ckpt),
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
        echo(written.text, nl=False)
    else:
        _show(written)
    echo(f"pictures: {', '.join(map(str, written.pictures))}", err=True)


def _show(written: "EvaluationFiles") -> None:
    """Print the figures as a table, then shares, classes and scores as lines."""
    from rich.table import Column

    from mnistgan.cli import console
    from mnistgan.evaluation.figures import MEASURES

    result, scores = written.result, written.scores
    figures, floor = result.figures, result.floor
    echo(printable(str(result.verdict)))
    echo(f"{result.n:,} images against {printable(result.data)}")
    echo(f"Frechet distance ({result.measured_with}) of weights {result.classifier.sha256[:12]}")
    echo(f"the floor is {result.floor_n:,} held-out real images")
    # no_wrap: in a narrow terminal the explanations are folded, never the numbers.
    values = [Column(name, justify="right", no_wrap=True) for name in ("images", "floor")]
    rows = [
        (one.title, _cell(figures, one.name), _cell(floor, one.name), one.explanation)
        for one in MEASURES
        if getattr(figures, one.name) is not None  # agreement needs labels
    ]
    console.show_table(["", *values, ""], rows)
    shares = (f"{name} {share:.1%}" for name, share in figures.shares.items())
    lines = [f"shares: {'  '.join(shares)}"]
    lines.append(f"missing classes: {', '.join(figures.missing) or 'none'}")
    if figures.class_distances is not None:
        floors = floor.class_distances or {}
        distances = (
            f"{name} {_number(distance)} ({_number(floors.get(name))})"
            for name, distance in figures.class_distances.items()
        )
        lines.append(f"Frechet distance by class (floor): {'  '.join(distances)}")
    if scores is not None:
        lines.append(f"accuracy of classifiers, labels {scores.labels}:")
        lines.append(f"  trained on these images, tested on real ones {scores.tstr:.2%}")
        lines.append(f"  trained on real images, tested on these {scores.trts:.2%}")
        lines.append(f"  trained and tested on real images {scores.trtr:.2%}")
    echo(printable("\n".join(lines)))


def _cell(figures: "Figures", name: str) -> str:
    """A figure, with its standard deviation if it has one."""
    deviation = getattr(figures, f"{name}_std", None)
    spread = "" if deviation is None else f" ± {_number(deviation)}"
    return _number(getattr(figures, name)) + spread


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
