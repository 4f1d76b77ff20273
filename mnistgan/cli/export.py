"""``mnistgan export``: a generator as ONNX, safetensors or a web page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option, echo

from mnistgan.cli import options

if TYPE_CHECKING:
    from mnistgan.sampling.generator import Generator

_Format = Literal["onnx", "safetensors", "html"]


def export(
    ckpt: options.Ckpt = None,
    out: Annotated[
        Path | None, Option(help="File to write; by default next to the generator file.")
    ] = None,
    format: Annotated[
        _Format | None,
        Option(metavar="FORMAT", help="onnx, safetensors or html; by default as in --out."),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Export a generator as one file for other programs.

    onnx, the default: the network, with input z (batch x latent_dim) and output images in [0, 1]
    (batch x channels x height x width). The export is compared with the original in PyTorch.
    safetensors: the weights; all commands accept this file as --ckpt, too. html: the page of
    mnistgan play as one file. It computes the images itself, needs no server and no internet, and
    can be sent to someone who has nothing installed; it is compared with PyTorch, too.

    [bold]mnistgan export[/bold]   the generator of the newest run

    [bold]mnistgan export --ckpt g.pt --out digits.onnx[/bold]

    [bold]mnistgan export --ckpt g.pt --format safetensors[/bold]

    [bold]mnistgan export --ckpt g.pt --format html[/bold]
    """
    from mnistgan.sampling.generator import load_generator
    from mnistgan.storage import run_directory
    from mnistgan.storage.atomic import check_target

    source = run_directory.generator_path(options.generator_source(ckpt))
    # --format overrides the suffix of --out, so that any file name is possible.
    if out and not format:
        check_target(out, *(f".{name}" for name in _WRITERS))
    name = format or (out.suffix.lower().removeprefix(".") if out else "onnx")
    target = out or _beside(source, ckpt).with_suffix(f".{name}")
    if message := _WRITERS[name](load_generator(source), target):
        echo(message, err=True)
    echo(target)


def _beside(source: Path, ckpt: str | None) -> Path:
    """The generator file; in the current folder for an installed generator."""
    # The folder of an installed generator belongs to its package.
    from mnistgan.generators import named

    return Path(source.name) if ckpt and named.find(ckpt) else source


def _onnx(generator: Generator, target: Path) -> str:
    from mnistgan.export import onnx

    result = onnx.export_onnx(generator, target)
    batches = ", ".join(map(str, onnx.CHECKED_BATCHES))
    text = f"greatest difference to torch {result.difference:.2g} (batches of {batches})"
    return f"opset {result.opset}; {text}"


def _safetensors(generator: Generator, target: Path) -> str:
    from mnistgan.export import safetensors

    safetensors.export_safetensors(generator, target)
    return ""


def _html(generator: Generator, target: Path) -> str:
    from mnistgan.export import html

    result = html.export_html(generator, target)
    size = target.stat().st_size / 1e6
    text = f"greatest difference to torch {result.difference} of 255 ({result.images} images)"
    return f"{size:.1f} MB, weights as {result.precision}; {text}"


# One writer per format. It returns what to say about the file, if anything.
_WRITERS: dict[str, Callable[[Generator, Path], str]] = {
    "onnx": _onnx,
    "safetensors": _safetensors,
    "html": _html,
}
