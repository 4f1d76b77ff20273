"""Images drawn for a data set: which, in what order, with which labels."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ByPixels

from mnistgan.arrays import Images, Labels
from mnistgan.errors import MnistganError, UsageError
from mnistgan.progress import Progress
from mnistgan.sampling import sampler
from mnistgan.sampling.generator import load_generator
from mnistgan.synthetic import selection
from mnistgan.synthetic.selection import Drawing, Rule, Source


@pytest.fixture(scope="module")
def source(trained: Path) -> Source:
    return Source(load_generator(trained), sampler.Draw(3), labeller=ByPixels.make())


def gather(drawn: Drawing) -> tuple[Images, Labels]:
    images, labels = zip(*drawn, strict=True)
    return np.concatenate(images), np.concatenate([one for one in labels if one is not None])


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 600))
def test_without_a_rule_they_are_the_samples_of_a_range(
    source: Source, start: int, count: int
) -> None:
    drawn = Drawing(source, count, start)
    images, _ = gather(drawn)
    every = sampler.sample(source.generator, start + count, source.draw.seed)
    np.testing.assert_array_equal(images, every[start:])
    assert (drawn.done, drawn.stop) == (count, start + count)


def test_the_sure_ones_come_in_their_order(source: Source) -> None:
    every = sampler.sample(source.generator, 4000, source.draw.seed)
    labels, confidences = ByPixels.make()(every)
    rows = np.flatnonzero(confidences >= 0.8)[:500]
    drawn = Drawing(source, 500, rule=Rule(min_confidence=0.8))
    found = gather(drawn)
    np.testing.assert_array_equal(found[0], every[rows])
    np.testing.assert_array_equal(found[1], labels[rows])
    assert drawn.stop == rows[-1] + 1


@pytest.mark.parametrize("min_confidence", [0.0, 0.5])
def test_any_stretch_of_balanced_ones_is_balanced(source: Source, min_confidence: float) -> None:
    drawn = Drawing(source, 605, rule=Rule(min_confidence, balanced=True))
    images, labels = gather(drawn)
    assert np.bincount(labels).tolist() == [61] * 5 + [60] * 5
    assert np.bincount(labels[100:130]).tolist() == [3] * 10
    seen, confidences = ByPixels.make()(images)
    np.testing.assert_array_equal(seen, labels)
    assert confidences.min() >= min_confidence
    samples = sampler.sample(source.generator, drawn.stop, source.draw.seed)
    known = {image.tobytes() for image in samples}
    assert {image.tobytes() for image in images} <= known
    assert len({image.tobytes() for image in images}) == 605  # none comes twice


def test_progress_counts_what_was_taken(source: Source) -> None:
    told: list[Progress] = []
    gather(Drawing(source, 300, rule=Rule(0.5), on_progress=told.append))
    done = [one.done for one in told]
    assert done == sorted(set(done))
    assert (done[-1], told[-1].total) == (300, 300)


class Blind(ByPixels):
    """Sees every class but '7', and is sure of nothing."""

    def __call__(self, images: Images) -> tuple[Labels, npt.NDArray[np.float64]]:
        labels, confidences = super().__call__(images)
        return np.where(labels == 7, 6, labels), confidences / 2


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(balanced=True), "no image of class '7'; leave --balanced out, or train"),
        (
            Rule(0.3, balanced=True),
            "of class '7' that the classifier is 0.3 sure of; leave --balanced out, lower --min",
        ),
        (
            Rule(0.6),
            "no image that the classifier is 0.6 sure of; lower --min-confidence, or train",
        ),
    ],
)
def test_what_does_not_come_is_given_up(
    source: Source, monkeypatch: pytest.MonkeyPatch, rule: Rule, words: str
) -> None:
    monkeypatch.setattr(selection, "PATIENCE", 2000)
    blind = Source(source.generator, labeller=Blind.make())
    drawn = Drawing(blind, 1000, rule=rule)
    with pytest.raises(MnistganError, match=words) as caught:
        gather(drawn)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    assert drawn.stop < 4000


def test_a_rare_class_is_waited_for_in_constant_memory(source: Source) -> None:
    class Rare(ByPixels):
        def __call__(self, images: Images) -> tuple[Labels, npt.NDArray[np.float64]]:
            labels, confidences = super().__call__(images)
            return np.where(np.arange(len(labels)) == 0, 9, labels % 9), confidences

    rare = Source(source.generator, labeller=Rare.make())
    tracemalloc.start()
    for _ in Drawing(rare, 2000, rule=Rule(balanced=True)):  # one '9' a block: 200 blocks, 40 MB
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(UsageError, match="is not from 0 to 1"):
        Rule(confidence)
