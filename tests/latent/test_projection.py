"""Projection: what a generator made is found again; pictures of one's own; what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import Invoke, Tiny

from mnistgan.errors import UsageError
from mnistgan.latent import projection, projection_files
from mnistgan.latent.projection import ProjectionOptions
from mnistgan.models import networks
from mnistgan.progress import Progress
from mnistgan.sampling import sampler
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage import checkpoint

QUICK = ProjectionOptions(restarts=4, steps=150)


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
    images = sampler.sample(generator, 3, seed=4)
    found = projection.project(generator, list(images), QUICK)
    assert max(one.rms for one in found) < 0.03
    for image, one in zip(images, found, strict=True):
        again = generator(one.z[None])[0]
        np.testing.assert_array_equal(again, one.image)
        difference = (again.astype(float) - image) / 255
        assert one.rms == pytest.approx(float(np.sqrt((difference**2).mean())))
        assert one.label is None


def test_a_projection_depends_on_its_image_and_the_seed_alone(generator: Generator) -> None:
    first, second = sampler.sample(generator, 2, seed=4)
    weights = {name: one.clone() for name, one in generator.network.state_dict().items()}
    together = projection.project(generator, [first, second], QUICK)
    (alone,) = projection.project(generator, [second], QUICK)
    assert torch.equal(together[1].z, alone.z)
    (other,) = projection.project(generator, [second], ProjectionOptions(4, 150, seed=1))
    assert not torch.equal(other.z, alone.z)
    assert all(
        torch.equal(one, weights[name]) for name, one in generator.network.state_dict().items()
    )
    assert all(parameter.grad is None for parameter in generator.network.parameters())


def test_z_stays_near_its_typical_length_where_nothing_fits(generator: Generator) -> None:
    checks = np.indices((28, 28)).sum(axis=0)[None] % 2 * 255
    (found,) = projection.project(generator, [checks.astype(np.uint8)], QUICK)
    assert found.length < 4 * np.sqrt(8)


def test_the_class_is_found_too(conditional_file: Path) -> None:
    generator = load_generator(conditional_file)
    images = [sampler.sample(generator, 1, 4, ClassSequence((label,)))[0] for label in range(3)]
    found = projection.project(generator, images, QUICK)
    assert [one.label for one in found] == [0, 1, 2]
    assert max(one.rms for one in found) < 0.03
    (class_sequence,) = projection.project(
        generator, images[:1], ProjectionOptions(4, 150, label=2)
    )
    assert class_sequence.label == 2
    assert class_sequence.rms > found[0].rms


def test_progress_ends_where_it_said(generator: Generator) -> None:
    told: list[Progress] = []
    images = list(sampler.sample(generator, 2))
    projection.project(generator, images, ProjectionOptions(2, 10), told.append)
    done = [one.done for one in told]
    assert done == sorted(done)
    assert 10 < done[-1] <= 20
    assert {one.total for one in told} == {20}


def test_what_is_no_image_or_class_of_the_generator(generator: Generator) -> None:
    with pytest.raises(UsageError, match="shape"):
        projection.project(generator, [np.zeros((1, 9, 9), np.uint8)])
    with pytest.raises(UsageError, match="0 classes"):
        projection.project(generator, [np.zeros((1, 28, 28), np.uint8)], ProjectionOptions(label=0))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16"])
def test_pictures_of_any_mode_are_fitted(generator: Generator, tmp_path: Path, mode: str) -> None:
    Image.new(mode, (30, 20)).save(tmp_path / "a.png")
    (given,) = projection_files.read([tmp_path / "a.png"], generator.config.data)
    assert given.image.shape == (1, 28, 28)


def test_a_negative_has_the_generators_background(generator: Generator, tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "white").save(tmp_path / "paper.png")
    (given,) = projection_files.read([tmp_path / "paper.png"], generator.config.data, invert=True)
    assert not given.image.any()


# The command -----------------------------------------------------------------------------------


@pytest.fixture
def digit(generator: Generator, tmp_path: Path) -> Path:
    path = tmp_path / "digit.png"
    Image.fromarray(sampler.sample(generator, 1, 4)[0, 0]).save(path)
    return path


def test_a_picture_and_its_json(invoke: Invoke, trained: Path, digit: Path, tmp_path: Path) -> None:
    result = invoke("project", digit, "--ckpt", trained, "--json", "z.json")
    assert result.exit_code == 0, result.output
    line, name = result.stdout.splitlines()
    assert line.startswith("digit.png: RMS error 0.0")
    assert name == "projection.png"
    (entry,) = json.loads((tmp_path / "z.json").read_text())["images"]
    assert entry["name"] == "digit.png"
    assert len(entry["z"]) == 8
    assert entry["rms"] < 0.03
    with Image.open(tmp_path / "projection.png") as image:
        assert image.width > 2.5 * image.height  # three tiles


def test_images_of_the_data_set(invoke: Invoke, trained: Path) -> None:
    result = invoke("project", "--index", "3,5", "--ckpt", trained, "--steps", 5)
    assert result.exit_code == 0, result.output
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "train image 3",
        "train image 5",
        "projection.png",
    ]


def test_a_walk_from_one_to_another(
    invoke: Invoke, conditional_file: Path, digit: Path, tmp_path: Path
) -> None:
    options = ("--restarts", 2, "--steps", 20, "--out", "walk.gif")
    result = invoke("project", digit, digit, "--ckpt", conditional_file, "--digit", "b", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("class b") == 2
    with Image.open(tmp_path / "walk.gif") as image:
        assert image.info["loop"] == 0


def test_a_picture_that_is_a_negative_is_told(invoke: Invoke, trained: Path, digit: Path) -> None:
    with Image.open(digit) as image:
        Image.fromarray(255 - np.asarray(image)).save("negative.png")
    quick = ("--ckpt", trained, "--restarts", 1, "--steps", 5)
    assert "add --invert" in invoke("project", "negative.png", *quick).stderr
    assert invoke("project", "negative.png", "--invert", *quick).stderr == ""
    assert invoke("project", digit, *quick).stderr == ""


def test_a_name_cannot_move_the_cursor(invoke: Invoke, trained: Path, digit: Path) -> None:
    digit.rename(digit.with_name("a\x1b[2J.png"))
    quick = ("--ckpt", trained, "--restarts", 1, "--steps", 5)
    assert invoke("project", "a\x1b[2J.png", *quick).stdout.startswith("a\\x1b[2J.png: RMS error")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["text.png"], "text.png: cannot be read"),
        (["none.png"], "No such file"),
        (["."], "is no file"),
        (["huge.png"], "too many"),
        (["--index", "1797"], "end at 1796"),
        (["--index", "x"], "whole numbers"),
        ([], "1 to 100 images"),
        (["digit.png", "--out", "a.gif"], "two images"),
        (["digit.png", "--out", "a.bmp"], "unknown extension"),
        (["digit.png", "--out", "no/a.png"], "does not exist"),
        (["digit.png", "--json", "no/a.json"], "does not exist"),
        (["digit.png", "--digit", "3"], "without labels"),
    ],
)
@pytest.mark.usefixtures("digit")
def test_what_is_refused(
    invoke: Invoke, trained: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("1", (10_000, 9_000)).save(tmp_path / "huge.png")
    before = sorted(tmp_path.iterdir())
    result = invoke("project", "--ckpt", trained, *arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_weights_beyond_all_measure(generator: Generator, tmp_path: Path) -> None:
    image = sampler.sample(generator, 1)[0]
    with torch.no_grad():
        for parameter in generator.network.parameters():
            parameter.mul_(1e30)
    with pytest.raises(UsageError, match="gradients are not finite"):
        projection.project(generator, [image], QUICK)


def test_too_many_classes_to_try_them_all(tiny: Tiny) -> None:
    config = tiny(("model.conditional", True), ("model.classes", [f"{n}" for n in range(101)]))
    many = Generator(networks.build_generator(config).eval(), config, 0, 0)
    image = sampler.sample(many, 1)[0]
    for search in (projection.project, lambda *given: projection.inverted(many, [image])):
        with pytest.raises(UsageError, match="101 classes, too many to try them all"):
            search(many, [image])
    assert projection.project(many, [image], ProjectionOptions(2, 10, label=100))[0].label == 100


def test_names_do_not_move_the_cursor(
    invoke: Invoke, tiny: Tiny, digit: Path, tmp_path: Path
) -> None:
    config = tiny(("model.conditional", True), ("model.classes", ["\x9b2J", "\u202eb"]))
    weights = networks.build_generator(config).state_dict()
    path = tmp_path / "conditional.pt"
    checkpoint.save_generator(path, config, {"generator": weights, "step": 0, "epoch": 0})
    strange = digit.rename(tmp_path / "\x1b[2J\n.png")
    result = invoke("project", strange, "--ckpt", path, "--steps", 2)
    assert result.exit_code == 0, result.output
    assert result.stdout.replace("\n", "").isprintable()
    assert result.stderr.replace("\n", "").isprintable()
