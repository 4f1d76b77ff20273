"""Noise by (seed, stream, index)."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mnistgan.models import noise
from mnistgan.models.noise import Stream

seeds = st.integers(0, 2**63 - 1)


@given(seeds, st.sampled_from(Stream), st.integers(0, 2**40))
def test_a_draw_can_be_made_again_and_no_other_is_like_it(
    seed: int, stream: Stream, index: int
) -> None:
    draw = noise.normal(seed, stream, index, (16,))
    assert torch.equal(draw, noise.normal(seed, stream, index, (16,)))
    for other in (
        noise.normal(seed ^ 1, stream, index, (16,)),
        noise.normal(seed, Stream((stream + 1) % len(Stream)), index, (16,)),
        noise.normal(seed, stream, index + 1, (16,)),
    ):
        assert not torch.equal(draw, other)


def test_the_stream_is_fixed() -> None:
    """A change here changes every published sample: it needs a new major version."""
    z = noise.normal(0, Stream.SAMPLE, 0, (3,))
    np.testing.assert_allclose(z, [-1.0101171, 0.8902162, 1.7983693], rtol=1e-6)


def test_noise_is_standard_normal() -> None:
    z = noise.normal(1, Stream.NOISE, 0, (100_000,))
    assert z.dtype == torch.float32
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02


def test_each_epoch_sees_each_image_once_in_an_order_of_its_own() -> None:
    first, second = noise.permutation(0, 1, 1000), noise.permutation(0, 2, 1000)
    assert first.sort().values.tolist() == list(range(1000))
    assert not torch.equal(first, second)


def test_noise_of_a_turn_does_not_depend_on_the_turns_before() -> None:
    def fresh() -> noise.Noise:
        return noise.Noise(noise.normal, 5, Stream.NOISE, (3, 2), torch.device("cpu"))

    forwards = fresh()
    turns = [forwards[turn] for turn in range(70)]
    assert turns[0].shape == (3, 2)
    assert len({tuple(z.flatten().tolist()) for z in turns}) == 70
    for turn in (69, 0, 33):
        assert torch.equal(fresh()[turn], turns[turn])
