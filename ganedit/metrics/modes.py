"""How much of a mixture of normal distributions a generator of points draws (VEEGAN, arXiv:1705.07761)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganedit.errors import InputError

NEAR = 3.0  # standard deviations


class ModeCoverage(NamedTuple):
    """Modes with at least one sample within three standard deviations, and the share of such samples."""

    covered: int
    near: float


def mode_coverage(points: Tensor, modes: Tensor, sigma: float) -> ModeCoverage:
    """Count the modes that points cover, and the share of points that are near one.

    Args:
        points: [N, 2]; Srivastava et al. take 2,500.
        modes: Centres [M, 2].
        sigma: Standard deviation of all modes in each direction.

    Raises:
        InputError: No points, or no modes.

    Examples:
        >>> import torch
        >>> modes = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
        >>> mode_coverage(torch.tensor([[0.02, 0.0], [0.5, 0.0]]), modes, sigma=0.01)
        ModeCoverage(covered=1, near=0.5)
    """
    if not len(points) or not len(modes):
        raise InputError(f"coverage needs points and modes, not {len(points)} and {len(modes)}")
    distance, nearest = torch.cdist(points.double(), modes.double()).min(dim=1)
    near = distance <= NEAR * sigma
    return ModeCoverage(len(nearest[near].unique()), float(near.double().mean()))
