"""A run's numbers in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mnistgan.report import words
from mnistgan.storage.tables import EVALUATIONS_COLUMNS


def evaluations(distances: list[float], **others: float) -> dict[str, Any]:
    columns = {name: np.full(len(distances), 0.5) for name in EVALUATIONS_COLUMNS}
    columns |= {"missing_classes": np.zeros(len(distances))}
    columns |= {name: np.full(len(distances), value) for name, value in others.items()}
    epochs = np.arange(1.0, len(distances) + 1)
    return columns | {"epoch": epochs, "step": epochs, "frechet_distance": np.array(distances)}


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("distances", "said", "unsaid"),
    [
        ([], [], [""]),
        ([NAN, INF], [], [""]),
        ([4.0], ["measured once, after epoch 1: its Frechet distance was 4."], ["fell"]),
        ([40.0, 10.0], ["fell from 40 to 10, by 75%."], ["lowest", "Half"]),
        (
            [10.0, 20.0],
            ["rose from 10 to 20", "It was lowest after epoch 1, at 10"],
            ["as good as"],
        ),
        ([10.0, 10.1], ["stayed about the same: 10 at first, 10.1 at last"], ["fell", "rose"]),
        (
            [40.0, 18.0, 12.0, 10.0],
            ["The last measurement is the best.", "reached by epoch 2"],
            ["hardly changed"],
        ),
        (
            [40.0, 18.0, 4.0, 10.0],
            ["lowest after epoch 3, at 4", "g-best.pt holds the generator of epoch 3."],
            ["the best."],
        ),
        ([40.0, 20, 10, 5, 5, 5.1], ["hardly changed since epoch 4"], ["still falling"]),
        (
            [40.0, 20, 10, 8, 6, 4],
            ["still falling at the end, by 50% since epoch 4"],
            ["hardly changed"],
        ),
        ([40.0, 20, 10, 4, 6, 8], ["It rose since epoch 4, by 100%"], ["as good as"]),
        (
            [100.0, 50, 10, 60, 70, 90],
            ["fell from 100 to 90, by 10%", "lowest after epoch 3, at 10", "rose since epoch 4"],
            ["Half"],
        ),
        ([100.0, 20, 90, 20, 90, 80], ["by 20%", "lowest after epoch 2, at 20"], ["Half"]),
        # Half of the fall to 20, the last measurement; 19.5 is about as good.
        ([100.0, 59.9, 19.5, 20], ["from 100 to 20, by 80%", "reached by epoch 2"], ["lowest"]),
        (
            list(np.arange(91.0, 101)),
            ["rose from 91 to 100: the images got worse", "It rose since epoch 7, by 3%."],
            ["hardly changed", "longer training"],
        ),
        (
            list(np.arange(100.0, 90, -1)),
            ["fell from 100 to 91, by 9%", "still falling at the end, by 3% since epoch 7"],
            ["hardly changed", "longer training"],
        ),
        ([10.0, 20, 20, 20.1, 20, 20.1], ["rose from 10", "It hardly changed"], ["It rose"]),
        ([10.0, 20, 20, 20, 20.1, 20.2], ["rose from 10", "It hardly changed"], ["It rose"]),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], ["stayed about"], ["nan"]),
        ([-1.0, 0.0, 3e38, -3e38, 0.0, 1.0], ["Frechet distance"], ["nan"]),
    ],
)
def test_growth_in_words(distances: list[float], said: list[str], unsaid: list[str]) -> None:
    best = min(range(len(distances)), key=distances.__getitem__, default=0) + 1
    text = " ".join(words.growth(evaluations(distances), best))
    assert all(one in text for one in said), text
    assert not any(one and one in text for one in unsaid), text
    assert bool(text) == bool(said)


def test_missing_classes_and_a_missing_best() -> None:
    text = " ".join(words.growth(evaluations([9.0, 1.0, 8.0], missing_classes=2)))
    assert "2 classes hardly appeared" in text
    assert "g-best" not in text


def test_precision_without_recall_is_said() -> None:
    lopsided = words.growth(evaluations([2.0, 1.0], precision=0.9, recall=0.2))
    assert any("cover only some of the real ones" in one for one in lopsided)
    other = words.growth(evaluations([2.0, 1.0], precision=0.2, recall=0.9))
    assert any("also draws many that do not look real" in one for one in other)


GOOD_NEWS = ("fell", "decrease", "falling", "the best.", "as good as")
BAD_NEWS = ("rose", "worse", "lowest")


@pytest.mark.parametrize(
    ("distances", "unsaid"),
    [
        ([103.0, 139.0], GOOD_NEWS),  # rising
        ([103.0, 120.0, 130.0, 139.0], GOOD_NEWS),
        ([103.0, 90.0, 120.0, 130.0, 139.0, 150.0, 160.0], GOOD_NEWS),
        ([96.6, 96.6, 96.6, 96.6, 96.6, 96.6], (*GOOD_NEWS, *BAD_NEWS, "hardly changed")),
        ([96.6, 96.2, 96.9, 96.0, 96.5, 96.6], (*GOOD_NEWS, *BAD_NEWS)),  # flat
        ([40.0, 20.0, 10.0, 8.0, 6.0, 4.0], BAD_NEWS),  # falling
        ([7.0], (*GOOD_NEWS, *BAD_NEWS)),
        ([40.0, 20.0, 10.0, 12.0, 8.0, 12.0], ("still falling", "hardly changed", "rose")),
    ],
)
def test_only_what_happened_is_said(distances: list[float], unsaid: tuple[str, ...]) -> None:
    text = " ".join(words.growth(evaluations(distances)))
    assert not any(one in text for one in unsaid), text


@pytest.mark.parametrize(
    ("precision", "recall", "said"),
    [
        ([0.0, 0.0], [0.0, 0.0], "Precision stayed at 0 and recall stayed at 0: hardly any image"),
        ([0.01, 0.93], [0.0, 0.0], "93% of the images look real, but hardly vary."),
        ([0.5, 0.5], [0.4, 0.6], "Precision stayed at 0.5 and recall went from 0.4 to 0.6."),
        ([0.5, NAN], [0.5, 0.5], ""),
    ],
)
def test_precision_and_recall_in_words(
    precision: list[float], recall: list[float], said: str
) -> None:
    table = evaluations([2.0, 1.0]) | {
        "precision": np.array(precision),
        "recall": np.array(recall),
    }
    text = " ".join(words.growth(table))
    assert said in text
    assert ("Precision" in text) == bool(said)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text
