"""Encoder from aligned pictures to style codes, in the manner of pSp and e4e.

Richardson et al., arXiv:2008.00951 (a feature pyramid gives coarse, middle and fine codes) and Tov et al.,
arXiv:2102.02766 (one code for all layers plus small offsets keeps the result editable), with
squeeze-and-excitation (Hu et al., arXiv:1709.01507) on a trunk small enough for a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class EncoderConfig:
    resolution: int  # pictures are resized to it; 64 or more
    num_ws: int
    w_dim: int
    widths: tuple[int, ...] = (32, 64, 128, 256)  # channels at 1/2, 1/4, 1/8, 1/16 of the resolution


class SEBlock(nn.Module):
    """Two convolutions, the second of stride 2, recalibrated per channel, around a pooled shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm0 = nn.GroupNorm(8, out_channels)
        self.conv1 = nn.Conv2d(out_channels, out_channels, 3, stride=2, padding=1)
        self.norm1 = nn.GroupNorm(8, out_channels)
        self.squeeze = nn.Linear(out_channels, out_channels // 8)
        self.excite = nn.Linear(out_channels // 8, out_channels)
        self.skip = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:  # [N, I, H, W] -> [N, O, H/2, W/2]
        y = F.silu(self.norm0(self.conv0(x)))
        y = self.norm1(self.conv1(y))
        gate = self.excite(F.silu(self.squeeze(y.mean(dim=(2, 3))))).sigmoid()
        return F.silu(y * gate[:, :, None, None] + self.skip(F.avg_pool2d(x, 2)))


class Encoder(nn.Module):
    """Images [N, 3, H, W] in [-1, 1] to style codes ws [N, L, w_dim].

    `ws = w_avg + base + offsets`: one base code from the coarsest features, and an offset per layer from the
    features whose resolution is nearest to the layer's.
    """

    w_avg: Tensor

    GRID = 4  # features are pooled to at most GRID x GRID before the heads

    def __init__(self, cfg: EncoderConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.stem = nn.Conv2d(3, cfg.widths[0], 6, stride=2, padding=2)
        self.blocks = nn.ModuleList(SEBlock(a, b) for a, b in pairwise(cfg.widths))
        coarse = cfg.widths[-1] * self.GRID**2
        self.base = nn.Sequential(
            nn.Linear(coarse, 2 * cfg.w_dim), nn.SiLU(), nn.Linear(2 * cfg.w_dim, cfg.w_dim)
        )
        self.offsets = nn.ModuleList(
            nn.Linear(cfg.widths[1 + self._level(row)] * self.GRID**2, cfg.w_dim) for row in range(cfg.num_ws)
        )
        for head in self.offsets:
            for parameter in head.parameters():
                nn.init.zeros_(parameter)
        self.register_buffer("w_avg", torch.zeros(cfg.w_dim))

    def _level(self, row: int) -> int:
        """Index of the block that row `row` reads: coarse rows read the last one, fine rows the first."""
        blocks = len(self.cfg.widths) - 1
        return blocks - 1 - row * blocks // self.cfg.num_ws

    def codes(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The base code [N, w_dim], relative to `w_avg`, and the offsets [N, L, w_dim]."""
        side = self.cfg.resolution
        if images.shape[-2:] != (side, side):
            images = F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
        x = self.stem(images.contiguous(memory_format=torch.channels_last))
        levels = []
        for block in self.blocks:
            x = block(x)
            levels.append(F.adaptive_avg_pool2d(x, self.GRID).flatten(1))
        offsets = [head(levels[self._level(row)]) for row, head in enumerate(self.offsets)]
        return self.base(levels[-1]), torch.stack(offsets, dim=1)

    def forward(self, images: Tensor) -> Tensor:
        base, offsets = self.codes(images)
        return self.w_avg + base.unsqueeze(1) + offsets
