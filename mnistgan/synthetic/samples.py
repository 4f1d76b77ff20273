"""Images from a generator file to files on disk, in any of the formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from mnistgan.errors import UsageError, one_of
from mnistgan.evaluation import labeler
from mnistgan.models import networks
from mnistgan.progress import OnProgress, no_progress
from mnistgan.sampling import conditioning
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.sampling.sampler import SamplingOptions
from mnistgan.storage import run_directory
from mnistgan.synthetic import image_files, manifest, mnist_files, shards
from mnistgan.synthetic.manifest import ShardSpec
from mnistgan.synthetic.selection import ImageStream, Sampler, Selection
from mnistgan.synthetic.shards import Outcome, Writer

SampleFormat: TypeAlias = Literal["grid", "png", "npz", "idx", "shards"]

TARGETS: dict[SampleFormat, str] = {
    "grid": "samples.png",
    "png": "samples",
    "npz": "samples.npz",
    "idx": "synthetic",
    "shards": "shards",
}
"""Where each format is written by default."""

_SHARD_SIZE = 100_000
_LABELED: tuple[SampleFormat, ...] = ("npz", "idx", "shards")
_FORMATS_OF: dict[str, tuple[SampleFormat, ...]] = {
    "test": ("idx",),
    "shard_size": ("shards",),
    "part": ("shards",),
    "labels": _LABELED,
    "min_confidence": _LABELED,
    "balanced": _LABELED,
}


@dataclass(frozen=True)
class SampleRequest:
    """The images to draw, and the format to write them in.

    Attributes:
        count: number of images; of shards, in all of them together.
        per_digit: in place of ``count``, images of each class, one after another.
        seed: of the noise.
        digits: classes of a conditional generator, as :func:`conditioning.parse` reads them.
        truncation: see :class:`SamplingOptions`.
        format: what is written.
        labels: whether to write labels where the format has a choice.
        min_confidence: see :class:`Selection`.
        balanced: likewise.
        test: images in the test part of ``idx``; by default a sixth of ``count``.
        shard_size: images per shard.
        part: which shards to write, ``i/k``; by default all.

    Raises:
        UsageError: options contradict each other or do not suit the format.
    """

    count: int | None
    per_digit: int | None = None
    seed: int = 0
    digits: str | None = None
    truncation: float | None = None
    format: SampleFormat = "grid"
    labels: bool = False
    min_confidence: float = 0.0
    balanced: bool = False
    test: int | None = None
    shard_size: int | None = None
    part: str | None = None

    def __post_init__(self) -> None:
        for name, formats in _FORMATS_OF.items():
            if getattr(self, name) and self.format not in formats:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is only for --format {one_of(formats)}")
        if (self.count is None) == (self.per_digit is None):
            raise UsageError("give either -n, or --per-digit for that many images of each class")
        if self.digits is not None and self.balanced:
            raise UsageError("--digits draws its classes in turn already; leave --balanced out")

    def options(self, generator: Generator) -> SamplingOptions:
        """The options of the noise and, if classes were asked for, their sequence.

        Raises:
            UsageError: the generator has no such classes, or the truncation is not positive.
        """
        sequence = None
        if self.digits is not None or self.per_digit is not None:
            sequence = conditioning.parse(self.digits, generator.classes, self.per_digit or 1)
        return SamplingOptions(self.seed, sequence, self.truncation)


def write(
    source: Path,
    request: SampleRequest,
    target: Path | None = None,
    data_root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> tuple[Path, Outcome | None]:
    """Draw images from a generator and write them.

    Args:
        source: generator file, checkpoint or run directory.
        request: which images, in which format.
        target: file or folder; by default the format's name in :data:`TARGETS`.
        data_root: folder of the data sets, if a classifier must be trained to label images.
        on_progress: called with the images drawn.

    Returns:
        The target and, of shards, how many are complete.

    Raises:
        UsageError: the target cannot be written, or the request does not suit the generator.
        MnistganError: images of the selection do not come.
    """
    path = target or Path(TARGETS[request.format])
    writer = Writer.parse(request.part)
    selection = Selection(request.min_confidence, request.balanced)
    generator = load_generator(source)
    options = request.options(generator)
    sequence = options.class_sequence_for(generator)
    count = request.count
    if count is None:
        assert sequence is not None  # per_digit is refused where there are no classes
        count = len(sequence.classes) * sequence.repeat
    shard_size = request.shard_size or _SHARD_SIZE
    _check(path, request.format, generator, count, shard_size)
    needs_labels = request.labels or request.balanced or request.format == "idx"
    classifier = None
    if request.min_confidence or (sequence is None and needs_labels):
        classifier = labeler.labeler_for(generator.config.data, data_root, on_progress)
    sampler = Sampler(generator, options, classifier)
    if request.format == "idx":
        test = request.test or max(1, count // 6)
        mnist_files.write(path, sampler, count, test, selection, on_progress)
    elif request.format == "shards":
        file = run_directory.generator_path(source)
        spec = ShardSpec.of(sampler, file, count, shard_size, selection)
        return path, shards.write(path, sampler, spec, writer, on_progress)
    else:
        images = ImageStream(sampler, count, 0, selection, on_progress)
        shape = networks.image_shape(generator.config)
        columns = sequence.columns if sequence else None
        image_files.write_images(path, request.format, images, count, shape, columns)
    return path, None


def _check(
    path: Path, format: SampleFormat, generator: Generator, count: int, shard_size: int
) -> None:
    """Refuse, before any work, a target that the images cannot be written to."""
    if format == "shards":
        manifest.check_size(count, shard_size)
    elif format == "idx":
        mnist_files.check(path, generator.config)
    else:
        image_files.check_target(path, format, count)
