"""Downloads from mirrors that are healthy, dead, slow, cut off half-way and lying."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
from pathlib import Path

import pytest
from mirror import Mirror
from published import md5

from mnistgan import catalog, datasets
from mnistgan.catalog import Archive, DataSet
from mnistgan.config import DataConfig
from mnistgan.datasets import download
from mnistgan.datasets.receiving import Patience
from mnistgan.errors import DataError, UsageError
from mnistgan.progress import Progress

HURRIED = Patience(connection=1, silence=0.4, bytes_per_second=10_000, attempts=5)
RAW = b"\x1f\x8b" + os.urandom(199_998)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A file that mirrors offer."""
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "file.gz").write_bytes(RAW)
    return Archive("file.gz", md5(RAW), len(RAW) / 1e6)


def fetch(archive: Archive, folder: Path, *addresses: str) -> Path:
    data_set = dataclasses.replace(
        catalog.DATA_SETS["mnist"], archives=(archive,), mirrors=addresses
    )
    return download.fetch(data_set, archive, folder, patience=HURRIED)


@pytest.mark.parametrize("manner", ["healthy", "no-range", "cut"])
def test_what_comes_whole_gets_its_name(
    archive: Archive, mirror: Mirror, tmp_path: Path, manner: str
) -> None:
    """A mirror that breaks off half-way is asked for the rest, and for the rest of that."""
    mirror.manner = manner
    if manner == "cut":
        mirror.manner = "healthy"
        (tmp_path / "to").mkdir()
        (tmp_path / "to" / "file.gz.part").write_bytes(RAW[: len(RAW) // 2])
    path = fetch(archive, tmp_path / "to", mirror.address)
    assert path.read_bytes() == RAW
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["file.gz"]
    if manner == "cut":
        assert mirror.asked == [("/file.gz", f"bytes={len(RAW) // 2}-")]


def test_a_mirror_that_breaks_off_is_asked_for_the_rest(
    archive: Archive, mirror: Mirror, second_mirror: Mirror, tmp_path: Path
) -> None:
    mirror.manner = "cut"
    path = fetch(archive, tmp_path, mirror.address, second_mirror.address)
    assert path.read_bytes() == RAW
    starts = [int(wanted[6:-1]) if wanted else 0 for _, wanted in mirror.asked]
    assert starts == [0, 100_000, 150_000, 175_000, 187_500]
    assert second_mirror.asked == [("/file.gz", "bytes=193750-")]


def test_what_came_is_kept_for_the_next_time(
    archive: Archive, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.manner = "cut"
    with pytest.raises(DataError, match=r"broke off 5 times.*run again to resume"):
        fetch(archive, tmp_path / "to", mirror.address)
    part = tmp_path / "to" / "file.gz.part"
    there = part.stat().st_size
    assert not (tmp_path / "to" / "file.gz").exists()
    mirror.manner, mirror.asked = "healthy", []
    fetch(archive, tmp_path / "to", mirror.address)
    assert mirror.asked == [("/file.gz", f"bytes={there}-")]
    assert not part.exists()


@pytest.mark.parametrize("manner", ["html", "silent", "404", "redirect-flood"])
def test_no_wrong_answer_costs_what_is_there(
    archive: Archive, mirror: Mirror, second_mirror: Mirror, tmp_path: Path, manner: str
) -> None:
    (tmp_path / "to").mkdir()
    part = tmp_path / "to" / "file.gz.part"
    part.write_bytes(RAW[:150_000])
    mirror.manner = manner
    fetch(archive, tmp_path / "to", mirror.address, second_mirror.address)
    assert second_mirror.asked == [("/file.gz", "bytes=150000-")]


def test_a_part_that_is_whole_already_is_not_asked_for(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(RAW)
    assert fetch(archive, tmp_path).read_bytes() == RAW


def test_a_link_in_the_parts_place_is_not_written_through(
    archive: Archive, mirror: Mirror, tmp_path: Path
) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "file.gz.part").symlink_to(tmp_path / "victim")
    path = fetch(archive, tmp_path / "to", mirror.address)
    assert path.read_bytes() == RAW
    assert not path.is_symlink()
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("left", [b"not the beginning", RAW + b"too much", b"<html>"])
def test_a_wrong_beginning_is_thrown_away(
    archive: Archive, mirror: Mirror, tmp_path: Path, left: bytes
) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "file.gz.part").write_bytes(left)
    assert fetch(archive, tmp_path / "to", mirror.address).read_bytes() == RAW


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("silent", "did not answer in time"),
        ("stalls", "did not answer in time"),
        ("trickle", "sends too slowly"),
        ("html", "sent a web page"),
        ("altered", "without the published checksum"),
        ("short", "sent 100,000 bytes without the published checksum"),
        ("endless", "did not end"),
        ("404", "answered 404"),
        ("bad-length", "without the published checksum"),
        ("bad-location", "invalid HTTP"),
        ("redirect-flood", "redirected more than 5 times"),
    ],
)
def test_what_does_not_come_whole_is_no_download(
    archive: Archive,
    mirror: Mirror,
    second_mirror: Mirror,
    tmp_path: Path,
    manner: str,
    words: str,
) -> None:
    mirror.manner = manner
    with pytest.raises(DataError, match=words) as caught:
        fetch(archive, tmp_path / "to" / "raw", mirror.address)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "to" / "raw" / "file.gz").exists()
    # The next mirror is asked, and what the first one left does no harm.
    path = fetch(archive, tmp_path / "to" / "raw", mirror.address, second_mirror.address)
    assert path.read_bytes() == RAW


def test_dead_mirrors_leave_no_folder(archive: Archive, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(DataError, match="refused the connection"):
            fetch(archive, tmp_path / "to" / "MNIST" / "raw", dead)
    assert not (tmp_path / "to" / "MNIST").exists()


def test_what_is_there_and_whole_is_not_fetched(
    archive: Archive, mirror: Mirror, tmp_path: Path
) -> None:
    shutil.copy(tmp_path / "published" / "file.gz", tmp_path / "file.gz")
    fetch(archive, tmp_path, mirror.address)
    assert mirror.asked == []


def test_a_damaged_file_is_replaced_by_the_whole_one_only(
    archive: Archive, mirror: Mirror, tmp_path: Path
) -> None:
    (tmp_path / "file.gz").write_bytes(b"damaged")
    mirror.manner = "html"
    with pytest.raises(DataError):
        fetch(archive, tmp_path, mirror.address)
    assert (tmp_path / "file.gz").read_bytes() == b"damaged"
    mirror.manner = "healthy"
    assert fetch(archive, tmp_path, mirror.address).read_bytes() == RAW


def test_a_folder_that_cannot_be_made(archive: Archive, mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"raw: cannot be created .*choose another"):
        fetch(archive, tmp_path / "file" / "raw", mirror.address)


def test_progress_counts_bytes(archive: Archive, mirror: Mirror, tmp_path: Path) -> None:
    seen: list[Progress] = []
    data_set = dataclasses.replace(catalog.DATA_SETS["mnist"], mirrors=(mirror.address,))
    download.fetch(data_set, archive, tmp_path, seen.append)
    assert {step.what for step in seen} == {"fetching file.gz"}
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (len(RAW), len(RAW), "bytes")
    assert [step.done for step in seen] == sorted(step.done for step in seen)


@pytest.fixture
def real_mnist(
    mnist_root: Path, mirror: Mirror, second_mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> DataSet:
    """The catalog's MNIST, its real archives on two mirrors of ours."""
    mirror.folder = second_mirror.folder = mnist_root / "MNIST" / "raw"
    mnist = dataclasses.replace(
        catalog.DATA_SETS["mnist"], mirrors=(mirror.address, second_mirror.address)
    )
    monkeypatch.setitem(catalog.DATA_SETS, "mnist", mnist)
    return mnist


@pytest.mark.usefixtures("real_mnist")
@pytest.mark.parametrize("manner", ["healthy", "cut", "altered", "404"])
def test_the_real_archives_are_fetched_once(
    mirror: Mirror, second_mirror: Mirror, tmp_path: Path, manner: str
) -> None:
    mirror.manner = manner
    config = DataConfig(root=str(tmp_path / "root"))
    assert len(datasets.load(config)) == 60_000
    assert {name for name, _ in mirror.asked} == {
        f"/{archive.name}" for archive in catalog.DATA_SETS["mnist"].archives
    }
    assert bool(second_mirror.asked) == (manner != "healthy")
    mirror.asked.clear()
    second_mirror.asked.clear()
    assert len(datasets.load(config, "test")) == 10_000
    assert mirror.asked == second_mirror.asked == []
