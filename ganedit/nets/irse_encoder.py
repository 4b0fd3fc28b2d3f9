"""The published encoders into StyleGAN2's W+: pSp (Richardson et al., arXiv:2008.00951) and e4e (Tov et al.,
arXiv:2102.02766).

A face recognition trunk, IR-50 (Deng et al., arXiv:1801.07698) with squeeze-and-excitation (Hu et al.,
arXiv:1709.01507), gives features at three sizes; a small head for each row of the code reads one of them.
pSp's heads give the rows themselves, e4e's the first row and what each other row adds to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import Linear

REDUCTION = 16  # of channels, in squeeze-and-excitation


@dataclass(frozen=True)
class IRSEEncoderConfig:
    """The defaults are the published sizes."""

    kind: Literal["psp", "e4e"] = "e4e"
    stem: int = 64  # channels of the first convolution
    widths: tuple[int, ...] = (64, 128, 256, 512)  # of the stages, each of which halves the size
    units: tuple[int, ...] = (3, 4, 14, 3)  # residual units of a stage
    heads: tuple[int, ...] = (4, 4, 4, 5, 5, 5, 5, *[6] * 11)  # halvings of each row's head, down to 1 px
    in_channels: int = 3

    @property
    def num_ws(self) -> int:
        return len(self.heads)

    @property
    def w_dim(self) -> int:
        return self.widths[-1]

    @property
    def resolution(self) -> int:
        """Side of its input in pixels: what the head with the fewest halvings needs."""
        return 1 << (len(self.widths) + min(self.heads))


class Excitation(nn.Module):
    """Weights channels by features of the whole picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // REDUCTION, 1, bias=False)
        self.excite = nn.Conv2d(channels // REDUCTION, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3), keepdim=True))))
        return x * gate.sigmoid()


class Unit(nn.Module):
    """Residual unit; `stride` 2 halves the size."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.norm0 = nn.BatchNorm2d(in_channels)
        self.conv0 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.act = nn.PReLU(out_channels)
        self.conv1 = nn.Conv2d(out_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.excitation = Excitation(out_channels)
        if in_channels != out_channels:
            self.skip = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.skip_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        short = (
            self.skip_norm(self.skip(x)) if hasattr(self, "skip") else x[:, :, :: self.stride, :: self.stride]
        )
        x = self.conv1(self.act(self.conv0(self.norm0(x))))
        x = self.excitation(self.norm1(x))
        return short + x


class Head(nn.Module):
    """Features [N, W, 2^n, 2^n] to a row [N, W], by n convolutions of stride 2."""

    def __init__(self, channels: int, halvings: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, stride=2, padding=1) for _ in range(halvings)
        )
        self.out = Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.01)
        ws: Tensor = self.out(x.flatten(1))
        return ws


class IRSEEncoder(nn.Module):
    """Pictures [N, 3, H, W] in [-1, 1], resized to `cfg.resolution`, to codes ws [N, L, W]."""

    def __init__(self, cfg: IRSEEncoderConfig) -> None:
        super().__init__()
        if not len(cfg.widths) == len(cfg.units) >= 3:
            raise ValueError("the trunk needs three stages or more")
        self.cfg = cfg
        self.stem = nn.Sequential(
            nn.Conv2d(cfg.in_channels, cfg.stem, 3, padding=1, bias=False),
            nn.BatchNorm2d(cfg.stem),
            nn.PReLU(cfg.stem),
        )
        before = (cfg.stem, *cfg.widths[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(Unit(i, o, 2), *(Unit(o, o, 1) for _ in range(count - 1)))
            for i, o, count in zip(before, cfg.widths, cfg.units, strict=True)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(c, cfg.w_dim, 1) for c in cfg.widths[-2:-4:-1])
        self.heads = nn.ModuleList(Head(cfg.w_dim, n) for n in cfg.heads)
        self.register_buffer("w_avg", torch.zeros(cfg.num_ws, cfg.w_dim))
        self.w_avg: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (self.cfg.resolution,) * 2:
            x = F.interpolate(x, (self.cfg.resolution,) * 2, mode="bilinear", antialias=True)
        pyramid = self._pyramid(x)
        coarsest = min(self.cfg.heads)
        levels = [halvings - coarsest for halvings in self.cfg.heads]
        rows = [head(pyramid[i]) for head, i in zip(self.heads, levels, strict=True)]  # L of [N, W]
        ws = torch.stack(rows, dim=1)
        if self.cfg.kind == "e4e":
            ws = torch.cat([ws[:, :1], ws[:, :1] + ws[:, 1:]], dim=1)
        return ws + self.w_avg

    def _pyramid(self, x: Tensor) -> Sequence[Tensor]:
        """Features [N, W, h, h] at 1/16, 1/8 and 1/4 of the input, each with the coarser ones added."""
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        pyramid = [features[-1]]
        for lateral, finer in zip(self.lateral, features[-2:-4:-1], strict=True):
            coarser = F.interpolate(pyramid[-1], finer.shape[-2:], mode="bilinear", align_corners=True)
            pyramid.append(coarser + lateral(finer))
        return pyramid
