"""Projection of picture files, with the results as a picture or a walk, and for JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mnistgan import datasets
from mnistgan.arrays import Images
from mnistgan.catalog import SplitName
from mnistgan.config import DataConfig, toml
from mnistgan.datasets import folder, image_set
from mnistgan.datasets.fitting import Fit
from mnistgan.errors import UsageError, printable
from mnistgan.latent import projection, walks
from mnistgan.latent.projection import NamedImage, Projection
from mnistgan.latent.walk_files import WALK_FORMATS
from mnistgan.progress import OnProgress, no_progress
from mnistgan.rendering import animations, grids
from mnistgan.sampling import conditioning
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage.atomic import check_target

_MAX_IMAGES = 100  # more rows would make a picture too tall to look at
_TILE = 224  # minimum side of an image in the picture, in pixels
_NAME = 20  # maximum number of characters of a name above an image
_PACE = 24  # frames from image to image
_FPS = 15.0


@dataclass(frozen=True)
class ProjectionFiles:
    """The results of a projection.

    Attributes:
        content: the results as plain values: class, RMS error, |z| and z of each image.
        lines: one line per image.
        hints: about flat and inverted pictures.
    """

    content: dict[str, Any]
    lines: list[str]
    hints: list[str]


def project_to_files(
    source: Path,
    out: Path,
    *,
    pictures: Sequence[Path] = (),
    indices: Sequence[int] = (),
    invert: bool | None = None,
    digit: str | None = None,
    restarts: int = 8,
    steps: int = 300,
    seed: int = 0,
    data_root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> ProjectionFiles:
    """Project images and write the results as a picture or a walk.

    Args:
        source: generator file, checkpoint or run directory.
        out: PNG: one row per image with target, result and difference. GIF, WebP or MP4: a closed
            walk from result to result, below the targets; z by slerp, labels linearly.
        pictures: see :func:`read`.
        indices: see :func:`from_data`.
        invert: see :func:`read`; by default, each picture whose negative is clearly more like the
            generator's images is inverted.
        digit: class for a conditional generator; by default the one that fits best.
        restarts: see :class:`projection.ProjectionOptions`.
        steps: see :class:`projection.ProjectionOptions`.
        seed: see :class:`projection.ProjectionOptions`.
        data_root: see :func:`from_data`.
        on_progress: called while images are loaded, projected and drawn.

    Raises:
        UsageError: a file cannot be read or written, or an option does not fit the generator.
    """
    _check(out, len(pictures) + len(indices))
    generator = load_generator(source)
    label = None
    if digit is not None:
        label, *more = conditioning.parse(digit, generator.classes).classes
        if more:
            raise UsageError(f"--digit {digit}: give one class, or omit it to try all")
    options = projection.ProjectionOptions(restarts, steps, seed, label)
    # Only pictures may be negatives: G was trained on images like those of the data set.
    given, hints = _as_drawn(generator, pictures, invert, options)
    if indices:
        given += from_data(indices, generator.config.data, data_root, on_progress)
    found = projection.project(generator, given, options, on_progress)
    if out.suffix.lower() == ".png":
        grids.save_png(out, grids.stacked([_row(one) for one in found]))
    else:
        frames = _walk(generator, found, on_progress)
        animations.save_animation(out, frames, len(frames), _FPS)
    content = _to_json(source, options, found)
    return ProjectionFiles(content, [_describe(one) for one in found], hints)


def _as_drawn(
    generator: Generator,
    paths: Sequence[Path],
    invert: bool | None,
    options: projection.ProjectionOptions,
) -> tuple[list[NamedImage], list[str]]:
    """The pictures, each inverted if its negative fits better, and hints about them.

    If ``invert`` is given, it holds for all pictures, and is only doubted in the hints.
    """
    config = generator.config.data
    given, other = (read(paths, config, one) for one in (bool(invert), not invert))
    flat = [image_set.is_flat(image.pixels) for image in given]
    fits = projection.fit_better(generator, other, given, options)
    hints: list[str] = []
    for number, image in enumerate(given):
        if flat[number]:
            hints.append(f"{image.name}: is one flat color; there is nothing to find")
        elif fits[number] and invert is None:
            given[number] = other[number]
            hints.append(
                f"{image.name}: was inverted, because its negative is more like this generator's "
                "images; --no-invert prevents it"
            )
        elif fits[number]:
            better = "the picture itself" if invert else "its negative"
            advice = "--invert" if invert else "--no-invert"
            hints.append(
                f"{image.name}: this generator's images are more like {better}; omit {advice}"
            )
    return given, hints


def read(paths: Sequence[Path], config: DataConfig, invert: bool = False) -> list[NamedImage]:
    """Read pictures of any size and mode, fitted to a generator's images.

    Args:
        paths: PNG, JPEG, WebP or GIF.
        config: data that the generator was trained on.
        invert: project the negatives, for dark digits on white and a generator of white digits.

    Raises:
        DataError: a picture cannot be read.
    """
    fit = Fit.of(config)
    if invert:  # invert the color of the padding, too, so that it is right after the inversion
        red, green, blue = fit.background
        fit = replace(fit, background=(255 - red, 255 - green, 255 - blue))
    return [_read(path, config, fit, invert) for path in paths]


def _read(path: Path, config: DataConfig, fit: Fit, invert: bool) -> NamedImage:
    """A picture, or its negative; of one that is flat but for its alpha channel, the alpha."""
    pixels = folder.read_picture(path, fit)
    if image_set.is_flat(pixels):
        ordinary = Fit.of(config)
        plain = folder.read_picture(path, replace(ordinary, alpha="blend"))
        ink = folder.read_picture(path, replace(ordinary, alpha="ink"))
        if (ink != plain).any() and not image_set.is_flat(ink):
            return NamedImage(path.name, ink)
    return NamedImage(path.name, 255 - pixels if invert else pixels, invert)


def from_data(
    indices: Sequence[int],
    config: DataConfig,
    root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> list[NamedImage]:
    """Load images of a generator's data set: test images if there are any, else training images.

    Args:
        indices: numbers of the images, from 0.
        config: data that the generator was trained on.
        root: folder of the data sets; by default as in ``config``.
        on_progress: called while files are downloaded and read.

    Raises:
        DataError: the data cannot be loaded.
        UsageError: an index is too large.
    """
    config = toml.replace_data(config, root=root)
    split: SplitName = "test" if datasets.has_test(config) else "train"
    data = datasets.load(config, split, on_progress)
    if (greatest := max(indices)) >= len(data):
        last = len(data) - 1
        raise UsageError(f"{data.source}: has no {split} image {greatest}; the last one is {last}")
    return [NamedImage(f"{split} image {index}", data.images[index]) for index in indices]


def _check(path: Path, count: int) -> None:
    """Check the target before any work."""
    # A projection takes minutes; a wrong path must not be found only at its end.
    check_target(path, *WALK_FORMATS)
    if not 1 <= count <= _MAX_IMAGES:
        raise UsageError(f"give 1 to {_MAX_IMAGES} images, by name or by --index, not {count}")
    if path.suffix.lower() != ".png" and count == 1:
        raise UsageError(f"{path}: a walk needs two images or more; write one image to a .png")


def _to_json(
    source: Path, options: projection.ProjectionOptions, found: Sequence[Projection]
) -> dict[str, Any]:
    images = [
        {
            "name": one.target.name,
            "inverted": one.target.is_inverted,
            "class": one.class_name,
            "rms": one.rms,
            "length": one.length,
            "z": one.z.tolist(),
        }
        for one in found
    ]
    return {
        "generator": str(source),
        "restarts": options.restarts,
        "steps": options.steps,
        "seed": options.seed,
        "images": images,
    }


def _describe(found: Projection) -> str:
    """One line about a projection."""
    shown_as = f", class {found.class_name}" if found.class_name else ""
    length = f"|z| {found.length:.1f} (typical: {np.sqrt(len(found.z)):.1f})"
    # A file name may contain line breaks and control characters.
    text = f"{found.target.name}: RMS error {found.rms:.3f}, {length}{shown_as}"
    return printable(text.replace("\n", "\\n"))


def _row(found: Projection) -> grids.Picture:
    name, given = found.target.name, found.target.pixels
    short = name if len(name) <= _NAME else f"...{name[-_NAME:]}"
    found_as = f" as {found.class_name}" if found.class_name else ""
    tiles = {
        f"{'inverted' if found.target.is_inverted else 'given'}: {short}": given,
        f"found{found_as}: RMS error {found.rms:.3f}": found.image,
        # int16: a difference of uint8 would wrap around below 0.
        "difference": np.abs(given.astype(np.int16) - found.image).astype(np.uint8),
    }
    return grids.beside([_tile(image, text) for text, image in tiles.items()])


def _tile(image: Images, text: str) -> grids.Picture:
    picture = grids.enlarge(grids.grid(image[None], ground=grids.BETWEEN), _TILE)
    return grids.caption(picture, printable(text).replace("\n", " "))


def _walk(
    generator: Generator, found: Sequence[Projection], on_progress: OnProgress
) -> list[grids.Picture]:
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
    for made in walks.draw(generator, walk, on_progress):
        picture = grids.enlarge(grids.grid(made), above.shape[1])
        frames.append(grids.stacked([strip, grids.caption(picture, "found, and in between")]))
    return frames
