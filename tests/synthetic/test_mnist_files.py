"""Synthetic images in MNIST's file layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import ByPixels, Tiny

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.errors import DataError, UsageError
from mnistgan.sampling import blocks as sampling
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import load_generator
from mnistgan.synthetic import mnist_files
from mnistgan.synthetic.selection import Sampler

NAMES = {
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
    "classes.txt",
}


@pytest.fixture(scope="module")
def sampler(trained: Path) -> Sampler:
    return Sampler(load_generator(trained), SamplingOptions(2), labeler=ByPixels.make())


def test_torchvision_loads_it_unchanged(sampler: Sampler, tmp_path: Path) -> None:
    mnist = import_torchvision().datasets.MNIST
    mnist_files.write(tmp_path / "new" / "folder", sampler, train=300, test=70)
    raw = tmp_path / "new" / "folder" / "MNIST" / "raw"
    assert {path.name for path in raw.iterdir()} == NAMES
    assert (raw / "classes.txt").read_bytes() == b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    parts = [mnist(tmp_path / "new" / "folder", train=train) for train in (True, False)]
    samples = sampling.sample(sampler.generator, 370, sampler.options.seed)[:, 0]
    labels, _ = ByPixels.make()(samples)
    np.testing.assert_array_equal(parts[0].data.numpy(), samples[:300])
    np.testing.assert_array_equal(parts[1].data.numpy(), samples[300:])
    np.testing.assert_array_equal(parts[0].targets.numpy(), labels[:300])
    np.testing.assert_array_equal(parts[1].targets.numpy(), labels[300:])


def test_no_sample_is_in_both_splits(sampler: Sampler, tmp_path: Path) -> None:
    balanced = replace(sampler, min_confidence=0.3, balanced=True)
    mnist_files.write(tmp_path, balanced, 200, 200)
    parts = [import_torchvision().datasets.MNIST(tmp_path, train=train) for train in (True, False)]
    train, test = ({image.numpy().tobytes() for image in part.data} for part in parts)
    assert (len(train), len(test)) == (200, 200)
    assert not train & test
    for part in parts:
        assert np.bincount(part.targets.numpy()).tolist() == [20] * 10


def test_they_are_never_mistaken_for_the_real_files(sampler: Sampler, tmp_path: Path) -> None:
    mnist_files.write(tmp_path, sampler, 20, 10)
    with pytest.raises(DataError, match="published checksum"):
        datasets.load(DataConfig(name="mnist", root=str(tmp_path)))
    own = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    assert len(datasets.load(DataConfig(name=str(own)))) == 20


def test_the_names_of_the_classes_come_back(sampler: Sampler, tmp_path: Path) -> None:
    assert sampler.labeler
    names = ("T-shirt/top", "été", *map(str, range(8)))
    mnist_files.write(
        tmp_path, replace(sampler, labeler=ByPixels(sampler.labeler.classifier, names)), 20, 10
    )
    images = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    assert datasets.load(DataConfig(name=str(images))).classes == names


def test_existing_files_are_left_alone(sampler: Sampler, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(b"the real one")
    with pytest.raises(UsageError, match="already exists"):
        mnist_files.check(tmp_path, sampler.generator.config)
    with pytest.raises(UsageError, match="already exists"):
        mnist_files.write(tmp_path, sampler, 20, 10)
    assert [path.name for path in raw.iterdir()] == ["train-images-idx3-ubyte.gz"]


def test_an_interruption_leaves_nothing(
    sampler: Sampler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = sampling.block, []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sampling, "block", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mnist_files.write(tmp_path / "new", sampler, 1000, 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("image_size", 32, "not for 32x32 in gray"), ("channels", 3, "color")],
)
def test_other_images_are_refused(
    tiny: Tiny, tmp_path: Path, key: str, value: int, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        mnist_files.check(tmp_path, tiny((f"data.{key}", value)))


def test_a_label_is_one_byte(sampler: Sampler, tmp_path: Path) -> None:
    many = ByPixels(ByPixels.make().classifier, tuple(map(str, range(257))))
    with pytest.raises(UsageError, match="room for 256 classes, not 257"):
        mnist_files.write(tmp_path, replace(sampler, labeler=many), 20, 10)
    assert list(tmp_path.iterdir()) == []
