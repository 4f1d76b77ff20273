"""``mnistgan export``: a generator as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli.options import Checkpoint, Debug


def export(
    ckpt: Checkpoint,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx", help="By default beside the generator, as .onnx."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a generator as one ONNX file, checked against the model it came from.

    Input z (batch x latent_dim), output images in [0, 1] (batch x channels x height x width).

    [bold]mnistgan export --ckpt g.pt --out digits.onnx[/bold]
    """
    from mnistgan import export as core
    from mnistgan import rundir
    from mnistgan.sampling import load_generator

    source = rundir.generator_path(ckpt)
    result = core.export_onnx(load_generator(source), out or source.with_suffix(".onnx"))
    batches = ", ".join(map(str, core.CHECKED_BATCHES))
    typer.echo(
        f"opset {result.opset}; greatest difference to torch {result.difference:.2g} "
        f"(batches of {batches})",
        err=True,
    )
    typer.echo(result.path)
