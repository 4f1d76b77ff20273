"""``mnistgan export``: a generator as ONNX or safetensors."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option, echo

from mnistgan.cli import options

_Format = Literal["onnx", "safetensors"]


def export(
    ckpt: options.Ckpt = None,
    out: Annotated[
        Path | None, Option(help="File to write; by default next to the generator file.")
    ] = None,
    format: Annotated[
        _Format | None,
        Option(metavar="FORMAT", help="onnx or safetensors; by default as in --out."),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Export a generator as one file for other programs.

    onnx, the default: the network, with input z (batch x latent_dim) and output images in [0, 1]
    (batch x channels x height x width). The export is compared with the original in PyTorch.
    safetensors: the weights; all commands accept this file as --ckpt, too.

    [bold]mnistgan export[/bold]   the generator of the newest run

    [bold]mnistgan export --ckpt g.pt --out digits.onnx[/bold]

    [bold]mnistgan export --ckpt g.pt --format safetensors[/bold]
    """
    from mnistgan.export import onnx, safetensors
    from mnistgan.sampling.generator import load_generator
    from mnistgan.storage import run_directory

    source = run_directory.generator_path(options.generator_source(ckpt))
    # --format overrides the suffix of --out, so that any file name is possible.
    ending = f".{format}" if format else (out.suffix.lower() if out else ".onnx")
    target = out or _beside(source, ckpt).with_suffix(ending)
    generator = load_generator(source)
    if ending == ".safetensors":
        safetensors.export_safetensors(generator, target)
    else:
        result = onnx.export_onnx(generator, target)
        batches = ", ".join(map(str, onnx.CHECKED_BATCHES))
        text = f"greatest difference to torch {result.difference:.2g} (batches of {batches})"
        echo(f"opset {result.opset}; {text}", err=True)
    echo(target)


def _beside(source: Path, ckpt: str | None) -> Path:
    """The generator file; in the current folder for an installed generator."""
    # The folder of an installed generator belongs to its package.
    from mnistgan.generators import named

    return Path(source.name) if ckpt and named.find(ckpt) else source
