"""Pictures from label maps by spatially adaptive normalisation, SPADE (Park et al., arXiv:1903.07291).

Training puts the convolutions under spectral normalisation (Miyato et al., arXiv:1802.05957):
`normalise_spectrally(network)` before it; `layers_spectral.folded_state` gives the plain weights to store.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_spectral import divide_spectrally
from ganedit.nets.layers_translation import ConvNorm

Upsampling = Literal["normal", "more", "most"]


@dataclass(frozen=True)
class SPADEConfig:
    in_channels: int  # labels, plus one if the edges of instances are drawn
    width: int = 64  # channels before the last layer; half of it with "most"
    upsampling: Upsampling = "normal"  # 5, 6 or 7 doublings
    norm: Literal["batch", "instance"] = "batch"
    kernel: int = 3  # of the convolutions that read the label map
    hidden: int = 128  # channels of their features
    style_dim: int = 0  # length of the style vector; 0 for models without one
    grid: tuple[int, int] = (8, 8)  # height and width of the map that the style vector is expanded to

    labels = 0
    two_way = False

    def __post_init__(self) -> None:
        if self.upsampling not in ("normal", "more", "most"):
            raise ValueError(f"upsampling must be normal, more or most, not {self.upsampling!r}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the blocks' inputs, coarsest first, and of the last block's output."""
        return tuple(16 * self.width >> i for i in (0, 0, 0, 0, 1, 2, 3, 4, 5)[: 9 if self.most else 8])

    @property
    def most(self) -> bool:
        return self.upsampling == "most"

    @property
    def doubled_before(self) -> tuple[int, ...]:
        """Blocks whose input is doubled in size first."""
        return (1, 3, 4, 5, 6) if self.upsampling == "normal" else (1, 2, 3, 4, 5, 6, 7)[: 6 + self.most]

    @property
    def multiple(self) -> int:
        return 1 << len(self.doubled_before)

    @property
    def smallest(self) -> int:
        """Instance normalisation needs more than a single pixel to look at."""
        return self.multiple * (2 if self.norm == "instance" else 1)


@dataclass(frozen=True)
class StyleEncoderConfig:
    style_dim: int = 256
    width: int = 64
    layers: int = 6  # convolutions of stride 2: pictures are resized to 4·2^layers px
    norm: Literal["instance", "none"] = "instance"  # "none" keeps the mean colours, which "instance" removes

    num_ws = 1  # like encoders of style codes

    @property
    def w_dim(self) -> int:
        return self.style_dim


class SPADE(nn.Module):
    """Normalisation whose gain and offset are drawn from the label map at every pixel."""

    def __init__(self, cfg: SPADEConfig, channels: int) -> None:
        super().__init__()
        padding = cfg.kernel // 2
        self.norm = (
            nn.BatchNorm2d(channels, affine=False)
            if cfg.norm == "batch"
            else nn.GroupNorm(channels, channels, affine=False)
        )
        self.shared = nn.Conv2d(cfg.in_channels, cfg.hidden, cfg.kernel, padding=padding)
        self.gamma = nn.Conv2d(cfg.hidden, channels, cfg.kernel, padding=padding)
        self.beta = nn.Conv2d(cfg.hidden, channels, cfg.kernel, padding=padding)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        h = F.relu(self.shared(labels), inplace=True)
        y: Tensor = self.norm(x) * (1 + self.gamma(h)) + self.beta(h)
        return y


class Block(nn.Module):
    """Residual block [N, I, h, w] -> [N, O, h, w], normalised by a label map of the same size."""

    def __init__(self, cfg: SPADEConfig, in_channels: int, out_channels: int) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)
        self.norm0 = SPADE(cfg, in_channels)
        self.conv0 = nn.Conv2d(in_channels, middle, 3, padding=1)
        self.norm1 = SPADE(cfg, middle)
        self.conv1 = nn.Conv2d(middle, out_channels, 3, padding=1)
        if in_channels != out_channels:
            self.norm_skip = SPADE(cfg, in_channels)
            self.conv_skip = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        y: Tensor = self.conv0(F.leaky_relu(self.norm0(x, labels), 0.2))
        y = self.conv1(F.leaky_relu(self.norm1(y, labels), 0.2))
        skip: Tensor = self.conv_skip(self.norm_skip(x, labels)) if hasattr(self, "conv_skip") else x
        return skip + y


class SPADEGenerator(nn.Module):
    """One-hot label maps [N, C, H, W], and styles [N, style_dim] with `style_dim`, to pictures in [-1, 1].

    Both sides must be divisible by `cfg.multiple`. Sizes other than that of training work: the style map is
    then resized from the grid it was trained for.
    """

    def __init__(self, cfg: SPADEConfig) -> None:
        super().__init__()
        self.cfg = cfg
        first = cfg.widths[0]
        if cfg.style_dim:
            self.from_style = nn.Linear(cfg.style_dim, first * cfg.grid[0] * cfg.grid[1])
        else:
            self.from_labels = nn.Conv2d(cfg.in_channels, first, 3, padding=1)
        self.blocks = nn.ModuleList(Block(cfg, a, b) for a, b in pairwise(cfg.widths))
        self.to_image = nn.Conv2d(cfg.widths[-1], 3, 3, padding=1)
        initialise_xavier(self)

    def forward(self, labels: Tensor, style: Tensor | None = None) -> Tensor:
        size = labels.shape[2] // self.cfg.multiple, labels.shape[3] // self.cfg.multiple
        x = self._start(labels, style, size)
        for i, block in enumerate(self.blocks):
            if i in self.cfg.doubled_before:
                x = F.interpolate(x, scale_factor=2)
            x = block(x, F.interpolate(labels, x.shape[2:]))
        image: Tensor = self.to_image(F.leaky_relu(x, 0.2))
        return image.tanh()

    def _start(self, labels: Tensor, style: Tensor | None, size: tuple[int, int]) -> Tensor:
        x: Tensor
        if not self.cfg.style_dim:
            x = self.from_labels(F.interpolate(labels, size))
            return x
        if style is None:
            style = labels.new_zeros(len(labels), self.cfg.style_dim)
        x = self.from_style(style).view(len(style), -1, *self.cfg.grid)
        return x if size == self.cfg.grid else F.interpolate(x, size, mode="bilinear", align_corners=False)


class StyleEncoder(nn.Module):
    """Pictures [N, 3, H, W] in [-1, 1] to the mean style [N, style_dim] of the generator's prior."""

    def __init__(self, cfg: StyleEncoderConfig) -> None:
        super().__init__()
        self.cfg = cfg
        widths = [3, *(cfg.width * min(2**i, 8) for i in range(cfg.layers))]
        self.blocks = nn.ModuleList(
            ConvNorm(a, b, norm=cfg.norm, stride=2, activation=None) for a, b in pairwise(widths)
        )
        self.to_mean = nn.Linear(widths[-1] * 16, cfg.style_dim)
        self.to_log_variance = nn.Linear(widths[-1] * 16, cfg.style_dim)
        initialise_xavier(self)

    def distribution(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance, both [N, style_dim]."""
        side = 4 * 2**self.cfg.layers
        if images.shape[2:] != (side, side):
            images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
        x = images
        for block in self.blocks:
            x = F.leaky_relu(block(x), 0.2)
        x = x.flatten(1)
        return self.to_mean(x), self.to_log_variance(x)

    def forward(self, images: Tensor) -> Tensor:
        return self.distribution(images)[0]


@torch.no_grad()
def initialise_xavier(network: nn.Module) -> None:
    """Glorot's normal initialisation with a gain of 0.02 and zero biases, as published."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_normal_(module.weight, 0.02)
            if module.bias is not None:
                module.bias.zero_()


def normalise_spectrally(network: nn.Module) -> None:
    """Put the convolutions of the blocks under spectral normalisation, in place, for training."""
    divide_spectrally(_block_convs(network))


def _block_convs(network: nn.Module) -> list[nn.Module]:
    blocks = [m for m in network.modules() if isinstance(m, Block | ConvNorm)]
    return [c for b in blocks for c in b.children() if isinstance(c, nn.Conv2d)]
