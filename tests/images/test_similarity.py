"""Structural similarity against the formula of its paper, written out for each window."""

from __future__ import annotations

import numpy as np
import torch

from ganedit.images.similarity import similarity_to


def written_out(x: np.ndarray, y: np.ndarray, window: int, sigma: float) -> float:
    """Mean over channels and whole windows of formula 13, with weighted means, variances and a covariance."""
    near = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * sigma**2))
    weights = np.outer(near, near) / near.sum() ** 2
    values = []
    for a, b in zip(x, y, strict=True):
        for top in range(a.shape[0] - window + 1):
            for left in range(a.shape[1] - window + 1):
                p, q = (z[top : top + window, left : left + window] for z in (a, b))
                mp, mq = (weights * p).sum(), (weights * q).sum()
                vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
                both = (weights * (p - mp) * (q - mq)).sum()
                means = (2 * mp * mq + 0.01**2) / (mp**2 + mq**2 + 0.01**2)
                values.append(means * (2 * both + 0.03**2) / (vp + vq + 0.03**2))
    return float(np.mean(values))


def test_it_is_the_formula_of_the_paper():
    random = torch.Generator().manual_seed(0)
    one = torch.rand(2, 3, 13, 17, generator=random)
    other = (one + 0.2 * torch.randn(one.shape, generator=random)).clamp(0, 1)
    for window, sigma in ((11, 1.5), (9, 1.0)):
        found = similarity_to(one, window, sigma)(other)
        wanted = [written_out(x, y, window, sigma) for x, y in zip(one.numpy(), other.numpy(), strict=True)]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_range_twice_as_wide_is_the_same():
    one, other = torch.rand(2, 1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        similarity_to(2 * one, data_range=2.0)(2 * other), similarity_to(one)(other), atol=1e-5, rtol=0
    )
