"""Draws images from a generator file and writes them in any of the formats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from mnistgan.errors import UsageError, one_of
from mnistgan.evaluation import labeler
from mnistgan.models import networks
from mnistgan.progress import OnProgress, no_progress
from mnistgan.sampling import conditioning
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import atomic, run_directory
from mnistgan.synthetic import image_files, manifest, mnist_files, shards
from mnistgan.synthetic.selection import ImageStream, Sampler

SampleFormat: TypeAlias = Literal["grid", "png", "npz", "idx", "shards"]

TARGETS: dict[SampleFormat, str] = {
    "grid": "samples.png",
    "png": "samples",
    "npz": "samples.npz",
    "idx": "synthetic",
    "shards": "shards",
}
"""The default target of each format."""

_SHARD_SIZE = 100_000
_FORMATS_OF: dict[str, tuple[SampleFormat, ...]] = {
    "scale": ("grid",),
    "test": ("idx",),
    "shard_size": ("shards",),
    "part": ("shards",),
    "same_z": ("grid", "png", "npz"),
    **dict.fromkeys(("labels", "min_confidence", "balanced"), ("npz", "idx", "shards")),
}
"""The formats of each option that is not for all of them."""


@dataclass(frozen=True)
class SampleRequest:
    """The images to draw, and the format to write them in.

    Attributes:
        count: number of images; for shards, the total of all shards.
        per_digit: number of images per class, instead of ``count``; the classes follow one another.
        seed: seed of the noise.
        digits: classes of a conditional generator, as :func:`conditioning.parse` reads them.
        truncation: see :class:`SamplingOptions`.
        same_z: whether all classes have the same z. ``count`` must then be a multiple of the number
            of classes.
        format: format of the files.
        scale: scale of a grid, see :func:`grids.magnify`.
        labels: whether to write labels; ``idx`` always has them.
        min_confidence: see :class:`Sampler`.
        balanced: see :class:`Sampler`.
        test: number of test images of ``idx``; by default a sixth of ``count``.
        shard_size: number of images per shard; by default 100,000.
        part: the shards to write, as ``i/k``; by default all.

    Raises:
        UsageError: options contradict each other or do not suit the format.
    """

    count: int | None
    per_digit: int | None = None
    seed: int = 0
    digits: str | None = None
    truncation: float | None = None
    same_z: bool = False
    format: SampleFormat = "grid"
    scale: int | None = None
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
            raise UsageError("give either -n, or --per-digit for a number of images per class")
        if self.digits is not None and self.balanced:
            raise UsageError("--digits already draws its classes in turn; remove --balanced")
        if self.same_z and (self.balanced or self.min_confidence):
            option = "--balanced" if self.balanced else "--min-confidence"
            raise UsageError(f"{option} selects images and would break up --same-z; remove one")
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(f"--min-confidence must be from 0 to 1, not {self.min_confidence}")


def write(
    source: Path,
    request: SampleRequest,
    target: Path | None = None,
    data_root: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> tuple[Path, shards.Outcome | None]:
    """Draw images from a generator and write them.

    Args:
        source: generator file, checkpoint or run directory.
        request: which images, in which format.
        target: file or folder; by default the format's name in :data:`TARGETS`.
        data_root: folder of the data sets, for training a classifier if labels need one.
        on_progress: called with the number of images drawn.

    Returns:
        The target and, for shards, the number of complete shards.

    Raises:
        UsageError: the target cannot be written, or the request does not suit the generator.
        MnistganError: the sampler finds no more images to keep.
    """
    path = target or Path(TARGETS[request.format])
    part = slice(None) if request.part is None else shards.parse_part(request.part)
    generator = load_generator(source)
    sequence = _class_sequence(request, generator.classes)
    options = SamplingOptions(request.seed, sequence, request.truncation, request.same_z)
    sequence = options.class_sequence_for(generator)
    count = request.count
    if count is None:
        assert sequence is not None  # parse() refuses per_digit for an unconditional generator
        count = len(sequence.classes) * sequence.repeat
    shard_size = request.shard_size or _SHARD_SIZE
    # A target that cannot be written is refused here, before a classifier is trained.
    if request.format == "shards":
        manifest.check_size(count, shard_size)
        atomic.check_folder(path)
    elif request.format == "idx":
        mnist_files.check(path, generator.config)
    else:
        size = generator.config.data.image_size
        image_files.check(path, request.format, count, size, request.scale)
    # A conditional generator gives labels itself, but not their probabilities.
    needs_labels = request.labels or request.balanced or request.format == "idx"
    classifier = None
    if request.min_confidence or (sequence is None and needs_labels):
        classifier = labeler.labeler_for(generator.config.data, data_root, on_progress)
    sampler = Sampler(generator, options, classifier, request.min_confidence, request.balanced)
    if request.format == "idx":
        mnist_files.write(path, sampler, count, request.test or max(1, count // 6), on_progress)
    elif request.format == "shards":
        file = run_directory.generator_path(source)
        spec = manifest.ShardSpec.of(sampler, file, count, shard_size)
        return path, shards.write(path, sampler, spec, part, on_progress)
    else:
        images = ImageStream(sampler, count, on_progress=on_progress)
        shape = networks.image_shape(generator.config)
        columns = sequence.columns if sequence else None
        if sequence and request.same_z:
            columns = sequence.repeat  # also if it is 1: one row per class
        image_files.write_images(
            path,
            request.format,
            images,
            count,
            shape,
            columns,
            request.scale,
            sampler.classes,
        )
    return path, None


def _class_sequence(request: SampleRequest, classes: Sequence[str]) -> ClassSequence | None:
    """The classes that a request asks for; None leaves them to the generator.

    Raises:
        UsageError: the generator has no such classes, or they do not divide the number of images.
    """
    if request.digits is None and request.per_digit is None and not request.same_z:
        return None
    sequence = conditioning.parse(request.digits, classes, request.per_digit or 1)
    if not request.same_z or request.count is None:
        return sequence
    repeat, rest = divmod(request.count, len(sequence.classes))
    if rest:
        raise UsageError(
            f"-n {request.count}: with --same-z, give a multiple of {len(sequence.classes)}, the "
            "number of classes, or give --per-digit"
        )
    return replace(sequence, repeat=repeat)
