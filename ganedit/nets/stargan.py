"""One translator for many domains and its discriminator, StarGAN (Choi et al., arXiv:1711.09020)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_translation import (
    ConvNorm,
    GrowNorm,
    Norm,
    PictureConfig,
    ResidualBlock,
    ToImage,
    clamped,
)


@dataclass(frozen=True)
class StarGANConfig(PictureConfig):
    labels: int  # length of the target vector
    in_channels: int = 3
    width: int = 64
    blocks: int = 6
    downs: int = 2
    norm: Norm = "instance_affine"
    residual: bool = False  # add the output to the input picture (Shen & Liu, arXiv:1612.05363)

    @property
    def smallest(self) -> int:
        """Side below which instance normalisation would see a single pixel."""
        return 2 * self.multiple


@dataclass(frozen=True)
class StarGANDiscriminatorConfig:
    labels: int
    resolution: int = 128  # the classifier's last kernel covers all of the picture
    in_channels: int = 3
    width: int = 64
    layers: int = 6  # convolutions of stride 2


class StarGANGenerator(nn.Module):
    """Pictures [N, 3, H, W] in [-1, 1] and targets [N, labels] to pictures [N, 3, H, W] in [-1, 1].

    Both sides must be divisible by `cfg.multiple`. Initialised by PyTorch's defaults, as published.
    """

    def __init__(self, cfg: StarGANConfig) -> None:
        super().__init__()
        self.cfg = cfg
        widths = [cfg.width * 2**i for i in range(cfg.downs + 1)]
        self.stem = ConvNorm(cfg.in_channels + cfg.labels, cfg.width, 7, norm=cfg.norm)
        self.down = nn.ModuleList(ConvNorm(w, 2 * w, 4, norm=cfg.norm, stride=2) for w in widths[:-1])
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[-1], norm=cfg.norm, reflect=False) for _ in range(cfg.blocks)
        )
        self.up = nn.ModuleList(GrowNorm(2 * w, w, 4, norm=cfg.norm) for w in reversed(widths[:-1]))
        self.to_image = ToImage(cfg.width, cfg.in_channels, bias=False)
        if cfg.residual:
            nn.init.zeros_(self.to_image.weight)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        maps = label[:, :, None, None].to(x.dtype).expand(-1, -1, *x.shape[2:])
        y = self.stem(torch.cat([x, maps], dim=1))
        for layer in (*self.down, *self.blocks, *self.up):
            y = layer(y)
        drawn = self.to_image(y).tanh()
        return clamped(x + 2 * drawn) if self.cfg.residual else drawn


class StarGANDiscriminator(nn.Module):
    """Tells whether pictures [N, 3, R, R] in [-1, 1] are real, and to which domains they belong."""

    def __init__(self, cfg: StarGANDiscriminatorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        widths = [cfg.in_channels, *(cfg.width * 2**i for i in range(cfg.layers))]
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        side = cfg.resolution // 2**cfg.layers
        self.to_logits = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.to_labels = nn.Conv2d(widths[-1], cfg.labels, side, bias=False)

    def features(self, x: Tensor) -> list[Tensor]:
        """Activations after each block, finest first."""
        features = []
        for block in self.blocks:
            x = F.leaky_relu(block(x), 0.01, inplace=True)
            features.append(x)
        return features

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [N, 1, h, w] of being real, and logits [N, labels] of the domains."""
        last = self.features(x)[-1]
        return self.to_logits(last), self.to_labels(last).mean(dim=(2, 3))

    def classify(self, x: Tensor) -> Tensor:
        """Logits [N, labels] of the domains."""
        return self.both(x)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Logits [N, 1, h, w] of being real."""
        logits: Tensor = self.to_logits(self.features(x)[-1])
        return logits
