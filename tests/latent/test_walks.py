"""Walks through latent space: closed, through the points asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import Tiny

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.latent import walks
from mnistgan.models import networks
from mnistgan.sampling import blocks
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator, load_generator

CLASSES = ("zero", "one", "two", "three", "four")


@pytest.fixture
def conditional(tiny: Tiny) -> Generator:
    """A conditional generator that has learned nothing."""
    config = tiny(("model.conditional", True), ("model.classes", list(CLASSES)))
    return Generator(networks.build_generator(config).eval(), config, 0, 0)


@pytest.fixture
def plain(trained: Path) -> Generator:
    return load_generator(trained)


def images_of(generator: Generator, walk: walks.Walk) -> Images:
    """Frames x walkers x C x H x W."""
    return np.stack([generator(z, labels) for z, labels in walk])


@pytest.mark.parametrize("kind", ["slerp", "linear", "circle"])
def test_a_random_walk_is_seamless(plain: Generator, kind: walks.Kind) -> None:
    walk = walks.plan(plain, kind, seed=3)
    assert walk.z.shape == (60, 16, 8)
    assert walk.z.dtype == np.float32
    assert walk.weights is None
    steps = np.linalg.norm(np.roll(walk.z, -1, axis=0) - walk.z, axis=-1)
    assert (steps[-1] < 1.5 * steps[-2]).all()  # from the last frame to the first
    assert not np.array_equal(walk.z, walks.plan(plain, kind, seed=4).z)


@pytest.mark.parametrize("kind", ["slerp", "linear"])
def test_a_walk_through_seeds_shows_what_sample_draws(plain: Generator, kind: walks.Kind) -> None:
    images = images_of(plain, walks.plan(plain, kind, seeds=(1, 5, 9), frames=12)).astype(int)
    for number, seed in enumerate((1, 5, 9)):
        expected = blocks.sample(plain, 1, seed)[0]
        assert abs(images[4 * number, 0] - expected).max() <= 1  # another batch, another rounding


def test_a_conditional_walk_through_seeds(conditional: Generator) -> None:
    for class_sequence, labels in (
        (None, (0, 0)),
        (ClassSequence((3,)), (3, 3)),
        (ClassSequence((4, 2)), (4, 2)),
    ):
        walk = walks.plan(conditional, seeds=(1, 5), frames=4, class_sequence=class_sequence)
        images = images_of(conditional, walk).astype(int)
        for number, (seed, label) in enumerate(zip((1, 5), labels, strict=True)):
            expected = blocks.sample(conditional, 1, seed, label)[0]
            assert abs(images[2 * number, 0] - expected).max() <= 1


def test_from_class_to_class_only_the_label_changes(conditional: Generator) -> None:
    walk = walks.plan(conditional, "classes", seed=3)
    assert len(walk) == 15 * len(CLASSES)
    assert (walk.z == walk.z[0]).all()
    assert walk.weights is not None
    np.testing.assert_allclose(walk.weights.sum(axis=-1), 1, rtol=1e-6)
    steps = np.abs(np.roll(walk.weights, -1, axis=0) - walk.weights).sum(axis=-1)
    np.testing.assert_allclose(steps, 2 / 15, rtol=1e-4)
    images = images_of(conditional, walk).astype(int)
    for label in range(len(CLASSES)):
        expected = blocks.sample(conditional, 16, 3, label)
        assert abs(images[15 * label] - expected).max() <= 1


def test_some_classes_of_some_seeds(conditional: Generator) -> None:
    walk = walks.plan(
        conditional, "classes", seeds=(7,), class_sequence=ClassSequence((4, 1)), frames=2
    )
    images = images_of(conditional, walk).astype(int)
    for frame, label in enumerate((4, 1)):
        expected = blocks.sample(conditional, 1, 7, label)
        assert abs(images[frame] - expected).max() <= 1


def test_corners_begin_with_the_seeds_and_go_round(plain: Generator) -> None:
    walk = walks.plan(plain, "corners", seeds=(1, 5, 9, 12), frames=8)
    images = images_of(plain, walk).astype(int)
    corners = images[:, (0, 9, 90, 99)]
    for corner, seed in enumerate((1, 5, 9, 12)):
        assert abs(corners[0, corner] - blocks.sample(plain, 1, seed)[0]).max() <= 1
    for corner, neighbor in ((0, 1), (1, 3), (3, 2), (2, 0)):  # a quarter later
        assert abs(corners[2, corner] - corners[0, neighbor]).max() <= 1


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("circle", {"seeds": (1, 2)}, "slerp or linear"),
        ("slerp", {"seeds": (1,)}, "two seeds or more"),
        ("corners", {"seeds": (1, 2, 3)}, "four"),
        ("classes", {}, "without labels"),
        ("slerp", {"seeds": (1, 2, 3), "frames": 2}, "3 frames"),
        ("slerp", {"class_sequence": ClassSequence((1,))}, "trained without labels"),
    ],
)
def test_what_does_not_suit_is_refused(
    plain: Generator, kind: walks.Kind, options: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        walks.plan(plain, kind, **options)  # type: ignore[arg-type]


def test_what_does_not_suit_a_conditional_generator_is_refused(conditional: Generator) -> None:
    with pytest.raises(UsageError, match="one class"):
        walks.plan(conditional, "classes", class_sequence=ClassSequence((1,)))
    with pytest.raises(UsageError, match="one per seed"):
        walks.plan(conditional, seeds=(1, 2, 3), class_sequence=ClassSequence((1, 2)))


def test_a_walk_through_too_many_classes_is_refused(tiny: Tiny) -> None:
    config = tiny(("model.conditional", True), ("model.classes", [f"{n}" for n in range(10_000)]))
    many = Generator(networks.build_generator(config).eval(), config, 0, 0)
    with pytest.raises(UsageError, match="150,000 frames, more than 2000"):
        walks.plan(many, "classes")
    assert (
        len(walks.plan(many, "classes", frames=2000, class_sequence=ClassSequence(tuple(range(9)))))
        == 2000
    )
