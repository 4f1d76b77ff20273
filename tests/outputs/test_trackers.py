"""The outputs for experiment trackers, read back with each tracker's own library."""

from __future__ import annotations

import csv
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import Invoke, StopAfter, Tiny

import mnistgan
from mnistgan import datasets, plugins
from mnistgan.config import RunConfig
from mnistgan.events import EpochEnded, Evaluated, Event, Warned
from mnistgan.outputs.registry import OutputPlugin
from mnistgan.outputs.tracking import row_scalars
from mnistgan.rendering.grids import Picture, read_png
from mnistgan.runs import plan
from mnistgan.runs.run import Run
from mnistgan.storage import tables
from mnistgan.training.trainer import Trainer

pytestmark = pytest.mark.slow  # trains many runs

CURVES = {
    "loss/D": "loss_D",
    "loss/G": "loss_G",
    "scores/D(x)": "D(x)",
    "scores/D(G(z1))": "D(G(z1))",
    "scores/D(G(z2))": "D(G(z2))",
    "speed/images per second": "images/s",
}


FIGURES = {name: float(number) for number, name in enumerate(tables.FIGURES)}


def measure_with(name: str, config: RunConfig, directory: Path) -> None:
    """Pass a run in which each epoch is measured to one output."""
    plugin = plugins.find(OutputPlugin, name)
    output = plugin.output(directory, plugin.output.Options())
    for event in Trainer(config, datasets.load(config.data)):
        output.handle(event)
        if isinstance(event, EpochEnded):
            measured_with = "a-classifier, n=100"
            output.handle(Evaluated(event.epoch, event.step, 100, measured_with, FIGURES, True))


def test_the_scores_of_a_critic_have_their_own_names() -> None:
    row = dict.fromkeys(tables.METRICS_COLUMNS, 0.5)
    names = row_scalars(row, "critic")
    assert {"scores/critic(x)", "scores/critic(G(z1))", "scores/critic(G(z2))"} <= set(names)


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_without_the_library(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    result = invoke("train", "--set", f"outputs.{name}.every=2", "--set", "train.epochs=0")
    assert result.exit_code == 2
    assert f'pip install "mnistgan[{name}]"' in result.stderr
    assert "train.epochs" in result.stderr, "along with the other mistakes"
    assert list(tmp_path.iterdir()) == []
    assert "every = " in invoke("outputs", name).stdout, "its options can be read all the same"


def test_a_folder_of_that_name_is_not_a_library(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_such_tracker").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("mnistgan.outputs.wandb.WandB.libraries", {"no_such_tracker": "it"})
    result = invoke("train", "--set", "outputs.wandb.every=2")
    assert "needs no_such_tracker, which is not installed" in result.stderr


# TensorBoard -----------------------------------------------------------------------------------


class TensorBoardLog:
    """A run directory as TensorBoard reads it."""

    def __init__(self, run: Path) -> None:
        accumulator = pytest.importorskip(
            "tensorboard.backend.event_processing.event_accumulator", reason="the extra tensorboard"
        )
        everything = dict.fromkeys(("scalars", "images", "tensors"), 0)
        self.events = accumulator.EventAccumulator(str(run / "tensorboard"), everything)
        self.events.Reload()

    def curve(self, name: str) -> dict[int, float]:
        """Step -> value; fails if a step was logged twice."""
        points = [(point.step, point.value) for point in self.events.Scalars(name)]
        assert len(dict(points)) == len(points)
        return dict(points)

    def pictures(self, name: str) -> dict[int, Picture]:
        return {
            event.step: np.asarray(Image.open(BytesIO(event.encoded_image_string)))
            for event in self.events.Images(name)
        }

    def texts(self, name: str) -> list[str]:
        tensors = self.events.Tensors(f"{name}/text_summary")
        return [event.tensor_proto.string_val[0].decode() for event in tensors]


def assert_tensorboard_has_all(run: Path) -> None:
    """Check that every row of the tables and every grid was logged once."""
    logged, metrics = TensorBoardLog(run), tables.read_metrics(run / "metrics.csv")
    for name, column in CURVES.items():
        curve = logged.curve(name)
        assert list(curve) == metrics["step"].tolist()
        assert list(curve.values()) == pytest.approx(metrics[column].tolist())
    grids = logged.pictures("samples")
    samples = tables.read_samples(run / "samples")
    assert list(grids) == [sample.step for sample in samples]
    for sample in samples:
        assert np.array_equal(grids[sample.step], read_png(sample.file))


def test_tensorboard_reads_curves_grids_and_the_config(tiny: Tiny, tmp_path: Path) -> None:
    config = tiny(("outputs.tensorboard", {}))
    run = mnistgan.train(config, tmp_path / "run")
    assert_tensorboard_has_all(run)
    logged = TensorBoardLog(run)
    real = read_png(run / "samples" / "real.png")
    assert np.array_equal(logged.pictures("real")[1], real)
    assert (run / "config.toml").read_text() in logged.texts("config")[0]
    plugin = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")
    content = logged.events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    settings = plugin.HParamsPluginData.FromString(content).session_start_info.hparams
    assert settings["train.lr_g"].number_value == config.train.lr_g
    assert settings["data.name"].string_value == "digits"


def test_tensorboard_after_a_stop(tiny: Tiny, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    config = tiny(("outputs.tensorboard", {}), ("train.epochs", 3))
    mnistgan.train(config, tmp_path / "run", stop=StopAfter(10))
    list(Run(plan.plan_resume(tmp_path / "run", None)))
    assert_tensorboard_has_all(tmp_path / "run")


def test_tensorboard_after_a_kill(tiny: Tiny, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    config = tiny(("outputs.tensorboard", {}), ("train.epochs", 3))
    run = mnistgan.train(config, tmp_path / "run")
    # Without the last two checkpoints, steps that were logged are trained again.
    for step in (14, 21):
        (run / "checkpoints" / f"step-{step:08d}.pt").unlink()
    list(Run(plan.plan_resume(run, None)))
    assert len(list((run / "tensorboard").iterdir())) == 2
    assert_tensorboard_has_all(run)


def test_tensorboard_every_so_many_steps(tiny: Tiny, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = mnistgan.train(tiny(("outputs.tensorboard.every", 5)), tmp_path / "run")
    assert list(TensorBoardLog(run).curve("loss/D")) == [5, 10]


def test_tensorboard_measures(tiny: Tiny, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    measure_with("tensorboard", tiny(), tmp_path)
    logged = TensorBoardLog(tmp_path)
    for name, value in FIGURES.items():
        assert logged.curve(f"measures/{name}") == {7: value, 14: value}
    assert logged.texts("measured with") == ["a-classifier, n=100"] * 2


# Weights & Biases ------------------------------------------------------------------------------


class WandBRecord:
    """The records in a run's .wandb file, parsed with the library's own messages.

    The file is a LevelDB log: blocks of 32 KiB, with records in one piece or in a first, middle and
    last one. wandb's own reader is in its compiled part.
    """

    def __init__(self, run: Path) -> None:
        (file,) = (run / "wandb").glob("offline-run-*/*.wandb")
        self.folder = file.parent
        messages = pytest.importorskip("wandb.proto.wandb_internal_pb2", reason="the extra wandb")
        self.rows: dict[int, dict[str, Any]] = {}
        self.summary: dict[str, Any] = {}
        for raw in _log_records(file.read_bytes()):
            record = messages.Record.FromString(raw)
            match record.WhichOneof("record_type"):
                case "run":
                    self.run = record.run
                case "history":
                    step = record.history.step.num
                    assert step not in self.rows, "a step was logged twice"
                    self.rows[step] = _items(record.history.item)
                case "summary":
                    self.summary |= _items(record.summary.update)
                case "exit":
                    self.exit_code = record.exit.exit_code

    def curve(self, name: str) -> dict[int, Any]:
        return {step: row[name] for step, row in self.rows.items() if name in row}

    def picture(self, step: int, name: str) -> Picture:
        return read_png(self.folder / "files" / self.rows[step][f"{name}/path"])


def _log_records(raw: bytes) -> Iterator[bytes]:
    block, header = 32 * 1024, struct.Struct("<IHB")
    parts: list[bytes] = []
    at = 7  # behind the file's own header
    while at + header.size <= len(raw):
        if block - at % block < header.size:
            at += block - at % block  # zeros, where no header fits
            continue
        _crc, length, kind = header.unpack_from(raw, at)
        at += header.size
        parts.append(raw[at : at + length])
        at += length
        if kind in (1, 4):  # whole, or last
            yield b"".join(parts)
            parts = []


def _items(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def cli(folder: Path, *arguments: object, **environment: str) -> str:
    """Run the command in its own process, with an empty home folder; returns stderr."""
    for name in ("home", "temporary"):
        (folder / name).mkdir(exist_ok=True)
    own = {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "XDG_CACHE_HOME": str(folder / "home"),
        "MPLCONFIGDIR": os.environ["MNISTGAN_CACHE"],
    }
    command = [sys.executable, "-m", "mnistgan", *map(str, arguments)]
    process = subprocess.run(
        command, cwd=folder, env=os.environ | own | environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stderr


def assert_wandb_has_all(run: Path, every: int) -> WandBRecord:
    logged, metrics = WandBRecord(run), tables.read_metrics(run / "metrics.csv")
    kept = metrics["step"] % every == 0
    for name, column in CURVES.items():
        expected = dict(zip(metrics["step"][kept], metrics[column][kept], strict=True))
        assert logged.curve(name) == pytest.approx(expected)
    samples = tables.read_samples(run / "samples")
    assert list(logged.curve("samples/path")) == [sample.step for sample in samples]
    for sample in samples:
        assert np.array_equal(logged.picture(sample.step, "samples"), read_png(sample.file))
    real = read_png(run / "samples" / "real.png")
    assert np.array_equal(logged.picture(0, "real"), real)
    return logged


def test_wandb_offline_keeps_to_the_run_directory(tiny_toml: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "WANDB_BASE_URL"), address)
        stderr = cli(
            tmp_path, "train", "--config", tiny_toml, "--output-dir", "a-run",
            "--set", "outputs.wandb.every=2", "--set", 'outputs.wandb.tags=["short","plain"]',
            "--set", "outputs.wandb.project=digits", **proxies,
        )  # fmt: skip
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):  # no connection was made
            proxy.accept()
    assert "wandb" not in stderr.lower()
    logged = assert_wandb_has_all(tmp_path / "a-run", every=2)
    assert (logged.run.project, logged.run.display_name) == ("digits", "a-run")
    assert list(logged.run.tags) == ["short", "plain"]
    config = {item.key: json.loads(item.value_json) for item in logged.run.config.update}
    assert config["train"]["epochs"] == 2
    assert config["parameters_G"] > 0
    assert logged.summary["reason"] == "finished"
    assert (logged.summary["step"], logged.summary["epoch"], logged.exit_code) == (14, 2, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-run", "home", "temporary", "tiny.toml",
    ]  # fmt: skip
    for folder in ("home", "temporary"):
        assert list((tmp_path / folder).iterdir()) == []


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The library in this process, with an empty home folder."""
    library = pytest.importorskip("wandb", reason="the extra wandb")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home" / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    yield library
    library.teardown()


def test_wandb_after_a_kill(tiny: Tiny, tmp_path: Path, wandb: Any) -> None:
    config = tiny(("outputs.wandb.every", 1), ("train.epochs", 3))
    run = mnistgan.train(config, tmp_path / "run")
    wandb.teardown()  # waits until its service process has written everything
    first = assert_wandb_has_all(run, every=1)
    for step in (14, 21):
        (run / "checkpoints" / f"step-{step:08d}.pt").unlink()
    table = run / "evaluations.csv"
    with tables.continue_table(table, tables.EVALUATIONS_COLUMNS, 0) as file:
        measured = Evaluated(1, 7, 100, "a-classifier, n=100", FIGURES, True)
        csv.writer(file).writerow(tables.evaluation_row(measured, tables.EVALUATIONS_COLUMNS))
    list(Run(plan.plan_resume(run, None)))
    wandb.teardown()
    logged = assert_wandb_has_all(run, every=1)
    assert logged.folder != first.folder
    assert logged.run.run_id == first.run.run_id
    assert logged.curve("measures/recall") == {7: FIGURES["recall"]}


def test_wandb_measures(tiny: Tiny, tmp_path: Path, wandb: Any) -> None:
    measure_with("wandb", tiny(), tmp_path)
    wandb.teardown()
    logged = WandBRecord(tmp_path)
    for name, value in FIGURES.items():
        assert logged.curve(f"measures/{name}") == {7: value, 14: value}
    assert logged.summary["measured with"] == "a-classifier, n=100"


@pytest.mark.usefixtures("wandb")
def test_wandb_online_without_a_key(tiny: Tiny, tmp_path: Path) -> None:
    events: list[Event] = []
    config = tiny(("outputs.wandb.mode", "online"))
    run = mnistgan.train(config, tmp_path / "run", on_event=events.append)
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert len(warnings) == 2, "when it happens, and at the end"
    assert all("run: wandb login" in warning for warning in warnings)
    assert (run / "g.pt").is_file()


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_folder_that_is_a_link_is_not_written_to(tiny: Tiny, tmp_path: Path, name: str) -> None:
    pytest.importorskip(name)
    (tmp_path / "mine").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "mine")
    warnings: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Warned):
            warnings.append(event.message)

    mnistgan.train(tiny((f"outputs.{name}", {})), tmp_path / "run", on_event=listen)
    assert any(f"{name}: is a link" in warning for warning in warnings)
    assert list((tmp_path / "mine").iterdir()) == []
