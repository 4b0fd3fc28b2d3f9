"""Measures of two clouds of features, against values worked by hand and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganedit.errors import InputError
from ganedit.metrics.distributions import class_score, kernel_distance, neighbourhoods
from ganedit.metrics.frechet import frechet_distance_of

AGREES = {"rel": 1e-4, "abs": 1e-6}  # torch-fidelity computes in float32 in places


def clouds(n: int = 60, d: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(0.5, 1.5, size=(n, d))


# ---- by hand ----


def test_kernel_distance_of_two_pairs_of_numbers():
    """k(x, y) = (xy + 1)³. Among 0 and 1: k(0, 1) = 1. Among 2 and 3: k(2, 3) = 343. Between: k(0, .) = 1
    twice, k(1, 2) = 27, k(1, 3) = 64, of mean 93 / 4. So 1 + 343 - 2 · 93 / 4 = 297.5."""
    mean, spread = kernel_distance(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]]))
    assert mean == pytest.approx(297.5)
    assert spread == pytest.approx(0, abs=1e-6)


def test_kernel_distance_divides_by_the_dimensions():
    """With each number twice, x·y / 2 is what xy was."""
    one, other = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 2.0], [3.0, 3.0]])
    assert kernel_distance(one, other)[0] == pytest.approx(297.5)


def test_kernel_distance_is_the_same_every_time():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, other = clouds(1200)
    assert kernel_distance(one, other) == kernel_distance(one, other)
    assert kernel_distance(one, other) != kernel_distance(one, other, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_class_score_by_hand():
    """Sure of one of four classes, evenly: 4. Sure of the same class: 1. Sure of nothing: 1."""
    even = torch.eye(4).repeat(20, 1) * 100
    assert class_score(even[torch.arange(80) % 4 == 0])[0] == pytest.approx(1)
    assert class_score(torch.zeros(40, 4))[0] == pytest.approx(1)
    assert class_score(even[:8].repeat(100, 1))[0] == pytest.approx(4, rel=0.05)  # groups are not quite even


def test_neighbourhoods_by_hand():
    """On a line, k = 1. Real 0, 1, 3, 10: radii 1, 1, 2, 7. Samples 0.5, 4, 20: radii 3.5, 3.5, 16.

    0.5 lies in the balls of 0 and 1; 4 in those of 3 and of 10; 20 in none. Real 0, 1, 3 lie in that of 0.5,
    10 in that of 20. The nearest samples are 0.5, 0.5, 1 and 6 away, within each radius.
    """
    real, drawn = (np.array(x, float)[:, None] for x in ([0, 1, 3, 10], [0.5, 4, 20]))
    found = neighbourhoods(drawn, real, neighbours=1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == 1
    assert found.density == pytest.approx(4 / 3)
    assert found.coverage == 1


def test_neighbourhoods_tell_quality_from_variety():
    """Samples that are all alike are precise, but cover little; those spread too far the other way round."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(500, 2))
    alike = neighbourhoods(rng.normal(size=(500, 2)) * 0.1, real)
    wide = neighbourhoods(rng.normal(size=(500, 2)) * 5, real)
    assert alike.precision > 0.95
    assert alike.density > 0.7
    assert max(alike.recall, alike.coverage) < 0.2
    assert wide.precision < 0.5
    assert wide.recall > 0.8


def test_equal_sets_are_perfect():
    one, _ = clouds()
    found = neighbourhoods(one, one)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert frechet_distance_of(one, one) == pytest.approx(0, abs=1e-6)


def test_too_few():
    with pytest.raises(InputError, match="two samples"):
        kernel_distance(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(InputError, match="two images, got 1"):
        class_score(torch.zeros(1, 3))
    with pytest.raises(InputError, match="5 images are too few for 5 neighbours"):
        neighbourhoods(np.zeros((9, 3)), np.zeros((5, 3)))


# ---- against other implementations ----


def test_frechet_distance_is_that_of_torchmetrics():
    from torchmetrics.image.fid import _compute_fid

    one, other = clouds()
    moments = [torch.tensor(x) for f in (one, other) for x in (f.mean(0), np.cov(f, rowvar=False))]
    assert frechet_distance_of(one, other) == pytest.approx(float(_compute_fid(*moments)), rel=1e-6)


def test_measures_are_those_of_torch_fidelity():
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    from torch_fidelity.metric_fid import fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    one, other = clouds()
    a, b = torch.tensor(one), torch.tensor(other)
    statistics = [{"mu": f.mean(0), "sigma": np.cov(f, rowvar=False)} for f in (one, other)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)
    assert frechet_distance_of(one, other) == pytest.approx(theirs["frechet_inception_distance"], **AGREES)
    theirs = kid_features_to_metric(a, b, kid_subsets=1, kid_subset_size=60, verbose=False)
    ours, _ = kernel_distance(one, other)
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], **AGREES)
    theirs = isc_features_to_metric(a[:20].repeat(10, 1), splits=1)  # one group: no order
    mean = class_score_of_one_group(a[:20].repeat(10, 1))
    assert mean == pytest.approx(theirs["inception_score_mean"], **AGREES)
    theirs = prc_features_to_metric(a, b, prc_neighborhood=3, verbose=False)
    found = neighbourhoods(one, other)
    assert found.precision == pytest.approx(theirs["precision"], abs=1e-6)
    assert found.recall == pytest.approx(theirs["recall"], abs=1e-6)


def class_score_of_one_group(logits: torch.Tensor) -> float:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ganedit.metrics.distributions.CLASS_SPLITS", 1)
        return class_score(logits)[0]
