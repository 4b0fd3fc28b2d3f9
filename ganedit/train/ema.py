"""Exponential moving average of a network's parameters."""

from __future__ import annotations

import copy
import math
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def averaged_copy(network: Network) -> Network:
    """A copy for the moving average, in evaluation mode and without gradients."""
    return copy.deepcopy(network).eval().requires_grad_(False)


@torch.no_grad()
def update_ema(average: nn.Module, network: nn.Module, beta: float) -> None:
    """average = beta · average + (1 - beta) · network; buffers are copied.

    `beta` 0 copies the network, 1 keeps the average as it is.
    """
    pairs = list(zip(average.parameters(), network.parameters(), strict=True))
    torch._foreach_lerp_([a for a, _ in pairs], [b for _, b in pairs], 1 - beta)
    for a, b in zip(average.buffers(), network.buffers(), strict=True):
        a.copy_(b)


def ema_beta(batch: int, images_seen: int, kimg: float, rampup: float | None) -> float:
    """Decay per step for a half-life of `kimg` thousand images.

    While few images have been seen, the half-life is limited to `rampup` times their number, so that the
    average forgets the first steps (Karras et al., arXiv:2006.06676, appendix C).
    """
    half_life = kimg * 1000
    if rampup is not None:
        half_life = min(half_life, images_seen * rampup)
    return math.pow(0.5, batch / max(half_life, 1e-8))
