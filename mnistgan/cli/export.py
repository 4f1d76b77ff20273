"""``mnistgan export``: a generator for other programs, as a web page, or for a model hub."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option, echo

from mnistgan.cli import options
from mnistgan.errors import UsageError, printable

if TYPE_CHECKING:
    from mnistgan.export.onnx import Exported
    from mnistgan.sampling.generator import Generator

_Format = Literal["onnx", "safetensors", "html", "hub"]


def export(
    ckpt: options.Ckpt = None,
    out: Annotated[
        Path | None,
        Option(help="File or folder to write; by default next to the generator file."),
    ] = None,
    format: Annotated[
        _Format | None,
        Option(metavar="FORMAT", help="onnx, safetensors, html or hub; by default as in --out."),
    ] = None,
    license: Annotated[
        str | None,
        Option(metavar="ID", help="hub: license of the weights, such as mit; by default unknown."),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Export a generator for other programs.

    onnx, the default: the network, with input z (batch x latent_dim) and output images in [0, 1]
    (batch x channels x height x width). The export is compared with the original in PyTorch.
    safetensors: the weights; all commands accept this file as --ckpt, too. html: the page of
    mnistgan play as one file. It computes the images itself, needs no server and no internet, and
    can be sent to someone who has nothing installed; it is compared with PyTorch, too. hub: a
    folder for a model hub, with the files of onnx and safetensors, a picture and a model card that
    has the figures of mnistgan evaluate. All commands accept the folder as --ckpt.

    [bold]mnistgan export[/bold]   the generator of the newest run

    [bold]mnistgan export --ckpt g.pt --out digits.onnx[/bold]

    [bold]mnistgan export --ckpt mnist-mlp --format html[/bold]

    [bold]mnistgan export --ckpt mnist --format hub --license cc-by-sa-3.0[/bold]
    """
    from mnistgan.generators import named
    from mnistgan.sampling.generator import load_generator
    from mnistgan.storage import run_directory
    from mnistgan.storage.atomic import check_target

    # --format overrides the suffix of --out, so that any file name is possible.
    if out and not format:
        check_target(out, *(f".{name}" for name in _WRITERS))
    kind = format or (out.suffix.lower().removeprefix(".") if out else "onnx")
    if license is not None and kind != "hub":
        raise UsageError("--license is only for --format hub")
    source = options.generator_source(ckpt)
    file = run_directory.generator_path(source)
    plugin = named.find(ckpt) if ckpt else None
    # The folder of an installed generator belongs to its package.
    beside = Path(file.name) if plugin else file
    target = out or beside.with_name(f"{beside.stem}{'-hub' if kind == 'hub' else f'.{kind}'}")
    hub = partial(_hub, source, plugin.name if plugin else "", license)
    (hub if kind == "hub" else _WRITERS[kind])(load_generator(source), target)
    echo(target)


def _onnx(generator: "Generator", target: Path) -> None:
    from mnistgan.export.onnx import export_onnx

    _say_checked(export_onnx(generator, target))


def _safetensors(generator: "Generator", target: Path) -> None:
    from mnistgan.export.safetensors import export_safetensors

    export_safetensors(generator, target)


def _html(generator: "Generator", target: Path) -> None:
    from mnistgan.export import html

    result = html.export_html(generator, target)
    size = target.stat().st_size / 1e6
    text = f"greatest difference to torch {result.difference} of 255 ({result.images} images)"
    echo(f"{size:.1f} MB, weights as {result.precision}; {text}", err=True)


_WRITERS: dict[str, Callable[["Generator", Path], None]] = {
    "onnx": _onnx,
    "safetensors": _safetensors,
    "html": _html,
}
"""The formats that are one file."""


def _hub(
    source: Path, installed_as: str, license: str | None, generator: "Generator", target: Path
) -> None:
    from mnistgan.export import card, hub, measured

    if installed_as:  # its package has the figures beside it
        beside = source.with_suffix(".json")
        found = measured.read(beside) if beside.is_file() else None
    else:
        found = measured.find(source, generator.config.data.name, generator.step)
    license_id = card.UNKNOWN_LICENSE if license is None else license
    _say_checked(
        hub.export_hub(generator, target, name=installed_as, measured=found, license_id=license_id)
    )
    if license is None:
        echo("mnistgan: the card states no license for the weights; set --license", err=True)
    if found is None:
        data = "" if hub.names_data(generator) else " --data PATH"
        command = f"mnistgan evaluate --ckpt {target}{data}"
        advice = f"run {command}, then export that folder to a new one"
        echo(printable(f"mnistgan: the card has no figures; to add them, {advice}"), err=True)


def _say_checked(result: "Exported") -> None:
    from mnistgan.export.onnx import CHECKED_BATCHES

    batches = ", ".join(map(str, CHECKED_BATCHES))
    text = f"greatest difference to torch {result.difference:.2g} (batches of {batches})"
    echo(f"opset {result.opset}; {text}", err=True)
