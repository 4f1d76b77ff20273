"""``mnistgan sample`` for data sets: labels, MNIST's files, shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support import ByPixels, Invoke, Tiny

from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.evaluation import labeler
from mnistgan.models import networks
from mnistgan.rendering import grids
from mnistgan.rendering.grids import read_png
from mnistgan.sampling import blocks
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import checkpoint
from mnistgan.synthetic import selection


@pytest.fixture
def mnist_generator(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator for MNIST that has learned nothing; its labels need no data."""
    config = tiny(("data.name", "mnist"))
    weights = networks.build_generator(config).state_dict()
    path = tmp_path_factory.mktemp("generator") / "g.pt"
    checkpoint.save_generator(path, config, {"generator": weights, "step": 0, "epoch": 0})
    return path


@pytest.fixture
def ten_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labeler, "labeler_for", lambda *_: ByPixels.make())


def test_labelled_arrays(invoke: Invoke, mnist_generator: Path, tmp_path: Path) -> None:
    result = invoke("sample", "--ckpt", mnist_generator, "-n", 300, "--format", "npz", "--labels")
    assert (result.exit_code, result.stdout) == (0, "samples.npz\n"), result.output
    images = blocks.sample(load_generator(mnist_generator), 512)
    labels = labeler.labeler_for(load_generator(mnist_generator).config.data)
    expected = np.concatenate([labels(images[:256])[0], labels(images[256:])[0]])[:300]
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["images"], images[:300, 0])
        np.testing.assert_array_equal(arrays["labels"], expected)


@pytest.mark.usefixtures("ten_classes")
def test_balanced_and_sure_arrays(invoke: Invoke, mnist_generator: Path, tmp_path: Path) -> None:
    more = ("--format", "npz", "--balanced", "--min-confidence", 0.7)
    assert invoke("sample", "--ckpt", mnist_generator, "-n", 50, *more).exit_code == 0
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as arrays:
        labels, confidences = ByPixels.make()(arrays["images"])
        np.testing.assert_array_equal(labels, arrays["labels"])
    assert np.bincount(labels).tolist() == [5] * 10
    assert confidences.min() >= 0.7


@pytest.mark.usefixtures("hurried")
def test_labels_of_other_data_come_from_a_classifier_of_its_own(
    invoke: Invoke, trained: Path, tmp_path: Path
) -> None:
    result = invoke("sample", "--ckpt", trained, "-n", 12, "--format", "idx")
    assert (result.exit_code, result.stdout) == (0, "synthetic\n"), result.output
    mnist = import_torchvision().datasets.MNIST
    assert len(mnist(tmp_path / "synthetic", train=True)) == 12
    assert len(mnist(tmp_path / "synthetic", train=False)) == 2


def test_mnists_files(invoke: Invoke, mnist_generator: Path, tmp_path: Path) -> None:
    command = ("sample", "--ckpt", mnist_generator, "-n", 40, "--format", "idx", "--test", 9)
    assert invoke(*command, "--out", "a").exit_code == 0
    mnist = import_torchvision().datasets.MNIST
    image, label = mnist(tmp_path / "a", train=False)[8]
    assert (image.size, label in range(10)) == ((28, 28), True)
    again = invoke(*command, "--out", "a")
    assert again.exit_code == 2
    assert "a/MNIST/raw: already exists" in again.stderr.replace("\\", "/")


def test_shards_go_on(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    command = ("sample", "--ckpt", trained, "-n", 50, "--format", "shards", "--shard-size", 20)
    first = invoke(*command, "--part", "2/2")
    assert (first.exit_code, first.stdout) == (0, "shards\n"), first.output
    assert first.stderr == "mnistgan: shards: 1 written, 0 kept, 2 missing (in other parts)\n"
    second = invoke(*command)
    assert second.stderr == "mnistgan: shards: 2 written, 1 kept, all complete\n"
    names = [f"shard-{number:05d}.{kind}" for number in (1, 2, 3) for kind in ("json", "npz")]
    found = sorted(path.name for path in (tmp_path / "shards").iterdir())
    assert found == ["manifest.json", *names]
    other = invoke(*command, "--seed", 1)
    assert other.exit_code == 2
    assert "was made with --seed 0, not 1" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--labels"], "--labels is only for --format npz, idx or shards"),
        (["--format", "png", "--balanced"], "--balanced is only for --format npz, idx or shards"),
        (["--format", "npz", "--test", "3"], "--test is only for --format idx"),
        (["--format", "idx", "--part", "1/2"], "--part is only for --format shards"),
        (["--shard-size", "5"], "--shard-size is only for --format shards"),
        (["--format", "shards", "--part", "3/2"], "is not i/k with i from 1 to k"),
        (["--format", "shards", "--part", "x"], "is not i/k"),
        (
            ["--format", "shards", "-n", "20000", "--shard-size", "1"],
            "choose a larger --shard-size",
        ),
        (["--format", "npz", "--min-confidence", "1.1"], "--min-confidence"),
        (["--format", "npz", "--min-confidence", "nan"], "--min-confidence"),
        (["--format", "idx", "--test", "0"], "--test"),
    ],
)
def test_bad_input(
    invoke: Invoke, mnist_generator: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    result = invoke("sample", "--ckpt", mnist_generator, "-n", 9, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["npz", "idx", "shards"])
def test_a_class_that_does_not_come(
    invoke: Invoke,
    mnist_generator: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    monkeypatch.setattr(selection, "PATIENCE", 1000)
    result = invoke("sample", "--ckpt", mnist_generator, "-n", 90, "--format", form, "--balanced")
    assert result.exit_code == 1
    assert "contained no image of class" in result.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_grid_of_styles(invoke: Invoke, tmp_path: Path) -> None:
    grid = ("sample", "--ckpt", "mnist", "--same-z", "--seed", 7)
    by_rows = ("--digits", "3,5", "--per-digit", 4, "--format")
    result = invoke(*grid, *by_rows, "npz", "--labels")
    assert (result.exit_code, result.stdout) == (0, "samples.npz\n"), result.output
    generator = load_generator("mnist")
    latent_dim = generator.config.model.latent_dim
    z = blocks.SamplingOptions(7).z(0, latent_dim)[:4]
    expected = generator(z.repeat(2, 1), torch.tensor([3] * 4 + [5] * 4))
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as arrays:
        assert arrays["labels"].tolist() == [3, 3, 3, 3, 5, 5, 5, 5]
        images = arrays["images"]
    # G may round differently with another batch size.
    assert np.abs(images.astype(int) - expected[:, 0]).max() <= 1
    assert invoke(*grid, *by_rows, "png").exit_code == 0
    single = read_png(tmp_path / "samples" / "000005.png")
    np.testing.assert_array_equal(single, images[5])
    # The number of all images, and that of each class, mean the same.
    assert invoke(*grid, "--digits", "3,5", "-n", 8, "--scale", 1).exit_code == 0
    tiles = grids.ungrid(read_png(tmp_path / "samples.png"), 28)[:, 0]
    np.testing.assert_array_equal(tiles, images)
    assert read_png(tmp_path / "samples.png").shape == (62, 122), "a row per class"


def test_one_style_is_one_column(invoke: Invoke, tmp_path: Path) -> None:
    for count in (["-n", 10], ["--per-digit", 1]):
        result = invoke("sample", "--ckpt", "mnist", "--same-z", *count, "--scale", 1)
        assert result.exit_code == 0, result.output
        assert read_png(tmp_path / "samples.png").shape == (302, 32)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-n", "25"], "-n 25: with --same-z, give a multiple of 10, the number of classes, or"),
        (["-n", "5", "--digits", "1,2"], "-n 5: with --same-z, give a multiple of 2"),
        (["-n", "10", "--format", "shards"], "--same-z is only for --format grid, png or npz"),
        (["-n", "10", "--digits", "x"], "'x'"),
    ],
)
def test_styles_that_cannot_be_drawn(
    invoke: Invoke, tmp_path: Path, arguments: list[str], words: str
) -> None:
    result = invoke("sample", "--ckpt", "mnist", "--same-z", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_styles_need_a_conditional_generator(invoke: Invoke, trained: Path) -> None:
    result = invoke("sample", "--ckpt", trained, "--same-z", "-n", 10)
    assert result.exit_code == 2
    assert "this generator was trained without labels" in result.stderr
