"""A data set as numbered files, made by any number of processes that know nothing of each other.

Each shard is a function of the recipe and its number. Its entry is written after it, so where there
is an entry the shard is whole. So a writer may be killed at any moment, nothing needs to be locked,
and folders that were filled on several machines can be copied into one. Who finds all entries there
writes the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mnistgan import __version__
from mnistgan.errors import UsageError
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.storage import atomic
from mnistgan.synthetic import image_files, manifest
from mnistgan.synthetic.manifest import ShardEntry, ShardSpec
from mnistgan.synthetic.selection import ImageStream, Sampler


@dataclass(frozen=True)
class Writer:
    """One of several writers: the shards ``number``, ``number + of``, ... are its own.

    Raises:
        UsageError: there is no such part.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(f"--part {self.number}/{self.of}: parts run from 1/{self.of}")

    @classmethod
    def parse(cls, text: str | None) -> Writer:
        """``i/k``, which is the part i of k; None is all.

        Raises:
            UsageError: it is neither, or there is no such part.
        """
        if text is None:
            return cls()
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if match is None:
            raise UsageError(f"--part: {text!r} is not i/k; give for example 2/4")
        return cls(int(match[1]), int(match[2]))

    def numbers(self, shards: int) -> range:
        """The numbers of its shards."""
        return range(self.number, shards + 1, self.of)


_ALL = Writer()


@dataclass(frozen=True)
class Outcome:
    """What a writer leaves.

    Attributes:
        kept: shards of its part that were whole already.
        made: shards that it made.
        there: whole shards of all parts.
        shards: how many there are to be; with the last one comes the manifest.
    """

    kept: int
    made: int
    there: int
    shards: int

    def __str__(self) -> str:
        missing = self.shards - self.there
        state = f"{missing:,} are still to come from other parts" if missing else "all are there"
        return f"{self.made:,} shards made, {self.kept:,} kept; {state}"


def write(
    folder: Path,
    sampler: Sampler,
    spec: ShardSpec,
    writer: Writer = _ALL,
    on_progress: OnProgress = no_progress,
) -> Outcome:
    """Write a part's shards, but for those that are there and whole.

    Args:
        folder: made if it is not there.
        sampler: that the spec was made of.
        spec: of all the shards.
        writer: which of them are its own; by default all.
        on_progress: called with the bytes checked, and with the images taken.

    Raises:
        UsageError: the folder cannot be written, or holds something else.
        MnistganError: what the rule asks for does not come.
    """
    atomic.make_folder(folder)
    manifest.check(folder, spec)
    mine = writer.numbers(spec.shards)
    kept = _whole(folder, spec, mine, on_progress)
    missing = [number for number in mine if number not in kept]
    if missing:
        (folder / manifest.NAME).unlink(missing_ok=True)  # it speaks of what is not there
    images, done = sum(map(spec.size, missing)), 0
    for number in missing:
        _write_shard(folder, number, sampler, spec, _further(on_progress, done, images))
        done += spec.size(number)
    return Outcome(len(kept), len(missing), _finish(folder, spec), spec.shards)


def _whole(
    folder: Path, spec: ShardSpec, numbers: Iterable[int], on_progress: OnProgress
) -> set[int]:
    """Those of some shards that need not be made again: each is read."""
    entries = manifest.read_entries(folder, spec)
    found = {number: entries[number] for number in numbers if number in entries}
    total, done = sum(entry.bytes for entry in found.values()), 0
    kept = set()
    for number, entry in found.items():
        if atomic.sha256(manifest.shard_path(folder, number)) == entry.sha256:
            kept.add(number)
        done += entry.bytes
        on_progress(Progress("checking shards", done, total, "bytes"))
    return kept


def _further(on_progress: OnProgress, before: int, total: int) -> OnProgress:
    """Tells of a shard's progress as a piece of the whole."""
    return lambda step: on_progress(Progress(step.what, before + step.done, total))


def _write_shard(
    folder: Path, number: int, sampler: Sampler, spec: ShardSpec, on_progress: OnProgress
) -> None:
    path = manifest.shard_path(folder, number)
    path.with_suffix(".json").unlink(missing_ok=True)  # of one that was found damaged
    count, start = spec.size(number), spec.start(number)
    stream = ImageStream(sampler, count, start, spec.selection, on_progress)
    image_files.write_images(path, "npz", stream, count, spec.shape)
    versions = {"mnistgan": __version__, "torch": str(torch.__version__), "numpy": np.__version__}
    entry = ShardEntry(
        file=path.name,
        sha256=atomic.sha256(path),
        bytes=path.stat().st_size,
        count=count,
        first=start,
        last=stream.stop - 1,
        threads=torch.get_num_threads(),
        versions=versions,
    )
    manifest.write_entry(path, spec, entry)


def _finish(folder: Path, spec: ShardSpec) -> int:
    """Write the manifest if all shards are there, which several writers may find at once.

    Returns:
        How many are there.
    """
    entries = manifest.read_entries(folder, spec)
    if len(entries) == spec.shards:
        manifest.write_manifest(folder, spec, entries)
        atomic.remove_parts(folder, ".npz")  # of writers that were killed: nobody writes one now
    return len(entries)
