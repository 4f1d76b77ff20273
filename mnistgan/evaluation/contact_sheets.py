"""Pictures to a report: what its numbers look like."""

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
        folder: where to; it exists.
        images: that the report is about.
        result: of measuring them.
        train: the training images that they were held against.

    Returns:
        The files: ten images of each class by the classifier's verdict; the least and the most
        certain; the images that lie nearest to a training image, each beside it.
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
        "the least certain": images[order[: 2 * _EACH]],
        "the most certain": images[order[: -2 * _EACH - 1 : -1]],
    }
    return _captioned(rows)


def _nearest(images: Images, result: EvaluationResult, train: ImageSet) -> Picture:
    order = np.argsort(result.nearest.distance, kind="stable")[:_EACH]
    among = f"nearest of {len(images):,} images, and the training images below which they lie"
    pairs = np.concatenate((images[order], train.images[result.nearest.index[order]]))
    return _captioned({among: pairs})


def _captioned(rows: dict[str, Images]) -> Picture:
    """Grids of ten columns under their captions."""
    return np.concatenate(
        [
            grids.caption(grids.enlarge(grids.grid(_filled(group), _EACH)), text)
            for text, group in rows.items()
        ]
    )


def _filled(group: Images) -> Images:
    """At least one whole row, black where there are too few images."""
    missing = -len(group) % _EACH
    return np.concatenate((group, np.zeros((missing, *group.shape[1:]), np.uint8)))
