"""Evaluation with results in files: figures.json, and pictures that illustrate the figures."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.evaluation import candidates, reference, results, tstr
from mnistgan.evaluation.results import EvaluationResult
from mnistgan.evaluation.tstr import Scores
from mnistgan.progress import OnProgress, no_progress
from mnistgan.rendering import grids
from mnistgan.storage import atomic
from mnistgan.text import to_json

_EACH = 10  # images per row of a picture


@dataclass(frozen=True)
class EvaluationFiles:
    """The results of an evaluation, and the files written.

    Attributes:
        result: the figures of the images and of the floor.
        scores: classification accuracy scores, if requested.
        content: all of these as plain values, the content of figures.json.
        pictures: the picture files.
    """

    result: EvaluationResult
    scores: Scores | None
    content: dict[str, Any]
    pictures: list[Path]


def evaluate_to_files(
    source: Path,
    *,
    are_images: bool = False,
    count: int = 10_000,
    seed: int = 0,
    data: str | None = None,
    data_root: Path | None = None,
    with_scores: bool = False,
    folder: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> EvaluationFiles:
    """Compare images with real images, and write the figures and pictures.

    Args:
        source: run directory, checkpoint or generator file; or, with ``are_images``, an ``.npz``
            file or a folder of images.
        are_images: whether the source contains images.
        count: number of images to generate, or maximum number to read.
        seed: seed of the noise and of the subsets.
        data: real images; by default the generator's training data, or ``mnist``.
        data_root: folder of the data sets.
        with_scores: whether to compute the scores of :mod:`mnistgan.evaluation.tstr`.
        folder: target folder; by default ``evaluation``, in the run directory if there is one.
        on_progress: called during each task.

    Raises:
        UsageError: a target cannot be written, or the source or its data cannot be used.
    """
    folder = folder or _default_folder(source, are_images)
    # Checked first: an evaluation takes minutes, more if a classifier has to be trained.
    atomic.check_folder(folder)
    measured = candidates.load(
        source, are_images, count, seed, data=data, root=data_root, on_progress=on_progress
    )
    real = reference.load(measured.data, on_progress)
    labels = measured.labels_among(real.train.classes)
    result = results.evaluate(measured.images, real, seed, on_progress, labels)
    content, scores = result.to_json(), None
    if with_scores:
        scores = tstr.score(measured.images, labels, real, seed, on_progress)
        content["scores"] = dataclasses.asdict(scores)
    atomic.make_folder(folder)
    pictures = _pictures(measured.images, result, real)
    for name, picture in pictures.items():
        grids.save_png(folder / name, picture)
    atomic.write_text(folder / "figures.json", to_json(content))
    return EvaluationFiles(result, scores, content, [folder / name for name in pictures])


def _default_folder(source: Path, are_images: bool) -> Path:
    folder = (Path() if are_images or not source.is_dir() else source) / "evaluation"
    if folder.is_symlink():  # in a run of unknown origin it may lead to any folder
        raise UsageError(f"{folder}: is a link; set another folder with --out")
    return folder


def _pictures(
    images: Images, result: EvaluationResult, real: reference.Reference
) -> dict[str, grids.Picture]:
    """The pictures by file name.

    They show ten images of each predicted class; the images with the least and the greatest
    confidence; and the images nearest to a training image, each above that training image.
    """
    predictions, nearest = result.predictions, result.nearest
    order = np.argsort(predictions.confidences, kind="stable")
    closest = np.argsort(nearest.distance, kind="stable")[:_EACH]
    pairs = np.concatenate((images[closest], real.train.images[nearest.index[closest]]))
    about_pairs = f"nearest of {len(images):,} images, each above its nearest training image"
    return {
        "classes.png": grids.class_grid(images, predictions.labels, real.train.classes, _EACH),
        "certainty.png": np.concatenate(
            (
                _captioned(images[order[: 2 * _EACH]], "least confident"),
                _captioned(images[order[: -2 * _EACH - 1 : -1]], "most confident"),
            )
        ),
        "nearest.png": _captioned(pairs, about_pairs),
    }


def _captioned(images: Images, text: str) -> grids.Picture:
    return grids.caption(grids.sheet(images, _EACH), text)
