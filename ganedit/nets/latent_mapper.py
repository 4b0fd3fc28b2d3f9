"""StyleCLIP's latent mapper (Patashnik et al., arXiv:2103.17249, section 5): how one text changes a code.

A network for each of the coarse, middle and fine rows of the code, since texts speak of shape, of features,
or of colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALE = 0.1  # of what the networks give, as in the paper


@dataclass(frozen=True)
class LatentMapperConfig:
    """The rows of codes [L, W] that each network maps; a row in no band is unchanged."""

    w_dim: int
    num_ws: int
    bands: tuple[tuple[int, ...], ...]  # rows, by network
    layers: int = 4

    def __post_init__(self) -> None:
        rows = [row for band in self.bands for row in band]
        if len(set(rows)) < len(rows) or not all(0 <= row < self.num_ws for row in rows):
            raise ValueError("every row belongs to one band at most, and to the code")


class LatentMapper(nn.Module):
    """Codes ws [N, L, W] to changed ones."""

    def __init__(self, cfg: LatentMapperConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.bands = nn.ModuleList(
            nn.Sequential(*(Layer(cfg.w_dim, last=i + 1 == cfg.layers) for i in range(cfg.layers)))
            for _ in cfg.bands
        )

    def forward(self, ws: Tensor) -> Tensor:
        changed = ws.clone()
        for rows, network in zip(self.cfg.bands, self.bands, strict=True):
            code = ws[:, list(rows)]
            normal = code * (code.square().mean(dim=2, keepdim=True) + 1e-8).rsqrt()
            changed[:, list(rows)] = code + SCALE * network(normal)
        return changed


class Layer(nn.Module):
    """Fully connected, with a leaky ReLU after all but the last."""

    def __init__(self, width: int, *, last: bool) -> None:
        super().__init__()
        self.last = last
        self.linear = nn.Linear(width, width)
        with torch.no_grad():
            self.linear.bias.zero_()
            if last:  # changes nothing at first
                self.linear.weight.mul_(0.01)

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        return y if self.last else F.leaky_relu(y, 0.2)
