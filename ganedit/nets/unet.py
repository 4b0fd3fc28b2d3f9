"""U-Net generator of pix2pix (Isola et al., arXiv:1611.07004): an encoder and a decoder joined by skips.

With `residual` it draws what to add to the picture (Shen & Liu, arXiv:1612.05363): nothing before training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_translation import (
    Norm,
    PictureConfig,
    Up,
    clamped,
    doubling,
    initialise_normal,
    leaky,
    norm2d,
    relu,
)

DROPOUT_FROM = 4  # decoder levels below this one have dropout, except the innermost


@dataclass(frozen=True)
class UNetConfig(PictureConfig):
    in_channels: int = 3
    out_channels: int = 3
    width: int = 64  # channels at half size, doubled with each reduction up to eight times as many
    downs: int = 8  # halvings of the size: 7 suit 128 px, 8 suit 256 px
    norm: Norm = "batch"
    dropout: bool = True  # in the inner levels of the decoder, when training
    up: Up = "transposed"
    residual: bool = False  # add the output to the input picture; as many channels out as in

    @property
    def smallest(self) -> int:
        return self.multiple


class Level(nn.Module):
    """A convolution that halves or doubles the size, and its normalisation."""

    def __init__(self, conv: nn.Module, out_channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm2d(norm, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x))
        return y


class UNetGenerator(nn.Module):
    """Pictures [N, I, H, W] in [-1, 1] to pictures [N, O, H, W] in [-1, 1]; sides divisible by 2^downs.

    `down[i]` reads size 1/2^i and writes half of it; `up[i]` returns to the size that `down[i]` reads.
    """

    def __init__(self, cfg: UNetConfig) -> None:
        super().__init__()
        self.cfg = cfg
        last = cfg.downs - 1
        widths = [cfg.width * min(2**i, 8) for i in range(cfg.downs)]  # after down[i]
        before = [cfg.in_channels, *widths]  # what down[i] reads
        after = [cfg.out_channels, *widths]  # what up[i] writes

        def down(i: int) -> Level:
            kind: Norm = "none" if i in (0, last) else cfg.norm  # the innermost may be a single pixel
            conv = nn.Conv2d(before[i], widths[i], 4, stride=2, padding=1, bias=kind == "none")
            return Level(conv, widths[i], kind)

        def up(i: int) -> Level:
            kind: Norm = cfg.norm if i else "none"
            joined = widths[i] * (1 if i == last else 2)
            return Level(doubling(cfg.up, joined, after[i], 4, bias=kind == "none"), after[i], kind)

        self.down = nn.ModuleList(map(down, range(cfg.downs)))
        self.up = nn.ModuleList(map(up, range(cfg.downs)))
        initialise_normal(self)
        if cfg.residual:
            nn.init.zeros_(self.up[0].get_parameter("conv.weight"))

    def forward(self, x: Tensor) -> Tensor:
        given = x
        skips: list[Tensor] = []
        for i, level in enumerate(self.down):
            skips.append(x)
            x = level(leaky(x) if i else x)  # changes `skips` too, which is fine as a ReLU follows there
        for i, level in reversed(list(enumerate(self.up))):
            x = level(relu(x))
            if self.training and self.cfg.dropout and DROPOUT_FROM <= i < self.cfg.downs - 1:
                x = F.dropout(x, 0.5)
            if i:
                x = torch.cat([skips[i], x], dim=1)
        return clamped(given + 2 * x.tanh()) if self.cfg.residual else x.tanh()
