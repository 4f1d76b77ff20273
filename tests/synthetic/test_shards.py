"""Data sets in shards: one writer, several at once, and writers that are killed."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ByPixels, Invoke
from typer.testing import CliRunner

from mnistgan.cli import app
from mnistgan.errors import UsageError
from mnistgan.progress import Progress
from mnistgan.sampling import blocks as sampling
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import atomic, run_directory
from mnistgan.synthetic import image_files, manifest, shards
from mnistgan.synthetic.manifest import LabelSpec, Manifest, ShardSpec
from mnistgan.synthetic.selection import PATIENCE, ImageStream, Sampler
from mnistgan.synthetic.shards import parse_part

COUNT, SIZE = 1500, 400  # four shards that share blocks of 256


@pytest.fixture(scope="module")
def file(trained: Path) -> Path:
    return run_directory.generator_path(trained)


@pytest.fixture(scope="module")
def sampler(file: Path) -> Sampler:
    return Sampler(load_generator(file), SamplingOptions(5))


@pytest.fixture(scope="module")
def spec(sampler: Sampler, file: Path) -> ShardSpec:
    return ShardSpec.of(sampler, file, COUNT, SIZE)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / "manifest.json").read_bytes())


# Who writes what --------------------------------------------------------------------------------

LABELS = LabelSpec(
    classifier="a", sha256="b", classes=("0", "1"), min_confidence=0.5, balanced=False
)


@given(st.integers(1, 10**7), st.integers(1, 10**6), st.integers(1, 40), st.sampled_from((0, 1)))
def test_every_index_is_in_one_shard_and_every_shard_in_one_part(
    count: int, size: int, parts: int, labeled: int
) -> None:
    size = max(size, -(-count // 2000))
    spec = ShardSpec(
        count=count,
        shard_size=size,
        seed=0,
        generator="",
        shape=(1, 28, 28),
        labels=LABELS if labeled else None,
    )
    numbers = range(1, spec.shards + 1)
    sizes = [spec.size(number) for number in numbers]
    assert sum(sizes) == count
    assert min(sizes) >= 1
    per_image = PATIENCE if labeled else 1  # the most samples considered for one image
    ends = [spec.start(number) + spec.size(number) * per_image for number in numbers]
    starts = [spec.start(number) for number in numbers]
    assert starts[0] == 0
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    if not labeled:
        assert ends[:-1] == starts[1:]
    shared = [n for i in range(parts) for n in numbers[parse_part(f"{i + 1}/{parts}")]]
    assert sorted(shared) == list(numbers)


def test_parts_are_parsed() -> None:
    assert range(1, 11)[parse_part("2/4")] == range(2, 11, 4)
    assert range(1, 11)[parse_part("1/1")] == range(1, 11)
    for text in ("", "2", "0/4", "5/4", "a/b", "1/0", "-1/4", "1/2/3", "٢/4", "1/99999999999"):
        with pytest.raises(UsageError, match="--part"):
            parse_part(text)


# One writer ------------------------------------------------------------------------------------


def test_shards_are_the_samples_in_pieces(
    sampler: Sampler, spec: ShardSpec, tmp_path: Path
) -> None:
    reported: list[Progress] = []
    outcome = shards.write(tmp_path, sampler, spec, on_progress=reported.append)
    assert (outcome.made, outcome.kept, outcome.complete, outcome.shards) == (4, 0, 4, 4)
    found = read(tmp_path)
    assert found.recipe == spec
    arrays = []
    for number, entry in enumerate(found.shards, 1):
        raw = (tmp_path / entry.file).read_bytes()
        assert entry.file == f"shard-{number:05d}.npz"
        assert (entry.sha256, entry.bytes) == (hashlib.sha256(raw).hexdigest(), len(raw))
        with np.load(tmp_path / entry.file, allow_pickle=False) as arrays_in_file:
            assert list(arrays_in_file) == ["images"]
            arrays.append(arrays_in_file["images"])
        assert entry.count == len(arrays[-1])
    assert [(e.first, e.last) for e in found.shards] == [
        (0, 399),
        (400, 799),
        (800, 1199),
        (1200, 1499),
    ]
    every = sampling.sample(sampler.generator, COUNT, sampler.options.seed)
    np.testing.assert_array_equal(np.concatenate(arrays), every[:, 0])
    assert [(one.done, one.total) for one in reported][-1] == (COUNT, COUNT)


def test_labeled_shards_share_no_samples(sampler: Sampler, file: Path, tmp_path: Path) -> None:
    labeled = replace(sampler, labeler=ByPixels.make(), min_confidence=0.5, balanced=True)
    spec = ShardSpec.of(labeled, file, 500, 200)
    shards.write(tmp_path, labeled, spec)
    entries = read(tmp_path).shards
    assert [entry.count for entry in entries] == [200, 200, 100]
    assert all(one.last < other.first for one, other in itertools.pairwise(entries))
    for number, entry in enumerate(entries, 1):
        with np.load(tmp_path / entry.file, allow_pickle=False) as arrays:
            assert np.bincount(arrays["labels"]).tolist() == [entry.count // 10] * 10
            drawn = ImageStream(labeled, entry.count, spec.start(number))
            np.testing.assert_array_equal(
                arrays["images"], np.concatenate([images[:, 0] for images, _ in drawn])
            )
        assert entry.last == drawn.position - 1


# Going on --------------------------------------------------------------------------------------


def test_complete_shards_are_kept_and_others_written_again(
    sampler: Sampler, spec: ShardSpec, tmp_path: Path
) -> None:
    shards.write(tmp_path, sampler, spec)
    before = contents(tmp_path)
    kept = (tmp_path / "shard-00003.npz").stat().st_ino
    with (tmp_path / "shard-00001.npz").open("r+b") as stream:
        stream.seek(500)
        stream.write(b"!")  # of the same size
    (tmp_path / "shard-00002.npz").unlink()
    (tmp_path / "shard-00004.json").write_text("[" * 100_000)
    outcome = shards.write(tmp_path, sampler, spec)
    assert (outcome.kept, outcome.made) == (1, 3)
    assert (tmp_path / "shard-00003.npz").stat().st_ino == kept
    assert contents(tmp_path) == before
    assert shards.write(tmp_path, sampler, spec).kept == 4


def test_a_renamed_shard_does_not_count(sampler: Sampler, spec: ShardSpec, tmp_path: Path) -> None:
    shards.write(tmp_path, sampler, spec)
    before = contents(tmp_path)
    for suffix in (".npz", ".json"):
        shutil.copy(tmp_path / f"shard-00001{suffix}", tmp_path / f"shard-00002{suffix}")
    assert shards.write(tmp_path, sampler, spec).made == 1
    assert contents(tmp_path) == before


def test_folders_of_several_machines_are_copied_into_one(
    sampler: Sampler, spec: ShardSpec, tmp_path: Path
) -> None:
    for number in (1, 2):
        outcome = shards.write(tmp_path / str(number), sampler, spec, parse_part(f"{number}/2"))
        assert (outcome.made, outcome.complete) == (2, 2)
        assert "2 missing (in other parts)" in str(outcome)
        assert not (tmp_path / str(number) / "manifest.json").exists()
        shutil.copytree(tmp_path / str(number), tmp_path / "all", dirs_exist_ok=True)
    outcome = shards.write(tmp_path / "all", sampler, spec)
    assert (outcome.made, outcome.kept) == (0, 4)
    shards.write(tmp_path / "one", sampler, spec)
    assert contents(tmp_path / "all") == contents(tmp_path / "one")


def test_shards_that_another_writer_completes_meanwhile_are_kept(
    sampler: Sampler, spec: ShardSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images = image_files.write_images
    inodes: dict[str, int] = {}

    def other_writer_first(path: Path, *arguments: Any, **keys: Any) -> None:
        monkeypatch.setattr(image_files, "write_images", write_images)
        assert shards.write(tmp_path, sampler, spec).made == 4
        inodes.update((one.name, one.stat().st_ino) for one in tmp_path.iterdir())
        write_images(path, *arguments, **keys)

    monkeypatch.setattr(image_files, "write_images", other_writer_first)
    reported: list[Progress] = []
    outcome = shards.write(tmp_path, sampler, spec, on_progress=reported.append)
    assert str(outcome) == "shards: 1 written, 3 kept, all complete"
    for number in (2, 3, 4):
        for suffix in ("json", "npz"):
            name = f"shard-{number:05d}.{suffix}"
            assert (tmp_path / name).stat().st_ino == inodes[name]
    shards.write(tmp_path / "one", sampler, spec)
    alone = contents(tmp_path / "one")
    shutil.rmtree(tmp_path / "one")
    assert contents(tmp_path) == alone


def test_other_parts_are_named_only_where_there_are_some(
    sampler: Sampler, spec: ShardSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_entries = manifest.read_entries

    def without_the_last(folder: Path, spec: ShardSpec) -> dict[int, manifest.ShardEntry]:
        found = read_entries(folder, spec)
        return {number: entry for number, entry in found.items() if number != spec.shards}

    monkeypatch.setattr(manifest, "read_entries", without_the_last)
    assert str(shards.write(tmp_path / "a", sampler, spec)).endswith("written, 0 kept, 1 missing")
    outcome = shards.write(tmp_path / "b", sampler, spec, parse_part("1/2"))
    assert str(outcome) == "shards: 2 written, 0 kept, 2 missing (in other parts)"


def test_what_another_spec_made_is_refused(
    sampler: Sampler, spec: ShardSpec, file: Path, tmp_path: Path
) -> None:
    shards.write(tmp_path, sampler, spec, parse_part("1/2"))
    before = contents(tmp_path)
    labeled = ShardSpec.of(replace(sampler, labeler=ByPixels.make()), file, COUNT, SIZE)
    others = {
        "-n 1500, not 1600": spec.model_copy(update={"count": 1600}),
        "--shard-size 400, not 300": spec.model_copy(update={"shard_size": 300}),
        "--seed 5, not 6": spec.model_copy(update={"seed": 6}),
        "another generator": spec.model_copy(update={"generator": "0" * 64}),
        "other labels": labeled,
    }
    for words, other in others.items():
        with pytest.raises(UsageError, match=words):
            shards.write(tmp_path, sampler, other, parse_part("2/2"))
        assert contents(tmp_path) == before
    shards.write(tmp_path, sampler, spec)
    for path in tmp_path.glob("shard-*"):
        path.unlink()
    with pytest.raises(UsageError, match="--seed 5, not 6"):  # as its manifest says
        shards.write(tmp_path, sampler, others["--seed 5, not 6"])


def test_a_manifest_of_another_program_is_left_alone(
    sampler: Sampler, spec: ShardSpec, tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "my web page"}')
    with pytest.raises(UsageError, match="is not a manifest of mnistgan"):
        shards.write(tmp_path, sampler, spec)
    assert list(contents(tmp_path)) == ["manifest.json"]


def test_too_many_shards() -> None:
    manifest.check_size(100_000, 10)
    with pytest.raises(UsageError, match="more than 10,000 shards of 10; choose a larger"):
        manifest.check_size(100_001, 10)


def test_a_folder_that_cannot_be_made(sampler: Sampler, spec: ShardSpec, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be created"):
        shards.write(tmp_path / "file", sampler, spec)


# Several processes -----------------------------------------------------------------------------

DEATHS = {
    "before anything": (("sampling.blocks", "block", 1), 0),
    "in the middle of the second shard": (("sampling.blocks", "block", 4), 1),
    "after the third shard": (("storage.atomic", "sha256", 4), 2),  # call 1 is of the generator
    "at the third record": (("synthetic.manifest", "write", 3), 2),
    "when all are complete and nothing says so": (("synthetic.manifest", "write", 5), 4),
}
"""The module, the function and its call at which a writer dies; the shards that are whole then."""

# Every writer is forked from one process, which imports torch once.
DYING = """
import importlib, json, os, signal, sys

from mnistgan.cli import app
import mnistgan.synthetic.samples

deaths, arguments = json.loads(sys.argv[1]), sys.argv[2:]

def die(name, function, call, out):
    home = importlib.import_module(f"mnistgan.{name}")
    real, calls = getattr(home, function), 0

    def dying(*arguments, **keys):
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **keys)

    setattr(home, function, dying)
    app([*arguments, "--out", out])

for *death, out in deaths:
    child = os.fork()
    if not child:
        try:
            die(*death, out)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, (out, status)
"""


def arguments(file: Path, *more: str) -> list[str]:
    options = ["--format", "shards", "--shard-size", str(SIZE), "--seed", "5", "--threads", "1"]
    return ["sample", "--ckpt", str(file), "-n", str(COUNT), *options, *more]


@pytest.fixture(scope="module")
def by_one(file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a single process writes."""
    folder = tmp_path_factory.mktemp("one") / "shards"
    result = CliRunner().invoke(app, arguments(file, "--out", str(folder)))
    assert result.exit_code == 0, result.output
    return contents(folder)


@pytest.mark.slow
def test_two_processes_at_once_write_the_same_as_one(
    file: Path, by_one: dict[str, bytes], tmp_path: Path
) -> None:
    out = ["--out", str(tmp_path / "both")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "mnistgan", *arguments(file, *out, "--part", part)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for part in ("1/2", "2/2")
    ]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert all("shards: 2 written, 0 kept" in errors for _, errors in said)
    assert any("all complete" in errors for _, errors in said)
    assert contents(tmp_path / "both") == by_one


@pytest.mark.slow
def test_two_writers_without_a_part_of_their_own(
    file: Path, by_one: dict[str, bytes], tmp_path: Path
) -> None:
    """One completes the data set while the other has a shard half written."""
    folder = tmp_path / "both"
    folder.mkdir()
    with atomic.atomic_path(folder / "shard-00002.npz") as temporary:
        temporary.write_bytes(b"half of it")
        command = [sys.executable, "-m", "mnistgan", *arguments(file, "--out", str(folder))]
        subprocess.run(command, check=True, capture_output=True)
        temporary.write_bytes(by_one["shard-00002.npz"])
    assert contents(folder) == by_one


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["manifest.json", "shard-00001.json"])
def test_a_pipe_is_not_waited_for(
    sampler: Sampler, spec: ShardSpec, tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    if name == "manifest.json":
        with pytest.raises(UsageError, match="is not a manifest"):
            shards.write(tmp_path, sampler, spec)
    else:
        assert shards.write(tmp_path, sampler, spec).made == spec.shards


@pytest.fixture(scope="module")
def killed(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What killed writers left: a folder named after each of :data:`DEATHS`."""
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    folder = tmp_path_factory.mktemp("killed")
    deaths = [[*at, str(folder / when)] for when, (at, _) in DEATHS.items()]
    command = [sys.executable, "-c", DYING, json.dumps(deaths), *arguments(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("when", DEATHS)
def test_a_killed_writer_is_resumed(
    invoke: Invoke, file: Path, by_one: dict[str, bytes], killed: Path, when: str
) -> None:
    _, whole = DEATHS[when]
    assert not (killed / when / "manifest.json").exists()
    again = invoke(*arguments(file, "--out", str(killed / when)))
    assert again.exit_code == 0, again.output
    assert f"shards: {4 - whole} written, {whole} kept, all complete" in again.stderr
    assert contents(killed / when) == by_one  # and nothing else


def test_the_manifest_reads_as_json(by_one: dict[str, bytes]) -> None:
    found = json.loads(by_one["manifest.json"])
    assert found["recipe"]["seed"] == 5
    assert set(found["shards"][0]) == {
        "file",
        "sha256",
        "bytes",
        "count",
        "first",
        "last",
        "threads",
        "versions",
    }
    assert set(found["shards"][0]["versions"]) == {"mnistgan", "torch", "numpy"}
    assert manifest.NAME == "manifest.json"
