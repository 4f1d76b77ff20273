"""Measuring while training: which generator a run keeps as its best."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import StopAfter, Tiny

from mnistgan.config import RunConfig
from mnistgan.events import Evaluated
from mnistgan.runs.plan import plan_resume
from mnistgan.runs.run import Run, train
from mnistgan.sampling.generator import load_generator
from mnistgan.storage.run_directory import RunDirectory

# After the 2nd epoch, some are better than the one before, and none is better than the 2nd.
DISTANCES = [5.0, 1.0, 4.0, 2.0, 3.0, 1.0]


@pytest.fixture
def config(tiny: Tiny, monkeypatch: pytest.MonkeyPatch, hurried: None) -> RunConfig:
    """Six epochs that are measured with these distances."""
    distances = iter(DISTANCES)
    frechet = "mnistgan.evaluation.measures.frechet_distance"
    monkeypatch.setattr(frechet, lambda *_: next(distances))
    return tiny(("evaluate.every", 1), ("evaluate.n", 100), ("train.epochs", 6),
                ("outputs.curves", False), ("outputs.animation", False))  # fmt: skip


def test_the_best_generator_is_that_of_the_smallest_distance(
    config: RunConfig, tmp_path: Path
) -> None:
    """Not of the last one, nor of one that is better than the one before; of equals the first."""
    measured: list[Evaluated] = []
    kept: list[int] = []

    def note(event: object) -> None:
        if isinstance(event, Evaluated):
            measured.append(event)
            kept.append(load_generator(tmp_path / "run" / "g-best.pt").epoch)

    run = train(config, tmp_path / "run", on_event=note)
    assert [event.figures["frechet_distance"] for event in measured] == DISTANCES
    assert [event.is_best for event in measured] == [True, True, False, False, False, False]
    assert kept == [1, 2, 2, 2, 2, 2]
    best = load_generator(RunDirectory(run).best_file)
    assert (best.epoch, best.step) == (2, 14)


def test_a_resumed_run_knows_the_best_distance(config: RunConfig, tmp_path: Path) -> None:
    train(config, tmp_path / "run", stop=StopAfter(7 * 3))
    measured = [
        event
        for event in Run(plan_resume(tmp_path / "run", None, []))
        if isinstance(event, Evaluated)
    ]
    assert [event.epoch for event in measured] == [4, 5, 6]
    assert not any(event.is_best for event in measured)
    assert load_generator(tmp_path / "run" / "g-best.pt").epoch == 2
