"""Projection: images that a generator made are found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support import Tiny

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.latent import projection
from mnistgan.latent.projection import NamedImage, ProjectionOptions
from mnistgan.models import networks
from mnistgan.progress import Progress
from mnistgan.sampling import blocks
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage import checkpoint

QUICK = ProjectionOptions(restarts=4, steps=150)


def named(*images: Images) -> list[NamedImage]:
    return [NamedImage(f"image {number}", image) for number, image in enumerate(images)]


@pytest.fixture
def generator(trained: Path) -> Generator:
    return load_generator(trained)


@pytest.fixture
def conditional_file(tiny: Tiny, tmp_path: Path) -> Path:
    """A generator that makes something else for each of three classes."""
    config = tiny(("model.conditional", True), ("model.classes", ["a", "b", "c"]))
    network = networks.build_generator(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    path = tmp_path / "conditional.pt"
    state = {"generator": network.state_dict(), "step": 0, "epoch": 0}
    checkpoint.save_generator(path, config, state)
    return path


def test_what_the_generator_made_is_found_again(generator: Generator) -> None:
    images = blocks.sample(generator, 3, seed=4)
    found = projection.project(generator, named(*images), QUICK)
    assert max(one.rms for one in found) < 0.03
    for image, one in zip(images, found, strict=True):
        again = generator(one.z[None])[0]
        np.testing.assert_array_equal(again, one.image)
        difference = (again.astype(float) - image) / 255
        assert one.rms == pytest.approx(float(np.sqrt((difference**2).mean())))
        assert one.label is None


def test_a_projection_depends_on_its_image_and_the_seed_alone(generator: Generator) -> None:
    first, second = blocks.sample(generator, 2, seed=4)
    weights = {name: one.clone() for name, one in generator.network.state_dict().items()}
    together = projection.project(generator, named(first, second), QUICK)
    (alone,) = projection.project(generator, named(second), QUICK)
    assert torch.equal(together[1].z, alone.z)
    (other,) = projection.project(generator, named(second), ProjectionOptions(4, 150, seed=1))
    assert not torch.equal(other.z, alone.z)
    assert all(
        torch.equal(one, weights[name]) for name, one in generator.network.state_dict().items()
    )
    assert all(parameter.grad is None for parameter in generator.network.parameters())


def test_z_stays_near_its_typical_length_where_nothing_fits(generator: Generator) -> None:
    checks = np.indices((28, 28)).sum(axis=0)[None] % 2 * 255
    (found,) = projection.project(generator, named(checks.astype(np.uint8)), QUICK)
    assert found.length < 4 * np.sqrt(8)


def test_the_class_is_found_too(conditional_file: Path) -> None:
    generator = load_generator(conditional_file)
    images = [blocks.sample(generator, 1, 4, label)[0] for label in range(3)]
    found = projection.project(generator, named(*images), QUICK)
    assert [one.label for one in found] == [0, 1, 2]
    assert max(one.rms for one in found) < 0.03
    (asked,) = projection.project(generator, named(images[0]), ProjectionOptions(4, 150, label=2))
    assert asked.label == 2
    assert asked.rms > found[0].rms


def test_progress_counts_to_the_planned_steps(generator: Generator) -> None:
    reports: list[Progress] = []
    images = named(*blocks.sample(generator, 2))
    projection.project(generator, images, ProjectionOptions(2, 10), reports.append)
    done = [one.done for one in reports]
    assert done == sorted(done)
    assert 10 < done[-1] <= 20
    assert {one.total for one in reports} == {20}


def test_wrong_shapes_and_classes_are_refused(generator: Generator) -> None:
    with pytest.raises(UsageError, match="shape"):
        projection.project(generator, named(np.zeros((1, 9, 9), np.uint8)))
    with pytest.raises(UsageError, match="0 classes"):
        projection.project(
            generator, named(np.zeros((1, 28, 28), np.uint8)), ProjectionOptions(label=0)
        )


def test_gradients_that_are_not_finite_are_refused(generator: Generator, tmp_path: Path) -> None:
    image = blocks.sample(generator, 1)[0]
    with torch.no_grad():
        for parameter in generator.network.parameters():
            parameter.mul_(1e30)
    with pytest.raises(UsageError, match="gradients of this generator are not finite"):
        projection.project(generator, named(image), QUICK)


def test_too_many_classes_to_try_are_refused(tiny: Tiny) -> None:
    config = tiny(("model.conditional", True), ("model.classes", [f"{n}" for n in range(101)]))
    many = Generator(networks.build_generator(config).eval(), config, 0, 0)
    images = named(*blocks.sample(many, 1))
    for search in (projection.project, lambda *given: projection.fit_better(many, images, images)):
        with pytest.raises(UsageError, match="101 classes, too many to try"):
            search(many, images)
    assert projection.project(many, images, ProjectionOptions(2, 10, label=100))[0].label == 100
