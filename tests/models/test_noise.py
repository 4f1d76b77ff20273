"""Noise by (seed, stream, index), and walks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mnistgan.latent import interpolation
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


@pytest.mark.parametrize("path", ["slerp", "linear", "circle"])
def test_walks_are_seamless(path: interpolation.WalkPath) -> None:
    walk = interpolation.walk(path, 3, walkers=2, frames=80, latent_dim=32)
    assert walk.shape == (80, 2, 32)
    assert walk.dtype == torch.float32
    steps = (walk.roll(-1, dims=0) - walk).norm(dim=-1)
    assert steps[-1].max() < 1.5 * steps.median()  # from the last frame to the first


def test_slerp_keeps_the_length_of_noise_and_a_straight_line_does_not() -> None:
    rng = np.random.default_rng(0)
    start, end = rng.standard_normal((2, 1, 512)).astype(np.float32)
    assert np.linalg.norm(interpolation.slerp(start, end, 0.5)) > 20
    assert np.linalg.norm(interpolation.lerp(start, end, 0.5)) < 18
    np.testing.assert_allclose(interpolation.slerp(start, end, 0.0), start, rtol=1e-5)
    np.testing.assert_allclose(interpolation.slerp(start, end, 1.0), end, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(interpolation.slerp(start, start, 0.3), start, rtol=1e-5)


def test_a_circle_keeps_its_radius() -> None:
    lengths = interpolation.walk("circle", 0, walkers=3, frames=10, latent_dim=16).norm(dim=-1)
    torch.testing.assert_close(lengths, lengths[:1].expand(10, 3))


def test_noise_of_a_turn_does_not_depend_on_the_turns_before() -> None:
    def fresh() -> noise.Noise:
        return noise.Noise(noise.normal, 5, Stream.NOISE, (3, 2), torch.device("cpu"))

    forwards = fresh()
    turns = [forwards[turn] for turn in range(70)]
    assert turns[0].shape == (3, 2)
    assert len({tuple(z.flatten().tolist()) for z in turns}) == 70
    for turn in (69, 0, 33):
        assert torch.equal(fresh()[turn], turns[turn])
