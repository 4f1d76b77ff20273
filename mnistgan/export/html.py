"""Export to one HTML file that explores a generator in a browser, without a server.

The page is that of ``mnistgan play``. Its script computes G itself, from the numbers in the file.
The page loads nothing: its Content-Security-Policy allows only the scripts in it, and no requests.
Names of classes and data sets come from the generator file, which may be from an untrusted source;
they are escaped.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from markupsafe import Markup

from mnistgan.errors import ExportError
from mnistgan.export import layers
from mnistgan.models import networks, noise
from mnistgan.models.noise import Stream
from mnistgan.play import page
from mnistgan.play.pictures import PageQuery, Pictures
from mnistgan.rendering import web
from mnistgan.sampling.generator import Generator
from mnistgan.storage.atomic import check_target, write_text

TOLERANCE = 2  # levels of 0 to 255, in any pixel
_CHECKED = 64  # images, or one per class if there are more classes
_SCRIPTS = ("noise.js", "network.js", "backend.js")
_BATCH = 64


@dataclass(frozen=True)
class ExportedPage:
    """The result of an export.

    Attributes:
        path: the HTML file.
        precision: of the weights in it.
        difference: largest difference from PyTorch's images in a pixel, of 255.
        images: number of images compared.
    """

    path: Path
    precision: layers.Precision
    difference: int
    images: int


def export_html(generator: Generator, path: Path) -> ExportedPage:
    """Write a generator as a page, after comparing the page's numbers with PyTorch.

    The images are computed by NumPy as the page's script does. The weights are stored as int16 if
    all pixels then are within 2 of 255 from PyTorch's, else as float32.

    Raises:
        UsageError: the extension is not .html, or the folder cannot be written.
        ExportError: a pixel differs from PyTorch's by more than 2 of 255, a weight is not finite,
            or the network has a layer that the script does not know; no file is written.
    """
    check_target(path, ".html")
    if not all(bool(one.isfinite().all()) for one in generator.network.state_dict().values()):
        raise ExportError("the generator has weights that are not finite; export an earlier one")
    pictures = Pictures(generator)
    precisions: tuple[layers.Precision, ...] = ("int16", "float32")
    for precision in precisions:
        model, data = _flat(generator, pictures, precision)
        difference, images = _compare(generator, model, data)
        if difference <= TOLERANCE:
            write_text(path, page.html(_file(pictures, model, data)))
            return ExportedPage(path, precision, int(difference), images)
    raise ExportError(
        f"the page's images would differ from PyTorch's by {difference:g} of 255 in a pixel; "
        "choose another format"
    )


def _flat(
    generator: Generator, pictures: Pictures, precision: layers.Precision
) -> tuple[dict[str, Any], bytes]:
    """The description of a generator that the script reads, and its numbers."""
    flat, embeddings = layers.flatten(generator.network)
    axes = pictures.axes.double().numpy()
    data, floats = layers.encode(flat, [axes, embeddings], precision)
    pixels = networks.pixel_range(generator.config)
    model = {
        "layers": [layer.describe() for layer in flat],
        "precision": precision,
        "floats": floats,
        "range": [pixels.low, pixels.high],
        "axes": len(axes),
        "latent_dim": axes.shape[1],
        "classes": len(embeddings),
        "embedding": embeddings.shape[1],
        "stream": int(Stream.SAMPLE),
    }
    return model, data


def _compare(generator: Generator, model: dict[str, Any], data: bytes) -> tuple[float, int]:
    """The largest difference from PyTorch's images, of 255, and the number of images."""
    classes, latent_dim = model["classes"], model["latent_dim"]
    before = model["axes"] * latent_dim
    skipped = before + classes * model["embedding"]
    singles = np.frombuffer(data, "<f4", model["floats"]).astype(np.float64)
    embeddings = singles[before:skipped].reshape(classes, model["embedding"])
    decoded = layers.decode(model["layers"], data, model["floats"], skipped, model["precision"])
    count, differences = max(_CHECKED, classes), []
    for number, start in enumerate(range(0, count, _BATCH)):
        rows = min(_BATCH, count - start)
        z = noise.normal(0, Stream.SAMPLE, number, (rows, latent_dim))
        inputs, labels = z.double().numpy(), None
        if classes:
            labels = torch.arange(start, start + rows) % classes
            inputs = np.concatenate([inputs, embeddings[labels]], axis=1)
        expected = generator(z, labels).transpose(0, 2, 3, 1).reshape(rows, -1)
        images = _levels(layers.forward(decoded, inputs), *model["range"])
        differences.append(np.abs(images - expected).max())
    return float(np.max(differences)), count


def _levels(images: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    return np.floor((images - low) * (255 / (high - low)) + 0.5).clip(0, 255)


def _file(pictures: Pictures, model: dict[str, Any], data: bytes) -> page.File:
    own = resources.files("mnistgan.export") / "page"
    # One script, because the three share names.
    backend = "\n".join((own / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    scripts = (Markup(backend), Markup(page.text("page.js")))  # noqa: S704 - ours
    style = Markup(page.text("page.css"))  # noqa: S704 - ours
    about = pictures.about()
    return page.File(
        policy=web.policy(style, scripts),
        title=f"Explore a generator of {about['data']} images",
        icon=_base64(pictures.png(PageQuery(side=64))),
        style=style,
        scripts=scripts,
        model={"about": about, "model": model},
        numbers=_base64(data),
    )


def _base64(data: bytes) -> Markup:
    return Markup(base64.b64encode(data).decode("ascii"))  # noqa: S704 - base64 needs no escaping
