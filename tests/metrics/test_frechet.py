"""The Fréchet distance against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ganedit.errors import InputError
from ganedit.metrics.frechet import frechet_distance, frechet_distance_of


def test_when_only_the_means_differ():
    """Equal covariances cancel, leaving the squared distance: 3² + 4² = 25."""
    got = frechet_distance(np.zeros(2), np.eye(2), np.array([3.0, 4.0]), np.eye(2))
    assert got == pytest.approx(25.0, abs=1e-9)


def test_when_only_the_spreads_differ():
    """Along each axis (s1 - s2)²: (1 - 3)² + (2 - 5)² = 13."""
    got = frechet_distance(np.zeros(2), np.diag([1.0, 4.0]), np.zeros(2), np.diag([9.0, 25.0]))
    assert got == pytest.approx(13.0, abs=1e-9)


def test_covariances_that_do_not_commute():
    """Against the root of C1^½ C2 C1^½, computed the slow way."""
    rng = np.random.default_rng(0)
    a, b = (m @ m.T for m in rng.normal(size=(2, 4, 4)))
    values, vectors = np.linalg.eigh(a)
    root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
    trace = np.sqrt(np.linalg.eigvalsh(root @ b @ root)).sum()
    got = frechet_distance(np.zeros(4), a, np.zeros(4), b)
    assert got == pytest.approx(np.trace(a) + np.trace(b) - 2 * trace, rel=1e-9)


def test_singular_covariances_of_few_samples():
    features = np.random.default_rng(0).normal(size=(5, 16))
    assert frechet_distance_of(features, features) == pytest.approx(0, abs=1e-5)
    assert frechet_distance_of(features, features + 1) == pytest.approx(16, abs=1e-5)


def test_one_sample_is_refused():
    with pytest.raises(InputError, match="two samples"):
        frechet_distance_of(np.zeros((1, 3)), np.zeros((5, 3)))
