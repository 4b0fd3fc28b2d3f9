"""Modes covered, and the share of points near one, on points placed by hand."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import InputError
from ganedit.metrics.modes import mode_coverage

MODES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_by_hand():
    """Two points at the first mode, one just within and one just beyond 3 sigma of the second."""
    points = torch.tensor([[0.0, 0.0], [0.1, 0.1], [10.0, 2.99], [10.0, 3.01]])
    assert mode_coverage(points, MODES, sigma=1.0) == (2, 0.75)


def test_nothing_near():
    assert mode_coverage(torch.tensor([[5.0, 5.0]]), MODES, sigma=1.0) == (0, 0.0)


def test_nothing_to_count():
    with pytest.raises(InputError, match="0 and 3"):
        mode_coverage(torch.empty(0, 2), MODES, sigma=1.0)
