"""Predicts from two pictures in which direction their codes differ, and how far (Voynov & Babenko,
arXiv:2002.03754): a small residual network that sees both at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_residual import Block

LARGEST = 128  # px; larger pictures are reduced


@dataclass(frozen=True)
class ShiftPredictorConfig:
    count: int  # of directions
    widths: tuple[int, ...] = (32, 64, 96, 128)  # channels at 1/2, 1/4, ... of the side


class ShiftPredictor(nn.Module):
    """Two pictures [N, 3, H, W] in [-1, 1] to logits of the directions [N, K] and shifts [N]."""

    def __init__(self, cfg: ShiftPredictorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        width = cfg.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(6, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        blocks: list[nn.Module] = []
        for level, wider in enumerate(cfg.widths):
            blocks.append(Block(width, wider, stride=1 if level == 0 else 2))
            width = wider
        self.trunk = nn.Sequential(*blocks)
        self.which = nn.Linear(width, cfg.count)
        self.shift = nn.Linear(width, 1)

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        pair = torch.cat([before, after - before], dim=1)  # [N, 6, H, W]: only the change matters
        if pair.shape[-1] > LARGEST:
            pair = F.interpolate(pair, (LARGEST, LARGEST), mode="bilinear", antialias=True)
        h = self.trunk(self.stem(pair)).mean(dim=(2, 3))
        return self.which(h).float(), self.shift(h)[:, 0].float()
