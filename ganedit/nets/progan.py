"""The generator of ProGAN (Karras et al., arXiv:1710.10196), grown to its full size."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import EqualConv2d, lrelu, pixel_norm


@dataclass(frozen=True)
class GeneratorConfig:
    channels: tuple[int, ...]  # at 4, 8, ... resolution px
    z_dim: int = 512
    image_channels: int = 3
    num_classes: int = 0

    @property
    def resolution(self) -> int:
        return 4 << (len(self.channels) - 1)


class Block(nn.Module):
    """Two convolutions at one size; all but the first block double it before."""

    def __init__(self, in_channels: int, out_channels: int, *, first: bool) -> None:
        super().__init__()
        self.first = first
        # A padding of 3 turns the 1-px z into 4 px: the same numbers as a fully connected layer.
        self.conv0 = EqualConv2d(in_channels, out_channels, 4 if first else 3, padding=3 if first else 1)
        self.conv1 = EqualConv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if not self.first:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = pixel_norm(lrelu(self.conv0(x)))
        return pixel_norm(lrelu(self.conv1(x)))


class Generator(nn.Module):
    """z [N, z_dim] to images [N, 3, H, W], about [-1, 1] (not clamped). It has no truncation."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        inputs = (cfg.z_dim, *cfg.channels[:-1])
        self.blocks = nn.ModuleList(
            Block(i, o, first=level == 0)
            for level, (i, o) in enumerate(zip(inputs, cfg.channels, strict=True))
        )
        self.to_rgb = EqualConv2d(cfg.channels[-1], cfg.image_channels, 1, gain=1.0)

    def forward(self, z: Tensor, c: Tensor | None = None, psi: float = 1.0) -> Tensor:
        x = pixel_norm(z)[:, :, None, None]
        for block in self.blocks:
            x = block(x)
        image: Tensor = self.to_rgb(x)
        return image
