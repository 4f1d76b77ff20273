"""The PyTorch data set that draws when asked."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support import ByPixels
from torch.utils.data import DataLoader

import mnistgan
from mnistgan import SyntheticDigits
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.errors import UsageError
from mnistgan.sampling import blocks
from mnistgan.sampling.generator import Generator
from mnistgan.synthetic import torch_dataset

LENGTH = 700


@pytest.fixture(scope="module")
def samples(trained: Path) -> torch.Tensor:
    images = mnistgan.sample(mnistgan.load_generator(trained), LENGTH, seed=4)
    return torch.from_numpy(images).float() / 255


@pytest.fixture
def digits(trained: Path) -> SyntheticDigits:
    return SyntheticDigits(trained / "g.pt", LENGTH, seed=4)


def test_item_i_is_sample_i_in_any_order(digits: SyntheticDigits, samples: torch.Tensor) -> None:
    assert len(digits) == LENGTH
    for index in np.random.default_rng(0).permutation(LENGTH):
        torch.testing.assert_close(digits[index], samples[index], rtol=0, atol=0)
    torch.testing.assert_close(digits[-1], samples[-1], rtol=0, atol=0)
    assert digits[0].dtype == torch.float32
    assert digits[0].shape == (1, 28, 28)
    assert 0 <= samples.min() < samples.max() <= 1


@pytest.fixture
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_there_are_no_other_items(digits: SyntheticDigits) -> None:
    for index in (LENGTH, -LENGTH - 1):
        with pytest.raises(IndexError):
            digits[index]
    assert len(list(iter(digits))) == LENGTH  # which ends by the IndexError


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_give_the_same_items(
    trained: Path, monkeypatch: pytest.MonkeyPatch, start: str, samples: torch.Tensor
) -> None:
    if start not in torch.multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    monkeypatch.setattr(torch_dataset, "labeler_for", lambda config: ByPixels.make())
    digits = SyntheticDigits(trained, LENGTH, seed=4, labels=True)
    before = digits[300]  # with a cache at hand, and torch's threads at work

    def read(**options: Any) -> list[torch.Tensor]:
        images, labels = zip(*DataLoader(digits, batch_size=64, **options), strict=True)
        return [torch.cat(images), torch.cat(labels)]

    alone, helped = read(), read(num_workers=2, multiprocessing_context=start)
    torch.testing.assert_close(helped, alone, rtol=0, atol=0)
    torch.testing.assert_close(alone[0], samples, rtol=0, atol=0)
    assert int(alone[1][300]) == before[1]
    levels = (alone[0] * 255).round().to(torch.uint8).numpy()
    np.testing.assert_array_equal(alone[1].numpy(), ByPixels.make()(levels)[0])
    assert digits.classes == tuple("0123456789")


def test_a_copy_gives_the_same(digits: SyntheticDigits) -> None:
    first = digits[5]
    raw = pickle.dumps(digits)
    for index in range(LENGTH):
        digits[index]
    assert len(pickle.dumps(digits)) == len(raw)  # no kept images travel along
    torch.testing.assert_close(pickle.loads(raw)[5], first, rtol=0, atol=0)


@pytest.mark.usefixtures("_two_threads")
def test_reading_in_order_makes_each_block_once(
    digits: SyntheticDigits, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = blocks.block

    def counted(generator: Generator, number: int, *options: Any) -> Any:
        made.append(number)
        assert torch.get_num_threads() == 1
        return real(generator, number, *options)

    monkeypatch.setattr(blocks, "block", counted)
    for index in range(LENGTH):
        digits[index]
    assert made == [0, 1, 2]
    assert torch.get_num_threads() == 2


def test_it_stands_in_for_torchvisions_mnist(
    trained: Path, samples: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual lines around ``MNIST``, with the other name in them."""
    monkeypatch.setattr(torch_dataset, "labeler_for", lambda config: ByPixels.make())
    transforms = import_torchvision("torchvision.transforms")
    usual = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    keys = {"transform": usual, "target_transform": lambda label: 10 - label}
    digits = SyntheticDigits(trained, LENGTH, seed=4, labels=True, **keys)
    plain = SyntheticDigits(trained, LENGTH, seed=4, labels=True)
    assert isinstance(digits, import_torchvision("torchvision.datasets").VisionDataset)
    for index in (0, 300, -1):
        image, label = digits[index]
        torch.testing.assert_close(image, (samples[index] - 0.1307) / 0.3081)
        assert label == 10 - plain[index][1]
    images, labels = next(iter(DataLoader(digits, batch_size=64)))
    assert (images.shape, labels.shape) == ((64, 1, 28, 28), (64,))
    assert f"Number of datapoints: {LENGTH}" in repr(digits)
    assert "Normalize" in repr(digits)


def test_a_transform_gets_a_picture_as_mnists_does(trained: Path, samples: torch.Tensor) -> None:
    as_it_is = SyntheticDigits(trained, 3, seed=4, transform=lambda picture: picture)
    picture = as_it_is[2]
    assert isinstance(picture, Image.Image)
    assert (picture.mode, picture.size) == ("L", (28, 28))
    levels = (samples[2, 0] * 255).round().numpy().astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(picture), levels)


@pytest.mark.parametrize("keys", [{"length": -1}, {"seed": -1}, {"seed": 2**63}])
def test_bad_arguments(trained: Path, keys: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{min(keys)}: must be an integer from 0"):
        SyntheticDigits(trained, **keys)
    with pytest.raises(UsageError, match="is not a run directory"):
        SyntheticDigits(trained.parent)
