"""Text as other programs save it: with a byte-order mark, with line ends of any system."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from support import Invoke

from mnistgan.config import toml
from mnistgan.storage import tables
from mnistgan.text import decoded, without_folders

MARKS = {"without": b"", "with": b"\xef\xbb\xbf"}
ENDS = {"unix": "\n", "windows": "\r\n", "old mac": "\r"}


def saved(text: str, mark: str, end: str) -> bytes:
    """The bytes that an editor writes."""
    return MARKS[mark] + text.replace("\n", end).encode("utf-8")


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("mark", MARKS)
def test_any_editor(mark: str, end: str, tmp_path: Path) -> None:
    text = '# für Übungen\nname = "a"\n[train]\nepochs = 3\n'
    assert decoded(saved(text, mark, end)) == text
    path = tmp_path / "a.toml"
    path.write_bytes(saved(text, mark, end))
    assert toml.read_toml(path) == {"name": "a", "train": {"epochs": 3}}
    table = tmp_path / "metrics.csv"
    rows = f"{','.join(tables.METRICS_COLUMNS)}\n1,1,{'0.5,' * 5}7\n2,1,{'0.25,' * 5}7\n"
    table.write_bytes(saved(rows, mark, end))
    assert tables.read_metrics(table)["loss_D"].tolist() == [0.5, 0.25]
    assert tables.steps(table, tables.METRICS_COLUMNS) == {1, 2}
    index = tmp_path / "index.csv"
    index.write_bytes(saved("epoch,step,file\n1,7,a.png\n", mark, end))
    assert [one.step for one in tables.read_samples(tmp_path)] == [7]


def test_a_half_row_is_still_left_out(tmp_path: Path) -> None:
    """A kill may cut a row, even within a character."""
    (tmp_path / "index.csv").write_bytes("epoch,step,file\n1,7,a.png\n2,14,ü".encode()[:-1])
    assert [one.step for one in tables.read_samples(tmp_path)] == [7]


def test_a_config_saved_on_windows_trains(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
    text = tiny_toml.read_text()
    for number, mark in enumerate(MARKS):
        (tmp_path / "a.toml").write_bytes(saved(text, mark, "\r\n"))
        result = invoke("train", "--config", "a.toml", "--dry-run", "--output-dir", f"r{number}")
        assert result.exit_code == 0, result.output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_config_may_come_through_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.toml")
    writer = threading.Thread(target=(tmp_path / "a.toml").write_text, args=("seed = 3",))
    writer.start()
    assert toml.read_toml(tmp_path / "a.toml") == {"seed": 3}
    writer.join()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device of POSIX")
def test_a_config_without_end_is_refused(invoke: Invoke) -> None:
    result = invoke("train", "--config", "/dev/zero")
    assert result.exit_code == 2
    assert "/dev/zero: is larger than 1 MiB" in result.stderr


def test_a_continued_table_is_plain_again(tmp_path: Path) -> None:
    """What a reader that is not ours sees in a table that was continued."""
    path = tmp_path / "metrics.csv"
    head = ",".join(tables.METRICS_COLUMNS)
    path.write_bytes(saved(f"{head}\n1,1,0,0,0,0,0,7\n", "with", "\r\n"))
    tables.continue_table(path, tables.METRICS_COLUMNS, 1).close()
    assert path.read_bytes().startswith(head.encode())
    assert np.loadtxt(path, delimiter=",", skiprows=1).tolist() == [1, 1, 0, 0, 0, 0, 0, 7]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/anna/photos", ".../photos"),
        ("/home/anna/photos/", ".../photos/"),
        ("--config=/home/anna/b.toml", "--config=.../b.toml"),
        ("data.root='/home/anna smith/d'", "data.root='.../d'"),
        ("['/x/y', \"/z/w\"]", "['.../y', \".../w\"]"),
        ("mnist (/home/anna/MNIST/raw)", "mnist (.../raw)"),
        (r"C:\Users\anna\x.npz", ".../x.npz"),
        (r"\\server\anna\x.npz", ".../x.npz"),
        ("~/a/b", ".../b"),
        ("~anna/a/b", ".../b"),
        ("../../anna/x", ".../x"),
    ],
)
def test_folders_are_left_out(text: str, shown: str) -> None:
    assert without_folders(text) == shown


@pytest.mark.parametrize(
    "text", ["./a/b", "a/b/c", "https://a/b/c", "torchvision:SVHN", "1/4", "/", "--quiet", ""]
)
def test_other_text_stays(text: str) -> None:
    assert without_folders(text) == text


def test_the_account_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("USERPROFILE", "/home/anna")
    for text in ("/home/anna", "--data-root=/home/anna", "/home/anna/x", "/home/anna/x/y"):
        assert "anna" not in without_folders(text)
