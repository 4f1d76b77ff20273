"""Interpolation between points of latent space, and closed paths through it."""

from __future__ import annotations

import numpy as np

from mnistgan.latent import interpolation
from mnistgan.latent.interpolation import FloatArray, lerp, slerp


def points(*shape: int) -> FloatArray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_slerp_keeps_the_length_of_noise_and_a_straight_line_does_not() -> None:
    start, end = points(2, 1, 512)
    assert np.linalg.norm(slerp(start, end, 0.5)) > 20
    assert np.linalg.norm(lerp(start, end, 0.5)) < 18
    np.testing.assert_allclose(slerp(start, end, 0.0), start, rtol=1e-5)
    np.testing.assert_allclose(slerp(start, end, 1.0), end, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slerp(start, start, 0.3), start, rtol=1e-5)


def test_a_circle_keeps_its_radius_and_closes() -> None:
    first, second = points(2, 3, 16)
    circle = interpolation.circle(first, second, 80)
    assert circle.shape == (80, 3, 16)
    assert circle.dtype == np.float32
    lengths = np.linalg.norm(circle, axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[:1], (80, 3)), rtol=1e-5)
    steps = np.linalg.norm(np.roll(circle, -1, axis=0) - circle, axis=-1)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:1], (80, 3)), rtol=1e-3)
    np.testing.assert_allclose(circle[0], first, rtol=1e-5)


def test_a_loop_of_one_point_stays_there() -> None:
    point = points(1, 2, 8)
    assert (interpolation.loop(point, 5, slerp) == point).all()


def test_a_loop_passes_each_point_and_closes() -> None:
    stops = points(3, 1, 64)
    loop = interpolation.loop(stops, 60, slerp)
    for number in range(3):
        np.testing.assert_allclose(loop[20 * number], stops[number], rtol=1e-5, atol=1e-5)
    steps = np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=-1)
    assert steps.max() < 1.5 * steps.min()  # also from the last frame to the first
    uneven = interpolation.loop(stops, 8, slerp)
    assert all(np.isclose(uneven, point, atol=1e-5).all(axis=(1, 2)).any() for point in stops)


def test_a_square_has_its_corners_and_the_typical_length_between_them() -> None:
    corners = points(4, 256)
    square = interpolation.square(corners, 5, slerp).reshape(5, 5, 256)
    found = [square[0, 0], square[0, -1], square[-1, 0], square[-1, -1]]
    np.testing.assert_allclose(found, corners, rtol=1e-4, atol=1e-5)
    assert np.linalg.norm(square, axis=-1).min() > 14
    middle = interpolation.square(corners, 3, lerp).reshape(3, 3, 256)[1, 1]
    np.testing.assert_allclose(middle, corners.mean(axis=0), rtol=1e-4, atol=1e-5)
