"""Images out of a generator."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.progress import Progress
from mnistgan.sampling import blocks
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.synthetic import image_files


@pytest.fixture(scope="module")
def generator(trained: Path) -> Generator:
    return load_generator(trained)


@settings(max_examples=20)
@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 2**63 - 1))
def test_an_image_depends_on_seed_and_index_alone(
    generator: Generator, first: int, second: int, seed: int
) -> None:
    a, b = blocks.sample(generator, first, seed), blocks.sample(generator, second, seed)
    assert a.shape == (first, 1, 28, 28)
    assert a.dtype == np.uint8
    common = min(first, second)
    np.testing.assert_array_equal(a[:common], b[:common])


def test_another_seed_gives_other_images(generator: Generator) -> None:
    assert (blocks.sample(generator, 8, 0) != blocks.sample(generator, 8, 1)).any()


def test_a_run_a_generator_and_a_checkpoint_give_the_same_images(trained: Path) -> None:
    paths = [trained, trained / "g.pt", RunDirectory(trained).checkpoint_files()[0]]
    first, *others = (blocks.sample(load_generator(path), 10) for path in paths)
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_batch_mates_do_not_matter(generator: Generator) -> None:
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    together = generator(z)
    alone = np.concatenate([generator(one[None]) for one in z])
    assert np.abs(together.astype(int) - alone).max() <= 1


def test_wide_layers_are_computed_for_fewer_images_at_a_time(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_MOST_NUMBERS", 40 * 28 * 28)  # no layer of ``tiny`` is wider
    passes: list[int] = []

    def counted(generator: Generator, z: torch.Tensor, labels: object = None) -> Images:
        passes.append(len(z))
        return real(generator, z)

    real = Generator.__call__
    monkeypatch.setattr(Generator, "__call__", counted)
    few, many = blocks.sample(generator, 50), blocks.sample(generator, 300)
    assert passes == [40, 40, *[40] * 6, 16, 40, 40]  # the same passes, whatever the count
    np.testing.assert_array_equal(few, many[:50])


def test_progress(generator: Generator) -> None:
    told: list[Progress] = []
    made = blocks.sample_blocks(generator, 600, on_progress=told.append)
    assert [len(block) for block in made] == [256, 256, 88]
    assert [(one.done, one.total) for one in told] == [(256, 600), (512, 600), (600, 600)]


def test_folders_that_hold_no_generator(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a run directory"):
        load_generator(tmp_path)


def test_a_stream_takes_constant_memory(tmp_path: Path) -> None:
    """2,000 blocks of 200 kB each pass through without being gathered."""
    block = np.zeros((256, 1, 28, 28), np.uint8)
    tracemalloc.start()
    blocks = ((block, None) for _ in range(2000))
    image_files.write_images(tmp_path / "a.npz", "npz", blocks, 512_000, (1, 28, 28))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


def test_an_interrupted_stream_leaves_nothing(tmp_path: Path) -> None:
    def blocks() -> object:
        yield np.zeros((1, 1, 2, 2), np.uint8), None
        raise KeyboardInterrupt

    for kind in ("npz", "grid"):
        with pytest.raises(KeyboardInterrupt):
            image_files.write_images(tmp_path / f"a.{kind}", kind, blocks(), 2, (1, 2, 2))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("repeat", [1, 3, 256, 300])
def test_the_same_z_for_every_class(repeat: int) -> None:
    plain = blocks.SamplingOptions(5)
    z = np.concatenate([plain.z(number, 8) for number in range(4)])
    sequence = ClassSequence((4, 0, 1), repeat)
    options = blocks.SamplingOptions(5, sequence, same_z=True)
    made = np.concatenate([options.z(number, 8) for number in range(4)])
    for image in range(4 * blocks.BLOCK):
        np.testing.assert_array_equal(made[image], z[image % repeat])


def test_the_same_z_is_truncated_too() -> None:
    sequence = ClassSequence((0, 1), 2)
    options = blocks.SamplingOptions(5, sequence, 0.5, same_z=True)
    z = blocks.SamplingOptions(5, truncation=0.5).z(0, 8)
    assert torch.equal(options.z(0, 8)[:4], z[[0, 1, 0, 1]])


def test_the_same_z_needs_classes() -> None:
    with pytest.raises(UsageError, match="give the classes"):
        blocks.SamplingOptions(same_z=True)
