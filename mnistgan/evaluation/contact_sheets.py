"""Pictures that go with an evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mnistgan.arrays import Images
from mnistgan.datasets import ImageSet
from mnistgan.evaluation.results import EvaluationResult
from mnistgan.rendering import grids
from mnistgan.rendering.grids import Picture

_EACH = 10


def save(folder: Path, images: Images, result: EvaluationResult, train: ImageSet) -> list[Path]:
    """Write ``classes.png``, ``certainty.png`` and ``nearest.png``.

    Args:
        folder: an existing folder.
        images: the images that were evaluated.
        result: their evaluation.
        train: the training images they were compared with.

    Returns:
        The files: ten images of each predicted class; the images classified with the least and the
        greatest confidence; the images nearest to a training image, each above it.
    """
    pictures = {
        "classes.png": grids.class_grid(images, result.predictions.labels, train.classes, _EACH),
        "certainty.png": _certainty(images, result),
        "nearest.png": _nearest(images, result, train),
    }
    for name, picture in pictures.items():
        grids.save_png(folder / name, picture)
    return [folder / name for name in pictures]


def _certainty(images: Images, result: EvaluationResult) -> Picture:
    order = np.argsort(result.predictions.confidences, kind="stable")
    rows = {
        "least confident": images[order[: 2 * _EACH]],
        "most confident": images[order[: -2 * _EACH - 1 : -1]],
    }
    return _captioned(rows)


def _nearest(images: Images, result: EvaluationResult, train: ImageSet) -> Picture:
    order = np.argsort(result.nearest.distance, kind="stable")[:_EACH]
    text = f"nearest of {len(images):,} images, each above its nearest training image"
    pairs = np.concatenate((images[order], train.images[result.nearest.index[order]]))
    return _captioned({text: pairs})


def _captioned(rows: dict[str, Images]) -> Picture:
    """Grids of ten columns under their captions."""
    return np.concatenate(
        [
            grids.caption(grids.enlarge(grids.grid(_filled(group), _EACH)), text)
            for text, group in rows.items()
        ]
    )


def _filled(group: Images) -> Images:
    """The images, with black ones added up to whole rows."""
    missing = -len(group) % _EACH
    return np.concatenate((group, np.zeros((missing, *group.shape[1:]), np.uint8)))
