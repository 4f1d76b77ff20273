"""Images for a data set: which are kept, in what order, with which labels."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ByPixels

from mnistgan.arrays import Images, Labels
from mnistgan.errors import MnistganError
from mnistgan.progress import Progress
from mnistgan.sampling import blocks as sampling
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import load_generator
from mnistgan.synthetic import selection
from mnistgan.synthetic.selection import ImageStream, Sampler


@pytest.fixture(scope="module")
def sampler(trained: Path) -> Sampler:
    return Sampler(load_generator(trained), SamplingOptions(3), labeler=ByPixels.make())


def gather(drawn: ImageStream) -> tuple[Images, Labels]:
    images, labels = zip(*drawn, strict=True)
    return np.concatenate(images), np.concatenate([one for one in labels if one is not None])


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 600))
def test_without_a_selection_they_are_the_samples_of_a_range(
    sampler: Sampler, start: int, count: int
) -> None:
    drawn = ImageStream(sampler, count, start)
    images, _ = gather(drawn)
    every = sampling.sample(sampler.generator, start + count, sampler.options.seed)
    np.testing.assert_array_equal(images, every[start:])
    assert (drawn.done, drawn.position) == (count, start + count)


def test_confident_samples_come_in_the_order_of_their_index(sampler: Sampler) -> None:
    every = sampling.sample(sampler.generator, 4000, sampler.options.seed)
    labels, confidences = ByPixels.make()(every)
    rows = np.flatnonzero(confidences >= 0.8)[:500]
    drawn = ImageStream(replace(sampler, min_confidence=0.8), 500)
    found = gather(drawn)
    np.testing.assert_array_equal(found[0], every[rows])
    np.testing.assert_array_equal(found[1], labels[rows])
    assert drawn.position == rows[-1] + 1


@pytest.mark.parametrize("min_confidence", [0.0, 0.5])
def test_any_part_of_a_balanced_stream_is_balanced(sampler: Sampler, min_confidence: float) -> None:
    drawn = ImageStream(replace(sampler, min_confidence=min_confidence, balanced=True), 605)
    images, labels = gather(drawn)
    assert np.bincount(labels).tolist() == [61] * 5 + [60] * 5
    assert np.bincount(labels[100:130]).tolist() == [3] * 10
    seen, confidences = ByPixels.make()(images)
    np.testing.assert_array_equal(seen, labels)
    assert confidences.min() >= min_confidence
    samples = sampling.sample(sampler.generator, drawn.position, sampler.options.seed)
    known = {image.tobytes() for image in samples}
    assert {image.tobytes() for image in images} <= known
    assert len({image.tobytes() for image in images}) == 605  # no sample comes twice


def test_progress_counts_the_images_kept(sampler: Sampler) -> None:
    reported: list[Progress] = []
    sure = replace(sampler, min_confidence=0.5)
    gather(ImageStream(sure, 300, on_progress=reported.append))
    done = [one.done for one in reported]
    assert done == sorted(set(done))
    assert (done[-1], reported[-1].total) == (300, 300)


class Blind(ByPixels):
    """Never predicts '7', and has a low confidence in every label."""

    def __call__(self, images: Images) -> tuple[Labels, npt.NDArray[np.float64]]:
        labels, confidences = super().__call__(images)
        return np.where(labels == 7, 6, labels), confidences / 2


@pytest.mark.parametrize(
    ("min_confidence", "balanced", "words"),
    [
        (
            0.0,
            True,
            "no image of class '7'; lower --min-confidence, remove --balanced, or train",
        ),
        (0.3, True, "of class '7' with a probability of at least 0.3; lower --min-confidence"),
        (0.6, False, "no image with a probability of at least 0.6; lower --min-confidence"),
    ],
)
def test_a_selection_that_finds_nothing_fails(
    sampler: Sampler,
    monkeypatch: pytest.MonkeyPatch,
    min_confidence: float,
    balanced: bool,
    words: str,
) -> None:
    monkeypatch.setattr(selection, "PATIENCE", 2000)
    blind = replace(sampler, labeler=Blind.make(), min_confidence=min_confidence, balanced=balanced)
    drawn = ImageStream(blind, 1000)
    with pytest.raises(MnistganError, match=words) as caught:
        gather(drawn)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    assert drawn.position < 4000


def test_a_rare_class_is_waited_for_in_constant_memory(sampler: Sampler) -> None:
    class Rare(ByPixels):
        def __call__(self, images: Images) -> tuple[Labels, npt.NDArray[np.float64]]:
            labels, confidences = super().__call__(images)
            return np.where(np.arange(len(labels)) == 0, 9, labels % 9), confidences

    rare = Sampler(sampler.generator, labeler=Rare.make(), balanced=True)
    tracemalloc.start()
    for _ in ImageStream(rare, 2000):  # one '9' a block: 200 blocks, 40 MB
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6
