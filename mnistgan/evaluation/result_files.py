"""An evaluation on disk: figures.json, and pictures of what the figures say."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from mnistgan.config import DataConfig, toml
from mnistgan.errors import UsageError
from mnistgan.evaluation import candidates, contact_sheets, reference, results, tstr
from mnistgan.evaluation.results import EvaluationResult
from mnistgan.evaluation.tstr import Scores
from mnistgan.progress import OnProgress, no_progress
from mnistgan.storage import atomic

FIGURES_FILE = "figures.json"


@dataclass(frozen=True)
class EvaluationFiles:
    """What was measured and written.

    Attributes:
        result: the figures of the images and of the floor.
        scores: classification accuracy scores, if asked for.
        text: all of these as JSON, the content of figures.json.
        pictures: the files that show them.
    """

    result: EvaluationResult
    scores: Scores | None
    text: str
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
    json_file: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> EvaluationFiles:
    """Measure images against real ones, and write what was found.

    Args:
        source: run directory, checkpoint or generator file; or images, as ``are_images`` says.
        are_images: whether the source is an ``.npz`` or a folder of images.
        count: how many images to draw, or at most to read.
        seed: of the noise and of the subsets.
        data: real images; by default what the generator was trained on, else ``mnist``.
        data_root: folder of the data sets.
        with_scores: whether to train classifiers for :mod:`mnistgan.evaluation.tstr`, too.
        folder: where to write; by default ``evaluation`` in the run directory or here.
        json_file: where else to write the figures.
        on_progress: called while it works.

    Raises:
        UsageError: a target cannot be written, or the source or its data cannot be used.
    """
    folder = folder or _default_folder(source, are_images)
    # First of all: to measure takes minutes, with another data set a classifier is trained, too.
    atomic.check_folder(folder)
    if json_file is not None:
        atomic.check_target(json_file)
    if are_images:
        config = toml.replace_data(DataConfig(), name=data or "mnist", root=data_root)
        measured = candidates.from_files(source, config, count, on_progress)
    else:
        measured = candidates.from_generator(
            source, count, seed, data=data, root=data_root, on_progress=on_progress
        )
    real = reference.load(measured.data, on_progress)
    labels = measured.labels_among(real.train.classes)
    result = results.evaluate(measured.images, real, seed, on_progress, labels)
    content, scores = result.to_json(), None
    if with_scores:
        scores = tstr.score(measured.images, labels, real, seed, on_progress)
        content["scores"] = dataclasses.asdict(scores)
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    atomic.make_folder(folder)
    pictures = contact_sheets.save(folder, measured.images, result, real.train)
    for file in (folder / FIGURES_FILE, json_file):
        if file is not None:
            atomic.write_text(file, text)
    return EvaluationFiles(result, scores, text, pictures)


def _default_folder(source: Path, are_images: bool) -> Path:
    folder = (Path() if are_images or not source.is_dir() else source) / "evaluation"
    if folder.is_symlink():  # a run from somebody else could lead us to write anywhere
        raise UsageError(f"{folder}: is a link; name the folder to write to with --out")
    return folder
