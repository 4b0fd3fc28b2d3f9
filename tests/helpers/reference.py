"""Comparison with the reference outputs."""

from __future__ import annotations

import torch


def assert_golden(got: torch.Tensor, wanted: torch.Tensor) -> None:
    """The tolerance of the reference data: 1e-4 of the largest value, at least 1e-4."""
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max().item() <= 1e-4 * max(1.0, wanted.abs().max().item())
