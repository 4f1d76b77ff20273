"""Projection from files to files: pictures in; a picture or a walk, and JSON, out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mnistgan import datasets
from mnistgan.arrays import Images
from mnistgan.catalog import SplitName
from mnistgan.config import DataConfig, toml
from mnistgan.datasets import folder
from mnistgan.datasets.fitting import Fit
from mnistgan.errors import UsageError, printable
from mnistgan.latent import projection, walks
from mnistgan.latent.projection import NamedImage, Projection, ProjectionOptions
from mnistgan.progress import OnProgress, no_progress
from mnistgan.rendering import animations, grids
from mnistgan.rendering.grids import Picture
from mnistgan.sampling import conditioning
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage.atomic import check_target, write_text

_MOST = 100  # images at a time: more make no picture that anybody looks at
_TILE = 224  # pixels, at least
_NAME = 20  # characters of a name above a tile
_PACE = 24  # frames from one image to the next
_FPS = 15.0


def project_to_files(
    source: Path,
    out: Path,
    *,
    pictures: Sequence[Path] = (),
    indices: Sequence[int] = (),
    invert: bool = False,
    digit: str | None = None,
    restarts: int = 8,
    steps: int = 300,
    seed: int = 0,
    data_root: Path | None = None,
    json_file: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> tuple[list[str], list[str]]:
    """Project images and write what was found beside them, or a seamless walk through it.

    Args:
        source: generator file, checkpoint or run directory.
        out: PNG: a row an image, with the difference; GIF, WebP or MP4: by slerp from z to z, and
            linearly from label to label, below what was given.
        pictures: see :func:`read`.
        indices: see :func:`from_data`.
        invert: see :func:`read`.
        digit: the class to ask a conditional generator for; by default whichever fits best.
        restarts: see :class:`ProjectionOptions`, as ``steps`` and ``seed``.
        steps: likewise.
        seed: likewise.
        data_root: see :func:`from_data`.
        json_file: where each z and its error are written, too.
        on_progress: called with the steps and frames made.

    Returns:
        A line about each image, and one about each picture that should have been inverted, or not.

    Raises:
        UsageError: something given cannot be read, used or written.
    """
    _check(out, len(pictures) + len(indices), json_file)
    generator = load_generator(source)
    label = None
    if digit is not None:
        label, *more = conditioning.parse(digit, generator.classes).classes
        if more:
            raise UsageError(f"--digit {digit}: name one class, or leave it out to try all")
    options = ProjectionOptions(restarts, steps, seed, label)
    given = read(pictures, generator.config.data, invert)
    advice = "leave --invert out" if invert else "add --invert"
    hints = [
        f"{image.name}: its negative is more like what this generator makes; {advice} to project "
        "that"
        for image in itertools.compress(given, projection.inverted(generator, given, options))
    ]
    if indices:
        given += from_data(indices, generator.config.data, data_root, on_progress)
    found = projection.project(generator, given, options, on_progress)
    if out.suffix.lower() == ".png":
        grids.save_png(out, grids.stacked([_row(one) for one in found]))
    else:
        animations.save_animation(out, _walk(generator, found, on_progress), _FPS)
    if json_file is not None:
        write_text(json_file, _to_json(source, options, found))
    return [_describe(one) for one in found], hints


def read(paths: Sequence[Path], config: DataConfig, invert: bool = False) -> list[NamedImage]:
    """Pictures of any size and mode, fitted to a generator's images.

    Args:
        paths: PNG, JPEG, WebP or GIF.
        config: the data that the generator was trained on.
        invert: whether to take their negatives: for black on white, where it makes white on black.

    Raises:
        DataError: one cannot be read.
    """
    fit = Fit.of(config)
    if invert:  # the background, too, which is to be ours in the end
        red, green, blue = fit.background
        fit = replace(fit, background=(255 - red, 255 - green, 255 - blue))
    pictures = [(path.name, folder.read_picture(path, fit)) for path in paths]
    return [NamedImage(name, 255 - pixels if invert else pixels) for name, pixels in pictures]


def from_data(
    indices: Sequence[int],
    config: DataConfig,
    root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> list[NamedImage]:
    """Images of a generator's data set: of its test part, which G has not seen, if it has one.

    Args:
        indices: counted from 0.
        config: the data that the generator was trained on.
        root: folder of the data sets; by default what the config says.
        on_progress: called while files are fetched and images read.

    Raises:
        DataError: the data cannot be loaded.
        UsageError: there is no such image.
    """
    config = toml.replace_data(config, root=root and str(root))
    split: SplitName = "test" if datasets.has_test(config) else "train"
    data = datasets.load(config, split, on_progress)
    for index in indices:
        if index >= len(data):
            raise UsageError(
                f"{data.source}: its {split} images end at {len(data) - 1}, not {index}"
            )
    return [NamedImage(f"{split} image {index}", data.images[index]) for index in indices]


def _check(path: Path, count: int, json_file: Path | None) -> None:
    """Refuse, before any work, what cannot be drawn or written."""
    check_target(path, *walks.WALK_FORMATS)
    if json_file is not None:
        check_target(json_file)
    if not 1 <= count <= _MOST:
        raise UsageError(f"give 1 to {_MOST} images, by name or by --index, not {count}")
    if path.suffix.lower() != ".png" and count == 1:
        raise UsageError(f"{path}: a walk takes two images or more; of one, write a .png")


def _to_json(source: Path, options: ProjectionOptions, found: Sequence[Projection]) -> str:
    """What was found, for machines: of each image its class, RMS error, |z| and z."""
    images = [
        {
            "name": one.target.name,
            "class": one.class_name,
            "rms": one.rms,
            "length": one.length,
            "z": one.z.tolist(),
        }
        for one in found
    ]
    content = {
        "generator": str(source),
        "restarts": options.restarts,
        "steps": options.steps,
        "seed": options.seed,
        "images": images,
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _describe(found: Projection) -> str:
    """One line for people."""
    text = (
        f"{found.target.name}: RMS error {found.rms:.3f}, |z| {found.length:.1f} "
        f"(typical: {np.sqrt(len(found.z)):.1f})"
        f"{f', class {found.class_name}' if found.class_name else ''}"
    )
    return printable(text.replace("\n", "\\n"))


def _row(found: Projection) -> Picture:
    name, given = found.target.name, found.target.pixels
    short = name if len(name) <= _NAME else f"...{name[-_NAME:]}"
    found_as = f" as {found.class_name}" if found.class_name else ""
    tiles = {
        f"given: {short}": given,
        f"found{found_as}: RMS error {found.rms:.3f}": found.image,
        "difference": np.abs(given.astype(np.int16) - found.image).astype(np.uint8),
    }
    return grids.beside([_tile(image, text) for text, image in tiles.items()])


def _tile(image: Images, text: str) -> Picture:
    picture = grids.enlarge(grids.grid(image[None]), _TILE)
    return grids.caption(picture, printable(text).replace("\n", " "))


def _walk(
    generator: Generator, found: Sequence[Projection], on_progress: OnProgress
) -> list[Picture]:
    z = np.stack([one.z.numpy() for one in found])[:, None]
    weights = None
    if generator.classes:
        labels = [one.label or 0 for one in found]
        weights = conditioning.one_hot(labels, generator.classes)[:, None]
    walk = walks.through(z, weights, _PACE * len(found))
    given = np.stack([one.target.pixels for one in found])
    above = grids.enlarge(grids.grid(given, min(len(given), 10)))
    strip = grids.caption(above, "given")
    frames = []
    for made in walks.draw_frames(generator, walk, on_progress):
        picture = grids.enlarge(grids.grid(made), above.shape[1])
        frames.append(grids.stacked([strip, grids.caption(picture, "found, and between")]))
    return frames
