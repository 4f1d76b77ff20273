"""A data set in numbered files, written by any number of independent processes.

A shard is a function of the spec and its number. Its record is written after the shard, so a shard
with a record is complete. Therefore a writer may be killed at any time, no locks are needed, and
folders from several machines can be copied into one. A writer that finds all records writes the
manifest.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mnistgan import __version__
from mnistgan.datasets import class_names
from mnistgan.errors import UsageError
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.storage import atomic
from mnistgan.synthetic import image_files, manifest
from mnistgan.synthetic.manifest import Manifest, ShardEntry, ShardRecord, ShardSpec
from mnistgan.synthetic.selection import ImageStream, Sampler


def parse_part(text: str) -> slice:
    """The shards that writer i of k writes: i, i + k, i + 2k ..., from the text ``i/k``.

    Raises:
        UsageError: the text has another form, or i is not from 1 to k.
    """
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    first, of = map(int, match.groups()) if match else (0, 0)
    if not 1 <= first <= of:
        raise UsageError(f"--part: {text!r} is not i/k with i from 1 to k; write, for example, 2/4")
    return slice(first - 1, None, of)


@dataclass(frozen=True)
class Outcome:
    """The result of a writer.

    Attributes:
        kept: number of its shards that it found complete.
        made: number of shards that it wrote.
        complete: number of complete shards in the folder, of all writers.
        shards: number of shards in the data set.
        has_others: whether some shards are in the parts of other writers.
    """

    kept: int
    made: int
    complete: int
    shards: int
    has_others: bool = False

    def __str__(self) -> str:
        missing = self.shards - self.complete
        others = " (in other parts)" if self.has_others else ""
        state = f"{missing:,} missing{others}" if missing else "all complete"
        return f"shards: {self.made:,} written, {self.kept:,} kept, {state}"


def write(
    folder: Path,
    sampler: Sampler,
    spec: ShardSpec,
    part: slice = slice(None),
    on_progress: OnProgress = no_progress,
) -> Outcome:
    """Write the shards of one writer, except for those that are already complete.

    Args:
        folder: created if it is missing.
        sampler: the sampler that the spec was made from.
        spec: spec of all shards.
        part: the shards to write, see :func:`parse_part`; by default all.
        on_progress: called with the number of bytes checked, then with the number of images drawn.

    Raises:
        UsageError: the folder is not writable, or contains other shards.
        MnistganError: the sampler finds no more images to keep.
    """
    atomic.make_folder(folder)
    manifest.check(folder, spec)
    numbers = range(1, spec.shards + 1)[part]
    kept = _complete(folder, spec, numbers, on_progress)
    missing = [number for number in numbers if number not in kept]
    if missing:
        (folder / manifest.NAME).unlink(missing_ok=True)  # it would list shards that are missing
    images, done = sum(map(spec.size, missing)), 0
    for number in missing:
        path = manifest.shard_path(folder, number)
        entry = manifest.read_entry(path, spec)
        # Another writer may have completed it by now.
        if entry is not None and atomic.sha256(path) == entry.sha256:
            kept.add(number)
        else:
            _write_shard(folder, number, sampler, spec, _shifted(on_progress, done, images))
        done += spec.size(number)
    if sampler.classes:
        # After the shards: a sampler that finds no images must leave no files.
        names = class_names.to_text(sampler.classes)
        atomic.write_text(folder / class_names.FILE, names)  # all writers write the same text
    entries = manifest.read_entries(folder, spec)
    if len(entries) == spec.shards:
        # Several writers may do this at the same time. All write the same text.
        complete = tuple(entries[number] for number in sorted(entries))
        manifest.write(folder / manifest.NAME, Manifest(recipe=spec, shards=complete))
        atomic.remove_leftovers(folder, ".npz")
    made = len(numbers) - len(kept)
    return Outcome(len(kept), made, len(entries), spec.shards, len(numbers) < spec.shards)


def _complete(folder: Path, spec: ShardSpec, numbers: range, on_progress: OnProgress) -> set[int]:
    """The complete ones among some shards: their files are read, and their checksums compared."""
    entries = manifest.read_entries(folder, spec)
    own = {number: entries[number] for number in numbers if number in entries}
    total, done = sum(entry.bytes for entry in own.values()), 0
    complete = set()
    for number, entry in own.items():
        if atomic.sha256(manifest.shard_path(folder, number)) == entry.sha256:
            complete.add(number)
        done += entry.bytes
        on_progress(Progress("checking shards", done, total, "bytes"))
    return complete


def _shifted(on_progress: OnProgress, before: int, total: int) -> OnProgress:
    """Report a shard's progress as part of all shards."""
    return lambda progress: on_progress(Progress(progress.what, before + progress.done, total))


def _write_shard(
    folder: Path, number: int, sampler: Sampler, spec: ShardSpec, on_progress: OnProgress
) -> None:
    path = manifest.shard_path(folder, number)
    # Remove the old record first: if this writer is killed, it must not declare a new shard
    # complete.
    path.with_suffix(".json").unlink(missing_ok=True)
    count, start = spec.size(number), spec.start(number)
    stream = ImageStream(sampler, count, start, on_progress)
    image_files.write_images(path, "npz", stream, count, spec.shape, classes=sampler.classes)
    versions = {"mnistgan": __version__, "torch": str(torch.__version__), "numpy": np.__version__}
    entry = ShardEntry(
        file=path.name,
        sha256=atomic.sha256(path),
        bytes=path.stat().st_size,
        count=count,
        first=start,
        last=stream.position - 1,
        threads=torch.get_num_threads(),
        versions=versions,
    )
    manifest.write(path.with_suffix(".json"), ShardRecord(recipe=spec, shard=entry))
