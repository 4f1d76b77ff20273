"""``mnistgan export``: a generator as ONNX or safetensors."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli import options


def export(
    ckpt: options.Ckpt,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="By default next to the generator.")
    ] = None,
    format: Annotated[
        Literal["onnx", "safetensors"] | None,
        typer.Option(help="By default as FILE ends, or onnx."),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Export a generator to one file that other programs read.

    ONNX: input z (batch x latent_dim), output images in [0, 1] (batch x channels x height x width),
    compared with the original in PyTorch. safetensors: the weights, which --ckpt accepts, too.

    [bold]mnistgan export --ckpt g.pt --out digits.onnx[/bold]

    [bold]mnistgan export --ckpt g.pt --format safetensors[/bold]
    """
    from mnistgan.export.onnx import CHECKED_BATCHES, export_onnx
    from mnistgan.export.safetensors import export_safetensors
    from mnistgan.sampling.generator import load_generator
    from mnistgan.storage import run_directory

    source = run_directory.generator_path(ckpt)
    ending = f".{format}" if format else (out.suffix.lower() if out else ".onnx")
    target = out or source.with_suffix(ending)
    generator = load_generator(source)
    if ending == ".safetensors":
        export_safetensors(generator, target)
    else:
        result = export_onnx(generator, target)
        typer.echo(
            f"opset {result.opset}; greatest difference to torch {result.difference:.2g} "
            f"(batches of {', '.join(map(str, CHECKED_BATCHES))})",
            err=True,
        )
    typer.echo(target)
