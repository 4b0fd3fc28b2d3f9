"""Coarse-to-fine generator of pix2pixHD (Wang et al., arXiv:1711.11585).

The global generator alone is `nets.resnet` with three or four reductions. Here it is surrounded by local
enhancers, each of which adds features of the picture at twice the size to those of the network inside.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ganedit.nets.layers_translation import (
    ConvNorm,
    GrowNorm,
    Norm,
    ResidualBlock,
    ResidualTrunk,
    Up,
    halved,
    initialise_normal,
    to_image,
)


@dataclass(frozen=True)
class LocalEnhancerConfig:
    in_channels: int = 3
    out_channels: int = 3
    width: int = 32  # channels at full size; the global generator starts with twice as many per enhancer
    blocks: int = 9  # of the global generator
    downs: int = 4  # of the global generator
    enhancers: int = 1
    local_blocks: int = 3  # of each enhancer
    norm: Norm = "instance"
    up: Up = "transposed"

    labels = 0
    two_way = False

    @property
    def multiple(self) -> int:
        return 1 << (self.downs + self.enhancers)

    @property
    def smallest(self) -> int:
        """Side below which reflection padding has nothing to reflect."""
        return 2 * self.multiple


class Enhancer(nn.Module):
    """Pictures [N, I, H, W] and their features [N, 2w, H/2, W/2] at half the size to [N, w, H, W]."""

    def __init__(self, in_channels: int, width: int, blocks: int, norm: Norm, up: Up) -> None:
        super().__init__()
        self.stem = ConvNorm(in_channels, width, 7, norm=norm, reflect=True)
        self.down = ConvNorm(width, 2 * width, norm=norm, stride=2)
        self.blocks = nn.Sequential(*(ResidualBlock(2 * width, norm=norm) for _ in range(blocks)))
        self.up = GrowNorm(2 * width, width, norm=norm, up=up)

    def forward(self, x: Tensor, coarse: Tensor) -> Tensor:
        y: Tensor = self.up(self.blocks(self.down(self.stem(x)) + coarse))
        return y


class LocalEnhancerGenerator(nn.Module):
    """Label maps or pictures [N, I, H, W] to pictures [N, O, H, W] in [-1, 1].

    Both sides divisible by `cfg.multiple` and at least `cfg.smallest`.
    """

    def __init__(self, cfg: LocalEnhancerConfig) -> None:
        super().__init__()
        self.cfg = cfg
        widths = [cfg.width * 2**i for i in reversed(range(cfg.enhancers))]
        self.trunk = ResidualTrunk(
            cfg.in_channels, cfg.width * 2**cfg.enhancers, cfg.downs, cfg.blocks, norm=cfg.norm, up=cfg.up
        )
        self.enhancers = nn.ModuleList(
            Enhancer(cfg.in_channels, w, cfg.local_blocks, cfg.norm, cfg.up) for w in widths
        )
        self.to_image = to_image(cfg.width, cfg.out_channels)
        initialise_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        pyramid = [x]  # finest first
        for _ in self.enhancers:
            pyramid.append(halved(pyramid[-1]))
        y: Tensor = self.trunk(pyramid.pop())
        for enhancer in self.enhancers:
            y = enhancer(pyramid.pop(), y)
        y = self.to_image(y)
        return y.tanh()
