"""Every measure, held against a well-kept implementation on the same features."""

from __future__ import annotations

import math

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
