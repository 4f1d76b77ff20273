"""Runs that are killed, refused and starved lose nothing: the quick form of benchmarks/torture.py.

Real processes and real files. Each attempt looks at what a hurt run left, goes on to its end, and
holds every file against those of the unbroken run; see :class:`faults.Torture`.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from faults import ERRORS, Disk, Nursery, Torture, contents, differences, refusal
from support import StopAfter, Tiny

import mnistgan
from mnistgan import datasets
from mnistgan.config import presets, toml
from mnistgan.errors import MnistganError
from mnistgan.events import EpochEnded, StepMetrics
from mnistgan.runs import plan
from mnistgan.runs.run import Run
from mnistgan.storage import tables
from mnistgan.training.trainer import Trainer

LEAN = ("outputs.curves=false", "evaluate.every=0")
EVERY = 17  # file operations from one attempt to the next

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the nursery forks, as on Linux")


@pytest.fixture(scope="module")
def nursery(cache_folder: Path) -> Iterator[Nursery]:
    with Nursery(cache_folder) as ready:
        yield ready


@pytest.fixture(scope="module")
def torture(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Torture:
    return Torture(nursery, tmp_path_factory.mktemp("torture"), *LEAN)


class TestKilled:
    def test_at_random_moments(self, torture: Torture) -> None:
        rng = random.Random(6)
        for _ in range(4):
            moments = [rng.uniform(0, torture.seconds) for _ in range(2)]
            torture.survive(*({"kill_after": moment} for moment in moments))

    def test_at_file_operations(self, torture: Torture) -> None:
        assert len(torture.operations) > 100, "the shim sees what a run does"
        for at in range(1, len(torture.operations) + 1, EVERY):
            killed, _ = torture.survive({"at": at})
            assert killed.code < 0

    def test_at_file_operations_of_a_resumption(self, torture: Torture) -> None:
        for at in range(5, len(torture.resumed) + 1, 2 * EVERY):
            killed, _ = torture.survive({"at": at}, begun=True)
            assert killed.code < 0


class TestRefused:
    def test_at_file_operations(self, torture: Torture) -> None:
        errors = itertools.cycle(ERRORS)
        ends = set()
        for at in range(2, len(torture.operations) + 1, EVERY):
            ends.add(torture.survive({"at": at, "error": next(errors)})[0].code)
        assert ends == {0, 1, 2}, "an output's trouble stops no run, a checkpoint's does"

    def test_by_a_limit_on_the_size_of_files(self, torture: Torture) -> None:
        largest = max(map(len, torture.whole.values()))
        assert largest > 40_000
        for size in (4000, largest // 2, largest - 1):
            stopped, _ = torture.survive({"file_size": size})
            assert "File too large" in refusal(stopped)

    def test_by_a_full_disk(self, nursery: Nursery, tmp_path: Path) -> None:
        try:
            disk = Disk(tmp_path / "disk")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"this process may not mount a file system: {error}")
        try:
            torture = Torture(nursery, disk.folder, *LEAN)
            for size in (16, 64, 128):
                disk.resize(size * 1024)
                stopped, _ = torture.survive({}, relieve=lambda: disk.resize(2**26))
                assert "No space left on device" in refusal(stopped)
        finally:
            disk.close()


class TestThePlace:
    @pytest.fixture
    def run(self, tiny: Tiny, tmp_path: Path) -> Run:
        return Run(plan.plan_config(tiny(("train.epochs", 3)), tmp_path / "run"))

    def after(self, run: Run, epoch: int, act: Callable[[], object]) -> str:
        """Train, with something happening after an epoch; how it ended."""

        def train() -> None:
            for event in run:
                if isinstance(event, EpochEnded) and event.epoch == epoch:
                    act()

        with pytest.raises(MnistganError) as caught:
            train()
        assert caught.value.exit_code == 1
        return str(caught.value)

    def test_a_folder_that_is_removed(self, run: Run, tmp_path: Path) -> None:
        message = self.after(run, 2, lambda: shutil.rmtree(tmp_path / "run"))
        assert "g.pt: cannot be written (No such file or directory)" in message
        assert message.endswith(f"then start a new run: {tmp_path / 'run'} no longer exists")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root writes to any folder")
    def test_a_folder_that_becomes_read_only(self, run: Run) -> None:
        def lock_up() -> None:
            for folder in (run.directory.path, run.directory.checkpoints, run.directory.samples):
                folder.chmod(0o500)

        message = self.after(run, 2, lock_up)
        for folder in (run.directory.path, run.directory.checkpoints, run.directory.samples):
            folder.chmod(0o700)
        assert "g.pt: cannot be written (Permission denied); check its folder" in message
        assert message.endswith(f"mnistgan train --resume {run.directory.path}")
        list(Run(plan.plan_resume(run.directory.path, None, [])))
        assert run.directory.checkpoint_files()[0].name == "step-00000021.pt"

    def test_a_table_that_ends_within_a_row(self, tiny: Tiny, tmp_path: Path) -> None:
        """At any byte of its last row: of what the run has still to do, every row is whole."""
        whole = mnistgan.train(tiny(("train.epochs", 2)), tmp_path / "whole")
        run = mnistgan.train(tiny(("train.epochs", 1)), tmp_path / "run")
        metrics = run / "metrics.csv"
        text = metrics.read_text() + "8,2,0.5,0.25,0.125,0.5,0.75,"  # of a step after the save
        for end in (len(text), len(text) - 1, len(text) - 9):
            metrics.write_text(text[:end])
            assert len(tables.read_metrics(metrics)["step"]) == 7
        list(Run(plan.plan_resume(run, None, [plan.Override("train.epochs", 2, "")])))
        ends = {"checkpoints/step-00000014.pt", "metrics.csv", "samples/index.csv", "training.gif"}
        assert not ends & set(differences(run, contents(whole)))


class TestTheProcess:
    @pytest.mark.slow
    def test_without_stdout_and_stderr(self, tmp_path: Path, trained: Path) -> None:
        """The first files to be opened get their numbers; nothing may be said into them."""
        command = f"exec {sys.executable} -m mnistgan train --config recipe.toml --output-dir run"
        shutil.copy(trained / "config.toml", tmp_path / "recipe.toml")
        process = subprocess.run(["bash", "-c", f"{command} >&- 2>&- <&-"], cwd=tmp_path)
        assert process.returncode == 0
        assert differences(tmp_path / "run", contents(trained)) == []

    @pytest.mark.slow
    def test_a_reader_of_stdout_with_a_full_disk(self, tmp_path: Path, trained: Path) -> None:
        with Path("/dev/full").open("w") as full:
            command = [sys.executable, "-m", "mnistgan", "info", str(trained)]
            process = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
        assert process.returncode == 1
        assert process.stderr == (
            "mnistgan: error: No space left on device; fix this and run again\n"
        )

    @pytest.mark.parametrize("jump", [-3600.0, 3600.0])
    def test_a_clock_that_jumps(self, tiny: Tiny, jump: float) -> None:
        config = tiny()
        data = datasets.load(config.data)
        ticks = itertools.count()
        jumping = Trainer(config, data, clock=lambda: 100 + jump * (next(ticks) % 2))
        events = list(jumping)
        steps = [event for event in events if isinstance(event, StepMetrics)]
        assert [event.step for event in steps] == list(range(1, 15))
        assert all(0 < event.images_per_second < float("inf") for event in steps)
        steady = Trainer(config, data)
        list(steady)
        before, after = steady.generator.state_dict(), jumping.generator.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)


SHRUNK: dict[str, dict[str, dict[str, object]]] = {
    "mlp": {"generator": {"widths": [8, 8]}, "discriminator": {"widths": [8]}},
    "dcgan": {"generator": {"width": 2}, "discriminator": {"width": 2}},
}
"""Of each preset only the sizes change, not the recipe."""


@pytest.mark.slow
@pytest.mark.parametrize("name", presets.names())
def test_every_preset_goes_on_exactly(name: str, tmp_path: Path) -> None:
    """Within an epoch, with every built-in output on."""
    preset = toml.validate(toml.read_toml(presets.path(name)), name)
    sizes = SHRUNK[preset.model.family]
    batch = 1797 // (4 * preset.train.d_steps)  # four steps an epoch
    changes = [
        ("data.name", "digits"), ("train.batch_size", batch), ("train.epochs", 2),
        ("model.latent_dim", 4), ("outputs", {}), ("checkpoint.keep", 9), ("train.device", "cpu"),
        *((f"model.{player}.{key}", size) for player, keys in sizes.items()
          for key, size in keys.items()),
    ]  # fmt: skip
    overrides = [plan.Override(key, value, "") for key, value in changes]
    for folder, stop in (("whole", None), ("parts", StopAfter(5))):
        run = Run(plan.plan_run(name, overrides, tmp_path / folder), stop)
        list(run)
    assert run.trainer.step == 5
    list(Run(plan.plan_resume(tmp_path / "parts", None, [])))
    extra = tmp_path / "parts" / "checkpoints" / "step-00000005.pt"
    extra.unlink()
    whole = contents(tmp_path / "whole")
    assert {"curves.png", "training.gif", "metrics.csv", "samples/index.csv"} <= set(whole)
    assert differences(tmp_path / "parts", whole) == []
