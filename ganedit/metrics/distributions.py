"""How far two sets of features lie apart, and where: kernel distance, class score, precision and coverage."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import InputError

KERNEL_SUBSETS, KERNEL_SUBSET = 100, 1000  # as clean-fid and torch-fidelity take them
CLASS_SPLITS = 10  # as Salimans et al. do
ROWS = 1024  # of a matrix of distances that are computed at once


def kernel_distance(features1: np.ndarray, features2: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Squared maximum mean discrepancy of two sets of features, with the kernel (x·y / D + 1)³.

    It is the Kernel Inception Distance if the features are Inception's (Bińkowski et al., "Demystifying MMD
    GANs", arXiv:1801.01401): unlike the Fréchet distance, its expectation does not depend on the number of
    images, so that it may be negative. torchmetrics computes it.

    Args:
        features1: [N, D].
        features2: [M, D].
        seed: Determines the 100 subsets of at most 1,000 features that it is averaged over.

    Returns:
        The mean over the subsets, and their standard deviation.

    Raises:
        InputError: Fewer than two samples in a set.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(KERNEL_SUBSET, len(features1), len(features2))
    if size < 2:
        raise InputError(f"a kernel distance needs two samples on each side, got {size}")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it keeps the features
        torch.manual_seed(seed)
        metric = KernelInceptionDistance(torch.nn.Identity(), subsets=KERNEL_SUBSETS, subset_size=size)
        metric.update(torch.from_numpy(np.asarray(features2, np.float64)), real=True)
        metric.update(torch.from_numpy(np.asarray(features1, np.float64)), real=False)
        mean, spread = metric.compute()
    return float(mean), float(spread)


def class_score(logits: Tensor, *, seed: int = 0) -> tuple[float, float]:
    """How surely images belong to classes, and how evenly to all: exp of the mean of KL(p(y|x) || p(y)).

    It is the Inception Score if the classes are Inception's (Salimans et al., arXiv:1606.03498), from 1 to
    the number of classes. torchmetrics computes it.

    Args:
        logits: Of classes, [N, C].
        seed: Determines the order in which images are split into ten groups.

    Returns:
        The mean over the groups, and their standard deviation.

    Raises:
        InputError: Fewer than two images.
    """
    from torchmetrics.image.inception import InceptionScore

    if len(logits) < 2:
        raise InputError(f"a class score needs two images, got {len(logits)}")
    splits = min(CLASS_SPLITS, len(logits) // 2)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        metric = InceptionScore(torch.nn.Identity(), splits=splits)
        metric.update(logits.double())
        mean, spread = metric.compute()
    return float(mean), float(spread) if splits > 1 else 0.0


@dataclass(frozen=True)
class Neighbourhoods:
    """How two sets of features lie among each other.

    Attributes:
        precision: Share of samples that lie in the neighbourhood of a real image: quality, 0 to 1.
        recall: Share of real images that lie in the neighbourhood of a sample: variety, 0 to 1.
        density: In how many neighbourhoods of real images a sample lies, in units of what is expected of
            equal sets; quality that a single outlier cannot raise. May be above 1.
        coverage: Share of real images with a sample in their neighbourhood: variety, 0 to 1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


PRECISION_NEIGHBOURS, DENSITY_NEIGHBOURS = 3, 5


def neighbourhoods(features: np.ndarray, real: np.ndarray, *, neighbours: int = 0) -> Neighbourhoods:
    """Precision and recall (Kynkäänniemi et al., arXiv:1904.06991), density and coverage (Naeem et al.,
    arXiv:2002.09797).

    The neighbourhood of a feature is the ball that reaches to its k-th nearest other feature of its set.

    Args:
        features: Of the samples, [N, D].
        real: Of real images, [M, D].
        neighbours: k; 0 is that of the papers: 3 for precision and recall, 5 for density and coverage.

    Returns:
        The four numbers.

    Raises:
        InputError: A set has no more than k samples.
    """
    k, dense_k = neighbours or PRECISION_NEIGHBOURS, neighbours or DENSITY_NEIGHBOURS
    if min(len(features), len(real)) <= max(k, dense_k):
        raise InputError(
            f"{min(len(features), len(real))} images are too few for {max(k, dense_k)} neighbours",
            "give more images, or choose fewer `neighbours`",
        )
    drawn, photos = (torch.from_numpy(np.asarray(x, np.float64)) for x in (features, real))
    (real_radius, dense_radius), (drawn_radius,) = _radii(photos, k, dense_k), _radii(drawn, k)
    near, counts = [], []
    recalled = torch.zeros(len(photos), dtype=torch.bool)
    nearest = torch.full((len(photos),), torch.inf, dtype=torch.float64)
    for rows, radii in zip(drawn.split(ROWS), drawn_radius.split(ROWS), strict=True):
        distances = torch.cdist(rows, photos)  # [rows, M]
        near.append((distances <= real_radius).any(1))
        counts.append((distances <= dense_radius).sum(1))
        recalled |= (distances <= radii[:, None]).any(0)
        nearest = nearest.minimum(distances.amin(0))
    return Neighbourhoods(
        precision=float(torch.cat(near).double().mean()),
        recall=float(recalled.double().mean()),
        density=float(torch.cat(counts).double().mean()) / dense_k,
        coverage=float((nearest <= dense_radius).double().mean()),
    )


def _radii(features: Tensor, *neighbours: int) -> list[Tensor]:
    """Distances [N] to the k-th nearest other feature, for each k."""
    found: list[list[Tensor]] = [[] for _ in neighbours]
    for rows in features.split(ROWS):
        distances = torch.cdist(rows, features)
        for k, radii in zip(neighbours, found, strict=True):
            radii.append(distances.kthvalue(k + 1, dim=1).values)  # the nearest is the feature itself
    return [torch.cat(radii) for radii in found]
