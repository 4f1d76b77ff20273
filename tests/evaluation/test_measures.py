"""Every measure against a well-kept implementation on the same features."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from prdc import compute_prdc
from scipy.stats import entropy
from sklearn.neighbors import NearestNeighbors
from support import noise_images

from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.evaluation import measures
from mnistgan.evaluation.measures import Array
from mnistgan.progress import Progress

import_torchvision()  # torch-fidelity imports torchvision, which may lack its operators


def cloud(count: int, shift: float = 0.0, seed: int = 0, dimensions: int = 16) -> Array:
    """Points of a skewed distribution, as features behind a ReLU are."""
    rng = np.random.default_rng(seed)
    return np.maximum(rng.standard_normal((count, dimensions)) @ _MIX[:dimensions] + shift, 0)


_MIX = np.random.default_rng(9).standard_normal((16, 16)) / 3


@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
def test_frechet_distance_is_torch_fidelitys(shift: float) -> None:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    real, fake = cloud(500), cloud(400, shift, seed=1)
    statistics = [{"mu": one.mean(axis=0), "sigma": np.cov(one.T)} for one in (real, fake)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    assert measures.frechet_distance(real, fake) == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def test_frechet_distance_of_gaussians_is_known() -> None:
    """Of N(0, 1) and N(m, s^2) in each dimension it is m^2 + (1 - s)^2."""
    one = np.concatenate((np.eye(3), -np.eye(3))) * np.sqrt(2.5)  # mean 0, covariance 1
    assert measures.frechet_distance(one, 3 * one + 2) == pytest.approx(3 * (4 + 4))
    assert measures.frechet_distance(one, one) == pytest.approx(0, abs=1e-12)


def test_frechet_distance_of_features_that_never_fire() -> None:
    """A singular covariance, as of dead ReLUs, is no trouble."""
    real, fake = cloud(200), cloud(200, 0.1, seed=1)
    real[:, :5] = fake[:, :5] = 0
    assert math.isfinite(measures.frechet_distance(real, fake))


def test_frechet_distance_in_a_subspace_is_that_of_the_subspace() -> None:
    """The eigenvalues that are 0 but for rounding may be negative, and have no root then."""
    one = np.concatenate((np.eye(3), -np.eye(3))) * np.sqrt(2.5)  # mean 0, covariance 1
    for seed in range(20):
        axes = np.linalg.qr(np.random.default_rng(seed).standard_normal((40, 3)))[0].T
        ours = measures.frechet_distance(one @ axes, (3 * one + 2) @ axes)
        assert ours == pytest.approx(3 * (4 + 4))


def test_kernel_distance_is_torch_fidelitys() -> None:
    from torch_fidelity.metric_kid import kernel_mmd

    x, y = cloud(60), cloud(60, 0.2, seed=1)
    theirs = kernel_mmd(
        x, y, kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1,
        kid_kernel="poly", kid_kernel_rbf_sigma=10.0,
    )  # fmt: skip
    assert measures._mmd2(x, y) == pytest.approx(theirs, rel=1e-9)


def test_kernel_distance_is_the_same_for_the_same_seed() -> None:
    x, y = cloud(300), cloud(300, 0.2, seed=1)
    first, again = (measures.kernel_distance(x, y, np.random.default_rng(3)) for _ in range(2))
    assert first == again
    assert first[0] > measures.kernel_distance(x, cloud(300, seed=2), np.random.default_rng(3))[0]


@pytest.mark.parametrize(
    ("count_real", "count_fake", "size"),
    [(2600, 2400, 1000), (2001, 2500, 1000), (1999, 5000, 999), (5000, 301, 150), (9, 7, 3)],
)
def test_the_subsets_of_the_kernel_distance(
    count_real: int, count_fake: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred pairs of at most 1,000 different points each, or of half of the smaller set."""
    real, fake = np.arange(float(count_real))[:, None], -1 - np.arange(float(count_fake))[:, None]
    pairs: list[tuple[Array, Array]] = []

    def note(x: Array, y: Array) -> float:
        pairs.append((x, y))
        return float(len(pairs) ** 2)

    monkeypatch.setattr(measures, "_mmd2", note)
    mean, deviation = measures.kernel_distance(real, fake, np.random.default_rng(0))
    assert len(pairs) == 100
    for x, y in pairs:
        assert len(np.unique(x)) == len(np.unique(y)) == len(x) == len(y) == size
        assert x.min() >= 0 > y.max()
    assert len({tuple(np.sort(x[:, 0])) for x, _ in pairs}) > 50, "drawn anew"
    # Of 1, 4, 9, ... 10,000: the sums of squares and of fourth powers are known.
    assert mean == pytest.approx(101 * 201 / 6)
    assert deviation == pytest.approx(math.sqrt(2050333330 / 100 - mean**2))


def test_manifolds_by_hand() -> None:
    """Two real points and two fakes on a line, a distance of 1 apart: spheres include their ends.

    The radii are all 1, for of two points each has one neighbor. The fake at 2 lies in the sphere
    around 1, that around the fake at 2 holds the point at 1, and nothing else is within reach.
    """
    ours = measures.manifold(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]]))
    assert ours == measures.Manifold(precision=0.5, recall=0.5, density=0.5, coverage=0.5)


@pytest.mark.parametrize("count_real", [2, 3, 4, 5, 6, 7, 40])
@pytest.mark.parametrize("count_fake", [2, 3, 4, 5, 6, 7, 40])
def test_manifolds_of_few_points_by_definition(count_real: int, count_fake: int) -> None:
    """On a grid, where many distances are equal; k is less than the size of the smaller set."""
    rng = np.random.default_rng(count_real * 100 + count_fake)
    real = rng.integers(0, 7, (count_real, 2)).tolist()
    fake = rng.integers(2, 9, (count_fake, 2)).tolist()

    def apart(a: list[int], b: list[int]) -> int:
        return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2

    def radii(points: list[list[int]], k: int) -> list[int]:
        return [
            sorted(apart(point, other) for j, other in enumerate(points) if j != i)[k - 1]
            for i, point in enumerate(points)
        ]

    smaller = min(count_real, count_fake)
    k3, k5 = min(3, smaller - 1), min(5, smaller - 1)
    real3, real5, fake3 = radii(real, k3), radii(real, k5), radii(fake, k3)
    held = [[apart(f, x) <= r for x, r in zip(real, real5, strict=True)] for f in fake]
    precision = [any(apart(f, x) <= r for x, r in zip(real, real3, strict=True)) for f in fake]
    recall = [any(apart(f, x) <= r for f, r in zip(fake, fake3, strict=True)) for x in real]
    ours = measures.manifold(np.array(real, float), np.array(fake, float))
    assert ours.precision == pytest.approx(np.mean(precision))
    assert ours.recall == pytest.approx(np.mean(recall))
    assert ours.density == pytest.approx(np.sum(held) / (k5 * count_fake))
    assert ours.coverage == pytest.approx(np.mean(np.any(held, axis=0)))


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.6])
def test_manifolds_are_torch_fidelitys_and_prdcs(shift: float) -> None:
    from torch_fidelity.metric_prc import (
        KEY_METRIC_PRECISION,
        KEY_METRIC_RECALL,
        prc_features_to_metric,
    )

    real, fake = cloud(200), cloud(200, shift, seed=1)
    ours = measures.manifold(real, fake)
    theirs = prc_features_to_metric(
        torch.from_numpy(fake), torch.from_numpy(real), prc_neighborhood=3, prc_batch_size=64,
        verbose=False,
    )  # fmt: skip
    assert ours.precision == pytest.approx(theirs[KEY_METRIC_PRECISION], abs=1e-6)
    assert ours.recall == pytest.approx(theirs[KEY_METRIC_RECALL], abs=1e-6)
    prdc = compute_prdc(real, fake, nearest_k=measures.DENSITY_K)
    assert ours.density == pytest.approx(prdc["density"])
    assert ours.coverage == pytest.approx(prdc["coverage"])


def test_manifolds_of_blocks_and_of_the_whole_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = cloud(150), cloud(130, 0.2, seed=1)
    whole = measures.manifold(real, fake)
    monkeypatch.setattr(measures, "_BLOCK", 17)
    assert measures.manifold(real, fake) == whole


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("count", [6, 250, 620])
def test_radii_are_scikit_learns(k: int, count: int) -> None:
    points = cloud(count)
    points[1] = points[4]  # another point, though at the same place
    theirs, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()
    np.testing.assert_allclose(measures._radii(points, k), np.square(theirs), rtol=1e-9, atol=1e-12)


def test_classifier_score_is_torch_fidelitys() -> None:
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    logits = torch.from_numpy(np.random.default_rng(0).standard_normal((300, 10)) * 4)
    theirs = isc_features_to_metric(logits, splits=1, shuffle=False)[KEY_METRIC_ISC_MEAN]
    ours = measures.classifier_score(logits.softmax(dim=1).numpy())
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_classifier_score_at_its_ends() -> None:
    assert measures.classifier_score(np.eye(10)) == pytest.approx(10)
    assert measures.classifier_score(np.full((5, 10), 0.1)) == pytest.approx(1)
    assert measures.classifier_score(np.eye(10)[[0, 7, 7, 0]]) == pytest.approx(2)  # never the rest


shares = hnp.arrays(np.float64, 5, elements=st.sampled_from(np.linspace(0, 1, 9).tolist())).filter(
    lambda one: one.sum() > 0.1
)


@given(shares, shares)
def test_kl_is_scipys(left: Array, right: Array) -> None:
    left, right = left / left.sum(), right / right.sum()
    ours = measures.kl_divergence(left, right)
    assert ours == pytest.approx(entropy(left, right), rel=1e-9, abs=1e-12) or (
        ours == math.inf == entropy(left, right)
    )


def test_nearest_is_scikit_learns() -> None:
    train, images = noise_images(300, 1, 8, 8), noise_images(520, 1, 8, 8, seed=1)
    images[3] = train[7]
    ours = measures.nearest(train, images)
    flat = [one.reshape(len(one), -1) / 255 for one in (train, images)]
    distances, index = NearestNeighbors(n_neighbors=2).fit(flat[0]).kneighbors(flat[1])
    np.testing.assert_allclose(ours.distance, distances[:, 0] / 8, atol=1e-7)
    np.testing.assert_array_equal(ours.index, index[:, 0])
    np.testing.assert_allclose(ours.ratio, distances[:, 0] / distances[:, 1], atol=1e-6)


def test_copies_are_counted() -> None:
    train = noise_images(100, 1, 8, 8)
    nearly = (train[:10].astype(int) + 2).clip(0, 255).astype(np.uint8)
    fresh = noise_images(30, 1, 8, 8, seed=1)
    images = np.concatenate((train[:5], nearly, fresh))
    assert measures.nearest(train, images).copies == pytest.approx(15 / 45)
    twice = np.concatenate((train, train))
    assert measures.nearest(twice, train[:4]).copies == 1


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 10, 11, 2000, 4001])
def test_nearest_of_any_number_of_training_images(count: int) -> None:
    """Whole numbers, without rounding; the sums of squares are too large for float32."""
    train, images = noise_images(count, 1, 28, 28), noise_images(60, 1, 28, 28, seed=1)
    images[:2], train[0] = train[count // 2], 255
    images[5] = 0
    ours = measures.nearest(train, images)
    squares = np.array(
        [np.square(train.astype(np.int64) - image).sum(axis=(1, 2, 3)) for image in images]
    )
    order = np.sort(squares, axis=1)
    first, second = order[:, 0], order[:, min(1, count - 1)]
    np.testing.assert_array_equal(squares[np.arange(60), ours.index], first)
    np.testing.assert_allclose(ours.distance, np.sqrt(first / 784) / 255, rtol=1e-13)
    expected = [math.sqrt(a / b) if b else 1 for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(ours.ratio, expected, rtol=1e-13)


def test_of_equal_training_images_none_is_nearer() -> None:
    """Even at distance 0, where the ratio of the two distances is not defined."""
    train = np.repeat(noise_images(20, 1, 8, 8), 2, axis=0)
    ours = measures.nearest(train, train)
    assert not ours.distance.any()
    assert (ours.ratio == 1).all()


def test_the_lowest_ratio_that_is_not_a_copy() -> None:
    """Yoon et al. call an image a copy below a third."""
    ratio = np.array([0.0, 0.333, 1 / 3, 0.334, 1.0, 1.0])
    distance = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.0])
    assert measures.Nearest(distance, np.zeros(6, np.int64), ratio).copies == 3 / 6


def test_looking_for_copies_tells_how_far_it_is() -> None:
    told: list[Progress] = []
    measures.nearest(noise_images(30, 1, 4, 4), noise_images(2020, 1, 4, 4), told.append)
    assert told == [Progress("looking for copies", done, 2020) for done in (1000, 2000, 2020)]


def test_nearest_does_not_depend_on_the_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    train, images = noise_images(150, 1, 8, 8), noise_images(70, 1, 8, 8, seed=1)
    train[[40, 90, 149]] = images[5] = train[3]  # equal images in different tiles
    whole = measures.nearest(train, images)
    assert whole.index[5] == 3, "the first of equal images"
    monkeypatch.setattr(measures, "_NEAREST_BLOCK", 9)
    monkeypatch.setattr(measures, "_NEAREST_TILE", 17)
    tiled = measures.nearest(train, images)
    for name in ("distance", "index", "ratio"):
        np.testing.assert_array_equal(getattr(tiled, name), getattr(whole, name))


def test_the_memory_of_nearest_does_not_grow_with_either_set() -> None:
    """The training images in float32 would take 150 MB, all distances at once 580 MB."""
    train, images = noise_images(48_000, 1, 28, 28), noise_images(3000, 1, 28, 28, seed=1)
    tracemalloc.start()
    try:
        measures.nearest(train, images)
        assert tracemalloc.get_traced_memory()[1] < 80 * 2**20
    finally:
        tracemalloc.stop()
