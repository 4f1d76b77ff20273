"""The images that are projected, and what is shown of the outcome: picture, walk, JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mnistgan import datasets
from mnistgan.arrays import Images
from mnistgan.catalog import DATA_SETS, SplitName
from mnistgan.config import DataConfig, data_kind
from mnistgan.datasets import folder
from mnistgan.datasets.fitting import Fit
from mnistgan.errors import UsageError, printable
from mnistgan.latent import projection, walks
from mnistgan.latent.projection import Projection, ProjectionOptions
from mnistgan.progress import OnProgress, no_progress
from mnistgan.rendering import animations, grids
from mnistgan.rendering.grids import Picture
from mnistgan.sampling import conditioning
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage.atomic import check_target, write_text

FORMATS = (".png", *animations.ANIMATION_FORMATS)
MOST = 100
"""Images at a time: more make no picture that anybody looks at."""

_TILE = 224  # pixels, at least
_NAME = 20  # characters of a name above a tile
_PACE = 24  # frames from one image to the next
_FPS = 15.0


@dataclass(frozen=True)
class Given:
    """An image to project: a name for people, and uint8 C x H x W."""

    name: str
    image: Images


def read(paths: Sequence[Path], config: DataConfig, invert: bool = False) -> list[Given]:
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
    images = [folder.read_picture(path, fit) for path in paths]
    return [
        Given(path.name, 255 - image if invert else image)
        for path, image in zip(paths, images, strict=True)
    ]


def from_data(
    indices: Sequence[int],
    config: DataConfig,
    root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> list[Given]:
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
    if root is not None:
        config = config.model_copy(update={"root": str(root)})
    published = DATA_SETS.get(config.name) if data_kind(config.name) == "published" else None
    split: SplitName = "test" if published and published.split("test") else "train"
    data = datasets.load(config, split, on_progress)
    for index in indices:
        if index >= len(data):
            raise UsageError(
                f"{data.source}: its {split} images end at {len(data) - 1}, not {index}"
            )
    return [Given(f"{split} image {index}", data.images[index]) for index in indices]


def check(path: Path, count: int, json_file: Path | None = None) -> None:
    """Refuse, before any work, what cannot be drawn or written.

    Raises:
        UsageError: no image or too many, an unknown ending, a walk with nowhere to go, a folder
            that is not there.
    """
    check_target(path, *FORMATS)
    if json_file is not None:
        check_target(json_file)
    if not 1 <= count <= MOST:
        raise UsageError(f"give 1 to {MOST} images, by name or by --index, not {count}")
    if path.suffix.lower() != ".png" and count == 1:
        raise UsageError(f"{path}: a walk takes two images or more; of one, write a .png")


def write(
    path: Path,
    generator: Generator,
    given: Sequence[Given],
    found: Sequence[Projection],
    on_progress: OnProgress = no_progress,
) -> None:
    """Write what was found beside what was given, or a seamless walk through it.

    Args:
        path: PNG: a row an image, with the difference; GIF, WebP or MP4: by slerp from z to z, and
            linearly from label to label, below what was given.
        generator: that was projected into.
        given: the images, checked with :func:`check`.
        found: the projection of each.
        on_progress: called with the frames drawn.

    Raises:
        UsageError: unknown ending, or the file cannot be written.
    """
    check_target(path, *FORMATS)
    if path.suffix.lower() == ".png":
        rows = [_row(*pair, generator.classes) for pair in zip(given, found, strict=True)]
        grids.save_png(path, grids.stacked(rows))
    else:
        frames = _walk(generator, given, found, on_progress)
        animations.save_animation(path, frames, _FPS)


def to_json(
    source: Path,
    generator: Generator,
    search: ProjectionOptions,
    given: Sequence[Given],
    found: Sequence[Projection],
) -> str:
    """What was found, for machines: of each image its class, RMS error, |z| and z."""
    images = [
        {
            "name": one.name,
            "class": _class(projection, generator.classes),
            "rms": projection.rms,
            "length": projection.length,
            "z": projection.z.tolist(),
        }
        for one, projection in zip(given, found, strict=True)
    ]
    content = {
        "generator": str(source),
        "restarts": search.restarts,
        "steps": search.steps,
        "seed": search.seed,
        "images": images,
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def describe(given: Given, projection: Projection, classes: Sequence[str]) -> str:
    """One line for people."""
    name = _class(projection, classes)
    typical = np.sqrt(len(projection.z))
    text = (
        f"{given.name}: RMS error {projection.rms:.3f}, |z| {projection.length:.1f} "
        f"(typical: {typical:.1f}){f', class {name}' if name else ''}"
    )
    return printable(text.replace("\n", "\\n"))


def _class(projection: Projection, classes: Sequence[str]) -> str | None:
    return None if projection.label is None else classes[projection.label]


def _row(given: Given, projection: Projection, classes: Sequence[str]) -> Picture:
    name = given.name if len(given.name) <= _NAME else f"...{given.name[-_NAME:]}"
    found_as = f" as {label}" if (label := _class(projection, classes)) else ""
    difference = np.abs(given.image.astype(np.int16) - projection.image).astype(np.uint8)
    tiles = {
        f"given: {name}": given.image,
        f"found{found_as}: RMS error {projection.rms:.3f}": projection.image,
        "difference": difference,
    }
    return grids.beside([_tile(image, text) for text, image in tiles.items()])


def _tile(image: Images, text: str) -> Picture:
    picture = grids.enlarge(grids.grid(image[None]), _TILE)
    return grids.caption(picture, printable(text).replace("\n", " "))


def _walk(
    generator: Generator,
    given: Sequence[Given],
    found: Sequence[Projection],
    on_progress: OnProgress,
) -> list[Picture]:
    z = np.stack([projection.z.numpy() for projection in found])
    labels = None
    if generator.classes:
        class_sequence = [projection.label or 0 for projection in found]
        labels = conditioning.one_hot(class_sequence, generator.classes)
    walk = walks.through(z, labels, _PACE * len(found))
    images = np.stack([one.image for one in given])
    above = grids.enlarge(grids.grid(images, min(len(images), 10)))
    strip = grids.caption(above, "given")
    frames = []
    for made in walks.draw_frames(generator, walk, on_progress):
        picture = grids.enlarge(grids.grid(made), above.shape[1])
        frames.append(grids.stacked([strip, grids.caption(picture, "found, and between")]))
    return frames


def project_to_files(
    source: Path,
    path: Path,
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
    """Project images into a generator's latent space, and write what was found.

    Args:
        source: generator file, checkpoint or run directory.
        path: see :func:`write`.
        pictures: files with an image each.
        indices: images of the generator's data set; see :func:`from_data`.
        invert: whether to invert the pictures.
        digit: class of all images; by default the one that fits best.
        restarts: see :class:`ProjectionOptions`, as ``steps`` and ``seed``.
        steps: per start.
        seed: of the starts.
        data_root: folder of the data sets; by default that of the training.
        json_file: where else to write each z and its error.
        on_progress: called with the steps made and the frames drawn.

    Returns:
        A line about each image; and hints about pictures that should be given the other way round.

    Raises:
        UsageError: a file cannot be written, or the images or the class do not suit the generator.
        DataError: an image cannot be read.
    """
    check(path, len(pictures) + len(indices), json_file)
    generator = load_generator(source)
    label = None
    if digit is not None:
        label, *more = conditioning.parse(digit, generator.classes).classes
        if more:
            raise UsageError(f"--digit {digit}: name one class, or leave it out to try all")
    options = ProjectionOptions(restarts, steps, seed, label)
    given = read(pictures, generator.config.data, invert)
    advice = "leave --invert out" if invert else "add --invert"
    inverted = projection.inverted(generator, [one.image for one in given], options)
    hints = [
        f"{one.name}: its negative is more like what this generator makes; {advice} to project that"
        for one in itertools.compress(given, inverted)
    ]
    if indices:
        given += from_data(indices, generator.config.data, data_root, on_progress)
    images = [one.image for one in given]
    found = projection.project(generator, images, options, on_progress)
    write(path, generator, given, found, on_progress)
    if json_file is not None:
        write_text(json_file, to_json(source, generator, options, given, found))
    lines = [describe(*pair, generator.classes) for pair in zip(given, found, strict=True)]
    return lines, hints
