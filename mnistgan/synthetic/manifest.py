"""JSON files of a sharded data set: a record beside each shard, and a manifest of all shards.

The keys of these files are part of the format. The key ``recipe`` contains the :class:`ShardSpec`.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from mnistgan.config import Section
from mnistgan.errors import UsageError
from mnistgan.models import networks
from mnistgan.storage import atomic
from mnistgan.synthetic.selection import PATIENCE, Sampler

NAME = "manifest.json"

_MAX_SHARDS = 10_000


class LabelSpec(Section):
    """The source of the labels, and the selection of images by label.

    Attributes:
        classifier: name of the classifier that labeled the images; None without one.
        sha256: SHA-256 of its weights.
        classes: the name of each label, in order.
        asked: the sequence of requested labels of a conditional generator; else empty.
        repeat: number of consecutive images with each of them.
        min_confidence: see :class:`mnistgan.synthetic.selection.Sampler`.
        balanced: see :class:`mnistgan.synthetic.selection.Sampler`.
    """

    classifier: str | None = None
    sha256: str | None = None
    classes: tuple[str, ...]
    asked: tuple[int, ...] = ()
    repeat: int = 1
    min_confidence: float
    balanced: bool


class ShardSpec(Section):
    """Everything that determines the content of the shards, except for rounding.

    Rounding depends on the build of torch and the number of threads. Each :class:`ShardEntry`
    records both.

    Attributes:
        format: name of the folder's format.
        version: version of the format.
        count: number of images in all shards.
        shard_size: number of images in each shard; the last one has the rest.
        seed: seed of the noise.
        truncation: limit of the noise; None for no limit.
        generator: SHA-256 of the generator's file.
        shape: C, H, W of an image.
        labels: source of the labels; None without labels.
    """

    format: Literal["mnistgan-shards"] = "mnistgan-shards"
    version: Literal[1] = 1
    count: int = Field(ge=1)
    shard_size: int = Field(ge=1)
    seed: int
    truncation: float | None = None
    generator: str
    shape: tuple[int, int, int]
    labels: LabelSpec | None = None

    @classmethod
    def of(cls, sampler: Sampler, file: Path, count: int, shard_size: int) -> "ShardSpec":
        """The spec of a sampler's images.

        Args:
            sampler: draws the images.
            file: the file from which its generator was loaded.
            count: number of images in all shards.
            shard_size: number of images in a shard.
        """
        return cls(
            count=count,
            shard_size=shard_size,
            seed=sampler.options.seed,
            truncation=sampler.options.truncation,
            generator=atomic.sha256(file),
            shape=networks.image_shape(sampler.generator.config),
            labels=_label_spec(sampler) if sampler.classes else None,
        )

    @property
    def shards(self) -> int:
        """Number of shards. They are numbered from 1."""
        return -(-self.count // self.shard_size)

    def size(self, number: int) -> int:
        """Number of images in a shard."""
        return min(self.shard_size, self.count - (number - 1) * self.shard_size)

    def start(self, number: int) -> int:
        """The index of the first sample that a shard considers. No two shards share a sample."""
        # A shard must not depend on where the one before ends, or writers could not work in
        # parallel. So with a selection, each shard gets the largest number of samples that it could
        # need: an ImageStream fails after PATIENCE samples without an image.
        selects = self.labels and (self.labels.balanced or self.labels.min_confidence)
        return (number - 1) * self.shard_size * (PATIENCE if selects else 1)


def _label_spec(sampler: Sampler) -> LabelSpec:
    classifier = sampler.labeler.classifier if sampler.labeler else None
    sequence = sampler.options.class_sequence_for(sampler.generator)
    return LabelSpec(
        classifier=classifier.name if classifier else None,
        sha256=classifier.sha256 if classifier else None,
        classes=sampler.classes,
        asked=sequence.classes if sequence else (),
        repeat=sequence.repeat if sequence else 1,
        min_confidence=sampler.min_confidence,
        balanced=sampler.balanced,
    )


class ShardEntry(Section):
    """A complete shard.

    Attributes:
        file: name of the file.
        sha256: SHA-256 of the file.
        bytes: size of the file.
        count: number of images.
        first: index of the first sample considered.
        last: index of the last sample considered.
        threads: number of threads of torch.
        versions: versions of mnistgan, torch and numpy.
    """

    file: str
    sha256: str
    bytes: int
    count: int
    first: int
    last: int
    threads: int
    versions: dict[str, str]


class ShardRecord(Section):
    """Content of the JSON file beside a shard."""

    recipe: ShardSpec
    shard: ShardEntry


class Manifest(Section):
    """Content of manifest.json, which exists only while all shards are complete."""

    recipe: ShardSpec
    shards: tuple[ShardEntry, ...]


# Files -----------------------------------------------------------------------------------------


def shard_path(folder: Path, number: int) -> Path:
    """Path of a shard. Its record has the same name with the suffix ``.json``."""
    return folder / f"shard-{number:05d}.npz"


def check_size(count: int, shard_size: int) -> None:
    """Check that the number of shards is at most 10,000.

    Raises:
        UsageError: it is larger.
    """
    # Every writer reads all records, and a name has five digits.
    if count > _MAX_SHARDS * shard_size:
        what = f"{count:,} images are more than {_MAX_SHARDS:,} shards of {shard_size:,}"
        raise UsageError(f"{what}; choose a larger --shard-size")


def write(path: Path, content: ShardRecord | Manifest) -> None:
    """Write a record or the manifest as JSON, atomically."""
    atomic.write_text(path, content.model_dump_json(indent=2) + "\n")


def read_entries(folder: Path, spec: ShardSpec) -> dict[int, ShardEntry]:
    """The entries of the shards in a folder, by number. Invalid records are ignored.

    Raises:
        UsageError: the folder contains a shard of another spec.
    """
    records = folder.glob("shard-" + 5 * "[0-9]" + ".json")
    entries = {int(path.stem[-5:]): read_entry(path.with_suffix(".npz"), spec) for path in records}
    return {number: entry for number, entry in entries.items() if entry is not None}


def read_entry(shard: Path, spec: ShardSpec) -> ShardEntry | None:
    """The entry of the shard with this path; None if it has no valid record.

    Raises:
        UsageError: it is a shard of another spec.
    """
    path = shard.with_suffix(".json")
    try:
        record = ShardRecord.model_validate_json(atomic.read_bytes(path))
    except (OSError, ValidationError):
        return None
    _refuse_other_spec(path, record.recipe, spec)
    # A record copied to another number would declare the wrong images complete.
    is_same = record.shard.file == shard.name and shard.is_file()
    return record.shard if is_same and shard.stat().st_size == record.shard.bytes else None


def check(folder: Path, spec: ShardSpec) -> None:
    """Check that a folder has no manifest, or one of the same spec.

    Raises:
        UsageError: its manifest has another spec, or was not written by mnistgan.
    """
    path = folder / NAME
    try:
        _refuse_other_spec(path, Manifest.model_validate_json(atomic.read_bytes(path)).recipe, spec)
    except FileNotFoundError:
        pass
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: is not a manifest of mnistgan; choose another --out") from error


_DIFFERENCES = {
    "count": "-n {}, not {}",
    "shard_size": "--shard-size {}, not {}",
    "seed": "--seed {}, not {}",
    "truncation": "--truncation {}, not {}",
    "generator": "another generator (SHA-256 {:.12}..., not {:.12}...)",
    "labels": "other labels (--labels, --digits, --min-confidence, --balanced; the classifier)",
}


def _refuse_other_spec(path: Path, found: ShardSpec, spec: ShardSpec) -> None:
    # The shape needs no check: it follows from the generator, whose SHA-256 is compared.
    for key, words in _DIFFERENCES.items():
        before, now = getattr(found, key), getattr(spec, key)
        if before != now:
            made = f"{path}: was made with {words.format(before, now)}"
            raise UsageError(f"{made}; use the same options, or choose another --out")
