"""A run's events as lines of text."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Tiny

from mnistgan import datasets
from mnistgan.events import EndReason, Evaluated, RunEnded, RunStarted, StepMetrics
from mnistgan.runs import event_lines
from mnistgan.training.trainer import Trainer


def test_rate_and_time_left(tiny: Tiny) -> None:
    config = tiny(("train.d_steps", 2), ("train.batch_size", 100))
    start = next(iter(Trainer(config, datasets.load(config.data))))
    assert isinstance(start, RunStarted)
    # 1,797 images are 17 batches of 100 and so 8 steps an epoch, each of which takes two batches.
    latest = StepMetrics(4, 1, 0.5, 0.5, 0.5, 0.5, 0.5, images_per_second=400)
    assert start.total_steps == 16
    assert event_lines.progress(start, latest) == (
        "epoch 1/2",
        "step 4/16, 2.0 steps/s, 0:00:06 left",
    )


@pytest.mark.parametrize(
    ("reason", "begin", "end"),
    [
        ("finished", "finished at step 7", "next: mnistgan sample --ckpt run/g.pt -n 100"),
        ("stopped", "stopped at step 7", "resume with: mnistgan train --resume run"),
        ("max_minutes", "time limit reached at step 7", "mnistgan train --resume run"),
        ("collapsed", "stopped by the watch at step 7", "--resume run --set watch.action=warn"),
    ],
)
def test_the_end_names_the_next_command(
    tiny: Tiny, reason: EndReason, begin: str, end: str
) -> None:
    line = event_lines.ended(RunEnded(reason, 7, 1), Path("run"), tiny())
    assert line.startswith(begin)
    assert line.endswith(end)


def test_the_verdict_comes_before_the_end(tiny: Tiny) -> None:
    end = RunEnded("finished", 7, 1, "Good: all ten digits; Frechet distance 7.")
    first, second = event_lines.ended(end, Path("run"), tiny()).split("\n")
    assert first == "Good: all ten digits; Frechet distance 7."
    assert second.startswith("finished at step 7")


@pytest.mark.parametrize(
    ("verdict", "end"),
    [
        ("Collapsed: only 8s; precision means nothing here.", "precision 1.000  collapsed"),
        ("Good: all ten digits.", "precision 1.000  best so far  good"),
        ("", "precision 1.000  best so far"),
    ],
)
def test_a_collapse_is_not_praised(verdict: str, end: str) -> None:
    figures = {"frechet_distance": 100.0, "precision": 1.0}
    assert event_lines.evaluated(Evaluated(1, 7, 100, "x", figures, True, verdict)).endswith(end)


def test_nothing_was_trained(tiny: Tiny) -> None:
    line = event_lines.ended(RunEnded("stopped", 0, 0), Path("run"), tiny())
    assert line == "stopped before the first step; nothing was trained"
