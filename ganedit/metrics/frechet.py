"""The Fréchet distance between two clouds of feature vectors (FID: Heusel et al., arXiv:1706.08500)."""

from __future__ import annotations

import numpy as np

from ganedit.errors import InputError


def frechet_distance(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    """Distance between two Gaussians: |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½).

    Args:
        mean1, mean2: [D].
        cov1, cov2: Covariances [D, D].

    Returns:
        A number of at least 0, which is 0 for equal Gaussians, in squared units of the features.
    """
    # C1 C2 has the eigenvalues of the positive semi-definite C1^½ C2 C1^½, so the trace of its root
    # is the sum of their roots; values that are negative or complex due to rounding are noise around zero.
    eigenvalues = np.linalg.eigvals(np.asarray(cov1, np.float64) @ np.asarray(cov2, np.float64)).real
    root_trace = np.sqrt(eigenvalues.clip(min=0)).sum()
    offset = np.square(np.asarray(mean1, np.float64) - mean2).sum()
    return float(max(offset + np.trace(cov1) + np.trace(cov2) - 2 * root_trace, 0.0))


def frechet_distance_of(features1: np.ndarray, features2: np.ndarray) -> float:
    """Fréchet distance between the Gaussians fitted to two sets of features (FID, Heusel et al.,
    arXiv:1706.08500).

    Fewer samples give larger values: compare only distances that were measured with equal numbers.

    Args:
        features1: [N, D].
        features2: [M, D].

    Returns:
        At least 0, in squared units of the features.

    Raises:
        InputError: Fewer than two samples in a set.

    Examples:
        >>> import numpy as np
        >>> square = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
        >>> round(ganedit.frechet_distance(square, square + [3.0, 4.0]), 6)  # only the means differ
        25.0
    """
    for features in (features1, features2):
        if len(features) < 2:
            raise InputError(f"a Fréchet distance needs two samples on each side, got {len(features)}")
    (mean1, cov1), (mean2, cov2) = _gaussian(features1), _gaussian(features2)
    return frechet_distance(mean1, cov1, mean2, cov2)


def _gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = np.asarray(features, np.float64)
    return features.mean(0), np.cov(features, rowvar=False).reshape(features.shape[1], -1)
