"""``mnistgan export``: a generator as ONNX or safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli.options import Checkpoint, Debug


def export(
    ckpt: Checkpoint,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="By default beside the generator.")
    ] = None,
    format: Annotated[
        Literal["onnx", "safetensors"] | None,
        typer.Option(help="By default what FILE ends in, or onnx."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a generator as one file that other programs read.

    ONNX: input z (batch x latent_dim), output images in [0, 1] (batch x channels x height x width),
    checked against the model it came from. safetensors: the weights, which --ckpt takes back.

    [bold]mnistgan export --ckpt g.pt --out digits.onnx[/bold]

    [bold]mnistgan export --ckpt g.pt --format safetensors[/bold]
    """
    from mnistgan.export import onnx as core
    from mnistgan.export.safetensors import export_safetensors
    from mnistgan.sampling.generator import load_generator
    from mnistgan.storage import run_directory

    source = run_directory.generator_path(ckpt)
    ending = f".{format}" if format else (out.suffix.lower() if out else ".onnx")
    target = out or source.with_suffix(ending)
    if ending == ".safetensors":
        export_safetensors(load_generator(source), target)
        typer.echo(target)
        return
    result = core.export_onnx(load_generator(source), target)
    batches = ", ".join(map(str, core.CHECKED_BATCHES))
    typer.echo(
        f"opset {result.opset}; greatest difference to torch {result.difference:.2g} "
        f"(batches of {batches})",
        err=True,
    )
    typer.echo(result.path)
