"""The measures, as functions of a classifier's features or probabilities.

``real`` and ``fake`` are features, float64 N x d and M x d; ``probabilities`` are float64 N x K.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from mnistgan.arrays import Images
from mnistgan.progress import OnProgress, Progress, no_progress

Array = npt.NDArray[np.float64]

MANIFOLD_K = 3
DENSITY_K = 5
KERNEL_SUBSETS = 100
KERNEL_SUBSET_SIZE = 1000
COPY_RATIO = 1 / 3

MANIFOLD_IMAGES = 10_000

_BLOCK = 250  # rows of distances at a time; small enough that the allocator reuses the memory
_NEAREST_BLOCK, _NEAREST_TILE = 1000, 4000  # images, and training images, compared at a time
_CANDIDATES = 8


def frechet_distance(real: Array, fake: Array) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Heusel et al. 2017, eq. 6).

    m and C are the mean and the unbiased covariance of the features. The distance is not negative;
    0 means equal means and covariances. It grows as the number of images shrinks.
    """
    # The trace of the root is the sum of the roots of the eigenvalues of A C2 A with A = C1^(1/2).
    # That matrix is symmetric. The usual scipy.linalg.sqrtm(C1 @ C2) is not, and leaves an
    # imaginary part to discard.
    real_covariance, fake_covariance = (np.cov(one, rowvar=False) for one in (real, fake))
    # clip: features that are always 0 give eigenvalues of 0, which rounding may make negative.
    values, vectors = np.linalg.eigh(real_covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ fake_covariance @ root)
    traces = np.trace(real_covariance) + np.trace(fake_covariance)
    means = np.square(real.mean(axis=0) - fake.mean(axis=0)).sum()
    return max(0.0, float(means + traces - 2 * np.sqrt(mixed.clip(0)).sum()))


def kernel_distance(real: Array, fake: Array, rng: np.random.Generator) -> tuple[float, float]:
    """Mean and standard deviation of the unbiased MMD^2 over random subsets.

    The kernel is (x.y / d + 1)^3 (Binkowski et al. 2018, "Demystifying MMD GANs", section 4). There
    are 100 pairs of subsets of 1,000 images, or of half of the smaller set if that is less. The
    result may be negative, because the estimator is unbiased.
    """
    # At most half of a set: subsets as large as the set would all be equal, with deviation 0.
    size = min(KERNEL_SUBSET_SIZE, len(real) // 2, len(fake) // 2)
    values = [
        _mmd2(real[rng.choice(len(real), size, False)], fake[rng.choice(len(fake), size, False)])
        for _ in range(KERNEL_SUBSETS)
    ]
    return float(np.mean(values)), float(np.std(values))


def _mmd2(x: Array, y: Array) -> float:
    """The unbiased squared maximum mean discrepancy (Gretton et al. 2012, eq. 3)."""
    count, dimensions = x.shape
    xx, yy, xy = ((a @ b.T / dimensions + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    pairs = count * (count - 1)
    within = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / pairs
    return float(within - 2 * xy.mean())


@dataclass(frozen=True)
class Manifold:
    """The overlap of two sets of features.

    Attributes:
        precision: share of fakes inside the real manifold, in [0, 1].
        recall: share of real images inside the fake manifold, in [0, 1].
        density: mean number of real neighborhoods that contain a fake, divided by k; 1 is as
            dense as real images.
        coverage: share of real neighborhoods that contain a fake, in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real: Array, fake: Array) -> Manifold:
    """Compute precision, recall, density and coverage.

    Precision and recall with k = 3 (Kynkaanniemi et al. 2019, "Improved precision and recall
    metric", eq. 1-2), density and coverage with k = 5 (Naeem et al. 2020, "Reliable fidelity and
    diversity metrics", eq. 3-4). A point is not its own neighbor.
    """
    count = min(len(real), len(fake))
    k_manifold, k_density = (max(1, min(k, count - 1)) for k in (MANIFOLD_K, DENSITY_K))
    real_radii, fake_radii = _radii(real, k_density), _radii(fake, k_manifold)
    inside, held = 0.0, 0.0
    in_fakes, hit = np.zeros(len(real), bool), np.zeros(len(real), bool)
    # One pass over blocks of distances serves all four: the whole matrix of 10,000 x 10,000 would
    # take 0.8 GB, and the passes of an earlier version took up to 1.7 times as long (commit
    # 69dd88c).
    for start in range(0, len(fake), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = _distances(fake[block], real)
        inside += np.count_nonzero((distances <= real_radii[:, k_manifold - 1]).any(axis=1))
        near = distances <= real_radii[:, k_density - 1]
        held += np.count_nonzero(near)
        hit |= near.any(axis=0)
        in_fakes |= (distances <= fake_radii[block, k_manifold - 1, None]).any(axis=0)
    return Manifold(
        precision=float(inside / len(fake)),
        recall=float(in_fakes.mean()),
        density=float(held / (k_density * len(fake))),
        coverage=float(hit.mean()),
    )


def _radii(points: Array, k: int) -> Array:
    """Squared distances of each point to its k nearest other points, in ascending order, N x k."""
    nearest = []
    for start in range(0, len(points), _BLOCK):
        distances = _distances(points[start : start + _BLOCK], points)
        np.fill_diagonal(distances[:, start:], np.inf)  # a point is not its own neighbor
        # torch's topk takes a quarter of the time of np.partition.
        nearest.append(torch.from_numpy(distances).topk(k, largest=False).values.numpy())
    return np.concatenate(nearest)


def _distances(left: Array, right: Array) -> Array:
    """Squared Euclidean distances, len(left) x len(right)."""
    squares = left @ (-2 * right.T)
    squares += np.square(left).sum(axis=1, keepdims=True)
    squares += np.square(right).sum(axis=1)
    return np.maximum(squares, 0, out=squares)  # rounding can make them negative


def classifier_score(probabilities: Array) -> float:
    """exp(mean KL(p(y|x) || p(y))), as in the Inception Score (Salimans et al. 2016, section 4).

    From 1 to the number of classes. It is not an Inception Score, because the classifier is not
    Inception.
    """
    tiny = np.finfo(np.float64).tiny  # p log p is 0 at p = 0, where log p alone is infinite
    marginal = probabilities.mean(axis=0)
    ratios = np.log(probabilities.clip(tiny)) - np.log(marginal.clip(tiny))
    return float(np.exp((probabilities * ratios).sum(axis=1).mean()))


def kl_divergence(shares: Array, reference: Array) -> float:
    """KL(shares || reference) in nats (Kullback & Leibler 1951).

    Infinite if a class with images has the reference share 0.
    """
    held = shares > 0
    if not reference[held].all():
        return np.inf
    return float((shares[held] * np.log(shares[held] / reference[held])).sum())


@dataclass(frozen=True)
class Nearest:
    """The nearest training image of each image, by pixels.

    Attributes:
        distance: root mean square difference of the pixels, in [0, 1], N.
        index: index of the training image, N.
        ratio: distance to the nearest divided by distance to the second nearest image, N.
    """

    distance: Array
    index: npt.NDArray[np.int64]
    ratio: Array

    @property
    def copies(self) -> float:
        """The share of images that repeat a training image, in [0, 1].

        An image is a copy if its nearest training image is less than a third as far away as the
        second nearest (Yoon et al. 2023, "Diffusion probabilistic models generalize when they fail
        to memorize", section 3), or if it equals a training image.
        """
        return float(((self.ratio < COPY_RATIO) | (self.distance == 0)).mean())


def nearest(train: Images, images: Images, on_progress: OnProgress = no_progress) -> Nearest:
    """Find the nearest training image of each image; both are uint8 N x C x H x W."""
    squares_found, index = [], []
    flat_train = train.reshape(len(train), -1)
    norms = np.einsum("np,np->n", flat_train, flat_train, dtype=np.float32)
    for start in range(0, len(images), _NEAREST_BLOCK):
        block = images[start : start + _NEAREST_BLOCK]
        flat = block.reshape(len(block), -1).astype(np.float32)
        candidates = _candidates(flat_train, norms, flat)
        exact = np.square(flat_train[candidates] - flat[:, None]).sum(axis=2, dtype=np.float64)
        order = np.argsort(exact, axis=1, kind="stable")[:, :2]
        squares_found.append(np.take_along_axis(exact, order, 1))
        index.append(np.take_along_axis(candidates, order, 1)[:, 0])
        on_progress(Progress("looking for copies", start + len(block), len(images)))
    distance = np.sqrt(np.concatenate(squares_found) / flat_train.shape[1]) / 255
    first, second = distance[:, 0], distance[:, -1]
    ratio = np.divide(first, second, out=np.ones(len(images)), where=second > 0)
    return Nearest(first, np.concatenate(index), ratio)


def _candidates(
    train: Images, norms: npt.NDArray[np.float32], block: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Indices of the (up to) 8 training images nearest to each row, in ascending order.

    ``train`` is uint8 N x P, ``norms`` its squared norms, ``block`` B x P.
    """
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b is one matrix product, but in float32 it is exact only to
    # about a gray level. So it only selects candidates, for the caller to compute exactly. Tiles
    # stay in the processor's cache, and the training images are never all in float32.
    distances, indices = [], []
    for start in range(0, len(train), _NEAREST_TILE):
        tile = slice(start, start + _NEAREST_TILE)
        rough = (-2 * block) @ train[tile].T.astype(np.float32)
        rough += norms[tile]
        # numpy's argpartition takes 14 times as long as torch's topk.
        found = torch.from_numpy(rough).topk(min(_CANDIDATES, rough.shape[1]), largest=False)
        distances.append(found.values)
        indices.append(found.indices + start)
    best = torch.cat(distances, 1).topk(min(_CANDIDATES, len(train)), largest=False).indices
    return torch.cat(indices, 1).gather(1, best).sort().values.numpy()
