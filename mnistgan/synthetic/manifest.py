"""What is written beside a data set in shards: its recipe, what each shard is, and all together."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from mnistgan.config import Section
from mnistgan.errors import UsageError
from mnistgan.models import networks
from mnistgan.storage import atomic
from mnistgan.synthetic.selection import EVERY, PATIENCE, Sampler, Selection

NAME = "manifest.json"

_MOST_SHARDS = 10_000


class LabelSpec(Section):
    """Where labels come from, and which images they let in.

    Attributes:
        classifier: the name of the one that looked at the images; None where nobody had to.
        sha256: of its weights.
        classes: the name of each label, in order.
        asked: labels that a conditional generator was asked for, in turn; else none.
        repeat: how often each, in a row.
        min_confidence: see :class:`mnistgan.synthetic.selection.Selection`.
        balanced: likewise.
    """

    classifier: str | None = None
    sha256: str | None = None
    classes: tuple[str, ...]
    asked: tuple[int, ...] = ()
    repeat: int = 1
    min_confidence: float
    balanced: bool


class ShardSpec(Section):
    """All that decides what is in the shards, but for the rounding of build and thread count.

    Attributes:
        format: of the folder.
        version: of the format.
        count: images in all shards.
        shard_size: images in each; the last holds what is left.
        seed: of the noise.
        truncation: of the noise, if any.
        generator: SHA-256 of the generator's file.
        shape: C, H, W of an image.
        labels: where they come from, if there are any.
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
    def of(
        cls, sampler: Sampler, file: Path, count: int, shard_size: int, selection: Selection
    ) -> ShardSpec:
        """The recipe of a source's images.

        Args:
            sampler: of the images.
            file: that its generator was loaded from.
            count: how many images.
            shard_size: how many of them in a shard.
            selection: which samples are taken.
        """
        return cls(
            count=count,
            shard_size=shard_size,
            seed=sampler.options.seed,
            truncation=sampler.options.truncation,
            generator=atomic.sha256(file),
            shape=networks.image_shape(sampler.generator.config),
            labels=_label_spec(sampler, selection),
        )

    @property
    def selection(self) -> Selection:
        """Which samples are taken."""
        if self.labels is None:
            return EVERY
        return Selection(self.labels.min_confidence, self.labels.balanced)

    @property
    def shards(self) -> int:
        """How many; they are numbered from 1."""
        return -(-self.count // self.shard_size)

    def size(self, number: int) -> int:
        """How many images a shard holds."""
        return min(self.shard_size, self.count - (number - 1) * self.shard_size)

    def start(self, number: int) -> int:
        """The index of the first sample that a shard looks at; no two shards look at the same.

        Where every sample is taken, shards follow each other without a gap.
        """
        room = self.shard_size * (1 if self.selection.takes_all else PATIENCE)
        return (number - 1) * room


def _label_spec(sampler: Sampler, selection: Selection) -> LabelSpec | None:
    if not sampler.classes:
        return None
    classifier = sampler.labeler.classifier if sampler.labeler else None
    sequence = sampler.options.class_sequence_for(sampler.generator)
    return LabelSpec(
        classifier=classifier.name if classifier else None,
        sha256=classifier.sha256 if classifier else None,
        classes=sampler.classes,
        asked=sequence.classes if sequence else (),
        repeat=sequence.repeat if sequence else 1,
        **dataclasses.asdict(selection),
    )


class ShardEntry(Section):
    """What is said of a shard that is whole.

    Attributes:
        file: its name.
        sha256: of the file.
        bytes: its size.
        count: images in it.
        first: index of the first sample that was looked at for it.
        last: of the last one.
        threads: that computed it.
        versions: of mnistgan, torch and numpy.
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
    """What lies beside a shard: its entry, and of which recipe it is a part."""

    recipe: ShardSpec
    shard: ShardEntry


class Manifest(Section):
    """What all the shards are."""

    recipe: ShardSpec
    shards: tuple[ShardEntry, ...]


# Files -----------------------------------------------------------------------------------------


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard lies; its entry lies beside it, as ``.json``."""
    return folder / f"shard-{number:05d}.npz"


def check_size(count: int, shard_size: int) -> None:
    """Refuse, before any work, more shards than a folder should hold.

    Raises:
        UsageError: these would be more.
    """
    if count > _MOST_SHARDS * shard_size:
        raise UsageError(
            f"{count:,} images make more than {_MOST_SHARDS:,} shards of {shard_size:,}; choose a "
            "larger --shard-size"
        )


def write_entry(path: Path, spec: ShardSpec, entry: ShardEntry) -> None:
    """Say that the shard at a path is whole."""
    _write(path.with_suffix(".json"), ShardRecord(recipe=spec, shard=entry))


def write_manifest(folder: Path, spec: ShardSpec, entries: Mapping[int, ShardEntry]) -> None:
    """Say what all shards are: the same text whoever writes it."""
    shards = tuple(entries[number] for number in sorted(entries))
    _write(folder / NAME, Manifest(recipe=spec, shards=shards))


def _write(path: Path, content: Section) -> None:
    atomic.write_text(path, content.model_dump_json(indent=2) + "\n")


def read_entries(folder: Path, spec: ShardSpec) -> dict[int, ShardEntry]:
    """The shards of a spec that are there, by number; what is no entry counts as none.

    Raises:
        UsageError: the folder holds what was made by another spec.
    """
    found = {}
    for path in folder.glob("shard-*.json"):
        match = re.fullmatch(r"shard-(\d{5})\.json", path.name)
        try:
            record = ShardRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        _refuse_another(path, record.recipe, spec)
        shard = path.with_suffix(".npz")
        is_its = record.shard.file == shard.name and shard.is_file()
        if match and is_its and shard.stat().st_size == record.shard.bytes:
            found[int(match[1])] = record.shard
    return found


def check(folder: Path, spec: ShardSpec) -> None:
    """Refuse a folder whose manifest is of something else.

    Raises:
        UsageError: it is.
    """
    path = folder / NAME
    try:
        _refuse_another(path, Manifest.model_validate_json(path.read_bytes()).recipe, spec)
    except FileNotFoundError:
        pass
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: is no manifest of shards; choose another --out") from error


_DIFFERENCES = {
    "count": "-n {}, not {}",
    "shard_size": "--shard-size {}, not {}",
    "seed": "--seed {}, not {}",
    "truncation": "--truncation {}, not {}",
    "generator": "another generator (SHA-256 {:.12}..., not {:.12}...)",
    "shape": "images of shape {}, not {}",
    "labels": "other labels (--labels, --digits, --min-confidence, --balanced; the classifier)",
}


def _refuse_another(path: Path, found: ShardSpec, spec: ShardSpec) -> None:
    for key, words in _DIFFERENCES.items():
        before, now = getattr(found, key), getattr(spec, key)
        if before != now:
            raise UsageError(
                f"{path}: was made with {words.format(before, now)}; give what it was made with, "
                "or choose another --out"
            )
