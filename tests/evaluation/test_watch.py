"""The watch: what it says, once, and what it leaves in peace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support import Invoke, Tiny, noise_images

from mnistgan.arrays import Images
from mnistgan.config import RunConfig
from mnistgan.evaluation.watch import WINDOW, Watch, distinct
from mnistgan.events import EpochEnded, RunStarted, StepMetrics

REAL = noise_images(64, 1, 8, 8)


def started() -> RunStarted:
    return RunStarted(
        RunConfig(), 0, 100, 1000, "cpu", "float32", "none", 1, "noise", 64, 1, 1, REAL
    )


def steps(loss_d: float, d_real: float, d_fake: float, first: int = 1) -> Iterator[StepMetrics]:
    for step in range(first, first + WINDOW + 50):
        yield StepMetrics(step, 1, loss_d, 1.0, d_real, d_fake, d_fake, 1.0)


def messages(watch: Watch, *events: object) -> list[str]:
    return [message for event in events for message in watch.look(event)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.0001, 0.99, 0.01), "D's loss has been zero since step 1"),
        ((0.1, 0.9999, 0.0001), "D(G(z)) has been pinned at 0 and D(x) at 1 since step 1"),
        ((1.0, 0.5, 0.9999), "D(G(z)) has been pinned at 1 since step 1"),
    ],
)
def test_numbers_that_stay_bad_are_told_once(
    numbers: tuple[float, float, float], words: str
) -> None:
    watch = Watch("probability")
    (message,) = messages(watch, started(), *steps(*numbers))
    assert message.startswith(words)
    assert "train." in message  # which setting cures it
    healthy = steps(1.0, 0.6, 0.4, 1000)
    assert messages(watch, *healthy) == []
    assert len(messages(watch, *steps(*numbers, 2000))) == 1  # once more, after it was well


def test_single_good_steps_do_not_silence_the_watch() -> None:
    """As in lab 4: loss_D 0.000, D(x) 1.000 and D(G(z)) 0.000, but for 1 step of 50."""
    events = [
        StepMetrics(step, 1, 0.4 if step % 50 == 0 else 0.0002, 10.0, 1.0, 0.0, 0.0, 1.0)
        for step in range(1, 2000)
    ]
    (message,) = messages(Watch("probability"), started(), *events)
    assert message.startswith("D's loss has been zero since step 1:")
    half = [
        StepMetrics(step, 1, 0.4 if step % 2 == 0 else 0.0002, 10.0, 1.0, 0.0, 0.0, 1.0)
        for step in range(1, 2000)
    ]
    assert messages(Watch("probability"), started(), *half) == []


def test_healthy_numbers_and_critics_are_left_in_peace() -> None:
    assert messages(Watch("probability"), started(), *steps(1.2, 0.6, 0.4)) == []
    assert messages(Watch("critic"), started(), *steps(0.0, 0.0, 0.0)) == []


def epoch(number: int, images: Images) -> EpochEnded:
    return EpochEnded(number, number * 100, images)


def test_images_that_are_all_alike() -> None:
    same = np.repeat(REAL[:4], 16, axis=0)
    watch = Watch("probability")
    said = messages(watch, started(), *(epoch(number, same) for number in range(1, 6)))
    assert len(said) == 1
    assert said[0].startswith("of 64 images only 4 differ since epoch 2")


def test_classes_that_are_left_out() -> None:
    watch = Watch("probability", lambda images: np.arange(len(images)) % 8, tuple("0123456789"))
    said = messages(watch, started(), *(epoch(number, REAL) for number in range(1, 6)))
    assert said == [
        "8s and 9s are missing (64 images, since epoch 2): G leaves classes out; lower "
        "train.lr_g, or set train.r1 = 1"
    ]


def test_a_single_class_is_named() -> None:
    watch = Watch("probability", lambda images: np.full(len(images), 8), tuple("0123456789"))
    said = messages(watch, started(), *(epoch(number, REAL) for number in range(1, 6)))
    assert len(said) == 1
    assert said[0].startswith(
        "only 8s are left; nine digits are missing (64 images, since epoch 2)"
    )


def test_what_is_found_at_the_end() -> None:
    same = np.repeat(REAL[:4], 16, axis=0)
    watch = Watch("probability")
    messages(watch, started(), *(epoch(number, REAL) for number in (1, 2)))
    assert watch.finding() == "", "too early to say"
    messages(watch, epoch(3, REAL))
    assert watch.finding() == "Not measured; the watch found no sign of a collapse."
    messages(watch, *(epoch(number, same) for number in (4, 5)))
    assert watch.finding() == "Not measured; of 64 images only 4 differ since epoch 4."
    messages(watch, *steps(0.0001, 1.0, 0.0))
    assert watch.finding().startswith("Not measured; of 64 images")
    messages(watch, epoch(6, REAL))
    assert watch.finding() == "Not measured; D's loss has been zero since step 1."


def test_distinct_images_are_counted() -> None:
    nearly = (REAL.astype(int) + 3).clip(0, 255).astype(np.uint8)
    assert distinct(REAL) == 64
    assert distinct(np.concatenate((REAL, nearly))) == 64
    assert distinct(np.zeros_like(REAL)) == 1


@pytest.mark.parametrize(("action", "code"), [("warn", 0), ("stop", 1), ("off", 0)])
def test_a_collapsed_training(
    invoke: Invoke, tiny_toml: Path, tmp_path: Path, tiny: Tiny, action: str, code: int
) -> None:
    """G that cannot learn at all draws the same gray for every z."""
    result = invoke(
        "train", "--config", tiny_toml, "--epochs", 6, "--set", "train.lr_g=1e-12",
        "--set", f"watch.action={action}", "--set", "train.ema_decay=0", "--output-dir", "run",
        "--set", "model.init=normal", "--set", "model.generator.norm=none",
    )  # fmt: skip
    assert result.exit_code == code, result.output
    assert ("images only 1 differ since epoch 2" in result.stderr) == (action != "off")
    assert ("stopped by the watch at step 21 (epoch 3 of 6)" in result.stderr) == (action == "stop")
    assert (tmp_path / "run" / "g.pt").exists()
