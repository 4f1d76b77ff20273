"""Files of strangers: each is refused in one sentence, by whichever command it is given to.

Nothing in them is run, nothing is written but what was named, and no memory is taken that they do
not fill. What a single reader refuses is tested beside it: test_checkpoint.py, test_tables.py,
datasets/.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from faults import Nursery, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Invoke

from mnistgan.errors import FileFormatError, UsageError
from mnistgan.evaluation import figures as measured
from mnistgan.rendering import grids
from mnistgan.storage import checkpoint, tables, tensor_zip
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.storage.tables import EVALUATIONS_COLUMNS, FIGURES, METRICS_COLUMNS

MiB = 2**20


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> RunDirectory:
    """A run of a stranger's, to be spoilt."""
    shutil.copytree(trained, tmp_path / "run")
    return RunDirectory(tmp_path / "run")


@pytest.fixture(scope="module")
def nursery(cache_folder: Path) -> Iterator[Nursery]:
    if sys.platform != "linux":
        pytest.skip("the limit on memory is Linux's")
    with Nursery(cache_folder) as ready:
        yield ready


def one_sentence(invoke: Invoke, *arguments: object) -> str:
    """What the command says when it refuses."""
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("mnistgan: error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert len(result.stderr) < 2500
    assert "this is a bug" not in result.stderr
    assert result.stdout == ""
    return result.stderr


# Generator files and checkpoints ---------------------------------------------------------------


class Payload:
    """Makes a file when a careless reader unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


Content = dict[str, Any]


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def weighted(good: Content, weight: Any) -> bytes:
    """With another first weight."""
    average = {**good["state"]["average"], "0.weight": weight}
    return saved({**good, "state": {**good["state"], "average": average}})


def wide(good: Content, widths: list[int]) -> bytes:
    """With other widths in its config."""
    config = json.loads(json.dumps(good["config"]))
    config["model"]["generator"]["widths"] = widths
    return saved({**good, "config": config})


def rezipped(raw: bytes, change: Callable[[str, bytes], tuple[str, bytes]], kind: int) -> bytes:
    """The zip archive with its members changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(buffer, "w", kind) as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))
    return buffer.getvalue()


def renamed(good: Content) -> bytes:
    return rezipped(saved(good), lambda name, raw: (f"../ran/{name}", raw), zipfile.ZIP_STORED)


def bomb(good: Content) -> bytes:
    def blow_up(name: str, raw: bytes) -> tuple[str, bytes]:
        return name, raw.ljust(300 * MiB, b"\0") if name.endswith("data/0") else raw

    return rezipped(saved(good), blow_up, zipfile.ZIP_DEFLATED)


def with_number(raw: bytes, old: int, new: int) -> bytes:
    """The archive with a number in its pickle changed for one that the tensors do not bear out."""

    def change(name: str, member: bytes) -> tuple[str, bytes]:
        if not name.endswith("data.pkl"):
            return name, member
        before, after = (pickle.dumps(number, 2)[2:-1] for number in (old, new))
        assert before in member
        return name, member.replace(before, after)

    return rezipped(raw, change, zipfile.ZIP_STORED)


def nested(depth: int) -> Content:
    table: Content = {}
    for _ in range(depth):
        table = {"a": table}
    return table


ARCHIVES: dict[str, Callable[[Content, Path], bytes]] = {
    "a payload": lambda good, mark: saved(Payload(mark)),
    "a payload among the versions": lambda good, mark: saved(good | {"versions": Payload(mark)}),
    "a payload among the weights": lambda good, mark: weighted(good, Payload(mark)),
    "names that lead out of the archive": lambda good, mark: renamed(good),
    "a bomb": lambda good, mark: bomb(good),
    "sparse": lambda good, mark: weighted(good, torch.zeros(2**20, 64).to_sparse()),
    "quantised": lambda good, mark: weighted(
        good, torch._empty_affine_quantized([16, 8], scale=1.0, zero_point=0, dtype=torch.qint8)
    ),
    "without numbers": lambda good, mark: weighted(good, torch.empty(2**30, device="meta")),
    "one number as wide as the sea": lambda good, mark: weighted(
        good, torch.zeros(1).expand(2**20, 2**20)
    ),
    "one storage in many tensors": lambda good, mark: weighted(
        good, dict.fromkeys(map(str, range(5000)), torch.zeros(65_536))
    ),
    "a storage larger than the file": lambda good, mark: with_number(
        weighted(good, torch.arange(31_337.0)), 31_337, 2**31 - 1
    ),
    "a tensor beyond its storage": lambda good, mark: with_number(
        weighted(good, torch.arange(31_337.0 + 128)[31_337:]), 31_337, 65_000
    ),
    "no numbers": lambda good, mark: weighted(good, torch.full((16, 8), torch.nan)),
    "absurd widths": lambda good, mark: wide(good, [10**9]),
    "absurdly many widths": lambda good, mark: wide(good, [1] * 10_000),
    "the widest of configs": lambda good, mark: wide(good, [65_536] * 64),
    "a deep config": lambda good, mark: saved(good | {"config": nested(300)}),
}


@pytest.mark.filterwarnings("ignore")  # of torch, about making such tensors
@pytest.mark.parametrize("name", ARCHIVES)
def test_generator_files(name: str, nursery: Nursery, trained: Path, tmp_path: Path) -> None:
    """Under a right seal, by commands that have a quarter of a gigabyte to do it in."""
    good = torch.load(trained / "g.pt", weights_only=True)
    path, mark = tmp_path / "g.pt", tmp_path / "ran"
    path.write_bytes(tensor_zip.seal(ARCHIVES[name](good, mark)))
    out = tmp_path / "out"
    commands: list[tuple[object, ...]] = [
        ("sample", "--ckpt", path, "-n", 1, "--out", out.with_suffix(".png")),
        ("export", "--ckpt", path, "--out", out.with_suffix(".onnx")),
        ("animate", "--ckpt", path, "--out", out.with_suffix(".gif")),
        ("evaluate", "--ckpt", path, "--out", out),
    ]
    if name != "the widest of configs":  # which has no mistake but that the weights are others
        commands.append(("info", path))
    for command in commands:
        outcome = nursery(tmp_path, *command, memory=256 * MiB)
        assert str(path) in refusal(outcome)
        assert (outcome.code, outcome.stderr.count("\n")) == (2, 1), outcome.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_files_without_a_seal(invoke: Invoke, tmp_path: Path) -> None:
    path, mark = tmp_path / "g.pt", tmp_path / "ran"
    for raw in (saved(Payload(mark)), pickle.dumps(Payload(mark))):
        path.write_bytes(raw)
        for command in (("info",), ("sample", "-n", 1, "--ckpt"), ("export", "--ckpt")):
            assert "is not an mnistgan file" in one_sentence(invoke, *command, path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_kind_is_not_read_whole(nursery: Nursery, tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with path.open("wb") as file:
        file.truncate(2**40)  # holes take no room
    assert "is not an mnistgan file" in refusal(nursery(tmp_path, "info", path, memory=256 * MiB))


def test_a_checkpoint_that_is_passed_over(run: RunDirectory, invoke: Invoke) -> None:
    """A payload in the newest checkpoint's place: it does not run, and the one before is used."""
    newest, mark = run.checkpoint_files()[0], run.path / "ran"
    newest.write_bytes(tensor_zip.seal(saved(Payload(mark))))
    result = invoke("train", "--resume", run.path)
    assert result.exit_code == 0
    assert f"{newest.name}: is not an mnistgan file" in result.stderr
    assert not mark.exists()


@settings(max_examples=200)
@given(st.data())
def test_altered_archives_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, trained: Path, data: st.DataObject
) -> None:
    """Under a right seal, so that the readers themselves meet every byte."""
    whole = (trained / "g.pt").read_bytes()
    comment = len(zipfile.ZipFile(io.BytesIO(whole)).comment)
    raw = bytearray(whole[: -comment - 2] + b"\0\0")
    assert tensor_zip.seal(bytes(raw)) == whole
    interesting = [*range(2500), *range(len(raw) - 2500, len(raw))]  # pickle and directory
    for place in data.draw(st.lists(st.sampled_from(interesting), min_size=1, max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "resealed.pt"
    path.write_bytes(tensor_zip.seal(bytes(raw)))
    with contextlib.suppress(FileFormatError):
        checkpoint.read_file(path)


# Configs ---------------------------------------------------------------------------------------

DEEP = 10_000
TOMLS = {
    "arrays": f"x = {'[' * DEEP}{']' * DEEP}",
    "tables": f"x = {'{a=' * DEEP}1{'}' * DEEP}",
    "a dotted key": f"a{'.a' * DEEP} = 1",
    "a header": f"[outputs.metrics{'.a' * DEEP}]",
    "as deep as a reader lets through": f"[outputs.metrics{'.a' * 350}]",
    "deep in place of a word": f"[train.loss{'.a' * 350}]",
    "many widths": f"[model.generator]\nwidths = [{'1,' * DEEP}]",
    "a long word": f"[train]\nloss = '{'x' * 10**6}'",
    "a long key": f"{'x' * 10**6} = 1",
    "a long number": f"seed = {'9' * 4000}",
    "no text": "\0\x1b[2J",
}


@pytest.mark.parametrize("name", TOMLS)
def test_configs(name: str, run: RunDirectory, invoke: Invoke, tmp_path: Path) -> None:
    run.config_file.write_text(TOMLS[name])
    before = sorted(tmp_path.rglob("*"))
    for command in (
        ("train", "--config", run.config_file, "--output-dir", "new"),
        ("train", "--resume", run.path),
        ("info", run.path),
        ("plot", run.path, "--out", "new.png"),
        ("animate", run.path, "--out", "new.gif"),
    ):
        assert "config.toml: " in one_sentence(invoke, *command)
    assert sorted(tmp_path.rglob("*")) == before


def test_mistakes_without_end_are_counted(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("\n".join(f"k{n} = 1" for n in range(DEEP)))
    result = invoke("train", "--config", "a.toml")
    assert result.exit_code == 2
    assert "a.toml has 10000 mistakes:" in result.stderr
    assert result.stderr.endswith("... and 9950 more\n")


# Tables and figures ----------------------------------------------------------------------------


def metrics(*cells: str) -> bytes:
    rows = [",".join(METRICS_COLUMNS), *(f"{cell},1,{','.join([cell] * 6)}" for cell in cells)]
    return "\n".join([*rows, ""]).encode()


def evaluations(cell: str, count: str = "100") -> bytes:
    row = f"1,{cell},{count}" + f",{cell}" * len(FIGURES)
    return f"{','.join(EVALUATIONS_COLUMNS)}\n{row}\n".encode()


def figures(**parts: Any) -> bytes:
    return json.dumps({"n": 1, "figures": {}, "classifier": {"name": "a"}} | parts).encode()


JUNK = np.random.default_rng(0).bytes(5000)
TABLES: list[tuple[str, bytes]] = [
    *(("metrics.csv", metrics("1", cell)) for cell in ("1e308", "-1e308", "1e999", "nan", "x")),
    ("metrics.csv", JUNK),
    ("metrics.csv", metrics() + JUNK + b"\n"),
    ("metrics.csv", metrics() + b'"' + b"x" * MiB + b"\n"),
    ("metrics.csv", metrics() + b"1," * MiB + b"\n"),
    *(("evaluations.csv", evaluations(cell)) for cell in ("1e308", "-1e308", "nan", "x")),
    ("evaluations.csv", evaluations("1", "nan")),
    ("evaluations.csv", JUNK),
    ("evaluation/figures.json", JUNK),
    ("evaluation/figures.json", b"[" * MiB),
    ("evaluation/figures.json", figures(figures="x")),
    ("evaluation/figures.json", figures(figures={"missing": 3})),
    ("evaluation/figures.json", figures(figures={"precision": 10**400})),
    ("evaluation/figures.json", figures(classifier=[])),
    ("evaluation/figures.json", figures(n=[])),
]


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_tables(number: int, run: RunDirectory, invoke: Invoke, tmp_path: Path) -> None:
    name, raw = TABLES[number]
    (run.path / name).parent.mkdir(exist_ok=True)
    (run.path / name).write_bytes(raw)
    assert Path(name).name in one_sentence(invoke, "compare", run.path, "--out", "new")
    if name.endswith(".csv"):
        assert name in one_sentence(invoke, "plot", run.path, "--out", "new.png")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_figures_without_a_value_are_shown(run: RunDirectory, invoke: Invoke) -> None:
    """A measure may be infinite, and a run may be too bad for a logarithm."""
    run.evaluations_file.write_bytes(evaluations("0").replace(b",0", b",14", 1))
    result = invoke("compare", run.path, "--out", "new")
    assert result.exit_code == 0, result.output
    run.figures_file.parent.mkdir()
    hostile = {"name": "\x1b[2J[/x]"}
    greatest = {"precision": 1e308, "recall": float("inf"), "density": float("nan")}
    run.figures_file.write_bytes(figures(figures=greatest, classifier=hostile))
    result = invoke("compare", run.path, run.path, "--out", "new")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output


ENVIRONMENTS = [
    JUNK,
    b"[]",
    b"[" * MiB,
    b'{"a":' * 700 + b"1" + b"}" * 700,
    b'{"resumed": [' + b"[" * 700 + b"]" * 700 + b'], "started": {"a": 1}}',
    b'{"started": "\\u001b[2J\\ud800", "\\ud800": 1, "resumed": 3}',
]


@pytest.mark.parametrize("number", range(len(ENVIRONMENTS)))
def test_environments(number: int, run: RunDirectory, invoke: Invoke) -> None:
    """They tell of a run, and decide nothing: what is strange in them is left out."""
    run.environment_file.write_bytes(ENVIRONMENTS[number])
    for command in (("info", run.path), ("info", run.path, "--json"), ("train", "--resume", "run")):
        result = invoke(*command)
        assert (result.exit_code, result.exception) == (0, None), result.output
        assert "\x1b" not in result.output


@given(st.binary(max_size=200))
def test_any_index_of_samples(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "index.csv").write_bytes(b"epoch,step,file\n" + raw + b"\n")
    with contextlib.suppress(UsageError):
        assert all(grid.file.parent == folder for grid in tables.read_samples(folder))


@given(st.binary(max_size=200))
def test_any_evaluations(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "evaluations.csv"
    path.write_bytes(evaluations("1") + raw + b"\n")
    with contextlib.suppress(UsageError):
        tables.read_evaluations(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries(dict.fromkeys(("n", "classifier", "figures"), json_values)))
def test_any_figures(tmp_path_factory: pytest.TempPathFactory, content: Content) -> None:
    path = tmp_path_factory.getbasetemp() / "figures.json"
    path.write_text(json.dumps(content))
    with contextlib.suppress(UsageError):
        measured.read(path)


@given(json_values)
def test_any_environment(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    run = RunDirectory(tmp_path_factory.getbasetemp())
    run.environment_file.write_text(json.dumps(content))
    json.dumps(run.read_environment(), indent=2)


# Images ----------------------------------------------------------------------------------------


def huge_png() -> bytes:
    """A header that announces 100,000 x 100,000 pixels, in a file of a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + sum_

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bomb_npz() -> bytes:
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (400_000, 28, 28)}
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as member,
    ):
        np.lib.format.write_array_header_2_0(member, header)
        for _ in range(300):
            member.write(bytes(MiB))
    return buffer.getvalue()


IMAGES: dict[str, tuple[str, bytes]] = {
    "an IDX header of 2^31 images": (
        "my-images-idx3-ubyte",
        struct.pack(">HBB3I", 0, 8, 3, 2**31, 28, 28) + bytes(784),
    ),
    "a bomb": ("images.npz", bomb_npz()),
    "a payload": ("images.npz", pickle.dumps(Payload(Path("ran")))),
    "a huge picture": ("pictures/a.png", huge_png()),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images(name: str, nursery: Nursery, tiny_toml: Path, tmp_path: Path) -> None:
    place, raw = IMAGES[name]
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    data = path.parent if path.suffix == ".png" else path
    before = sorted(tmp_path.rglob("*"))
    out = tmp_path / "out"
    commands: list[tuple[object, ...]] = [
        ("train", "--config", tiny_toml, "--data", data, "--output-dir", out)
    ]
    if "idx" not in place:
        commands.append(("evaluate", "--images", data, "--data", "digits", "--out", out))
    for command in commands:
        outcome = nursery(tmp_path, *command, memory=256 * MiB)
        assert data.name in refusal(outcome)
        assert outcome.code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_huge_picture_among_a_runs(run: RunDirectory, invoke: Invoke, trained: Path) -> None:
    (run.samples / "epoch_001.png").write_bytes(huge_png())
    assert "epoch_001.png" in one_sentence(invoke, "animate", run.path)
    result = invoke("compare", run.path, trained, "--out", "new")
    assert result.exit_code == 2
    assert "epoch_001.png: cannot be read as a PNG" in result.stderr


@settings(max_examples=50)
@given(st.data())
def test_altered_pictures(
    tmp_path_factory: pytest.TempPathFactory, trained: Path, data: st.DataObject
) -> None:
    raw = bytearray((trained / "samples" / "epoch_001.png").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "altered.png"
    path.write_bytes(raw)
    with contextlib.suppress(UsageError):
        grids.read_png(path)


# Links -----------------------------------------------------------------------------------------


def test_a_lock_that_is_a_link(run: RunDirectory, invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    run.lock_file.unlink(missing_ok=True)
    run.lock_file.symlink_to(tmp_path / "precious")
    assert "is a link" in one_sentence(invoke, "train", "--resume", run.path)
    assert (tmp_path / "precious").read_text() == "mine"


def test_an_evaluation_that_is_a_link(run: RunDirectory, invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (run.path / "evaluation").symlink_to(tmp_path / "elsewhere")
    assert "is a link" in one_sentence(invoke, "evaluate", run.path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("curves.png", ("plot", "run")),
        ("training.gif", ("animate", "run")),
        ("metrics.csv", ("train", "--resume", "run", "--epochs", 3)),
        ("g.pt", ("train", "--resume", "run", "--epochs", 3)),
    ],
)
def test_files_that_are_links_are_replaced(
    run: RunDirectory, invoke: Invoke, tmp_path: Path, name: str, command: tuple[object, ...]
) -> None:
    (tmp_path / "precious").write_text("mine")
    (run.path / name).unlink()
    (run.path / name).symlink_to(tmp_path / "precious")
    assert invoke(*command).exit_code == 0
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (run.path / name).is_symlink()
