"""Residual generator and discriminator of WGAN-GP (Gulrajani et al., arXiv:1704.00028) and of spectral
normalisation (Miyato et al., arXiv:1802.05957)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_conditional import ConditionalNorm, beside, shrunken_z

START = 4  # px
LAST = 8  # px of the discriminator's features


@dataclass(frozen=True)
class GeneratorConfig:
    resolution: int
    z_dim: int = 128
    width: int = 128
    image_channels: int = 3
    num_classes: int = 0
    conditional_norm: bool = False  # classes choose scale and shift of the normalisations, not stand beside z


class UpBlock(nn.Module):
    """Two convolutions that double the size, and a shortcut."""

    def __init__(self, width: int, norm_classes: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ConditionalNorm(width, norm_classes) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.shortcut = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        h: Tensor = F.interpolate(F.relu(self.norms[0](x, c)), scale_factor=2.0, mode="nearest")
        h = self.convs[1](F.relu(self.norms[1](self.convs[0](h), c)))
        return h + F.interpolate(self.shortcut(x), scale_factor=2.0, mode="nearest")


class Generator(nn.Module):
    """z [N, z_dim] and classes [N, K] to images [N, C, H, W] in [-1, 1]."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.beside, norm_classes = (0, cfg.num_classes) if cfg.conditional_norm else (cfg.num_classes, 0)
        self.start = nn.Linear(cfg.z_dim + self.beside, cfg.width * START**2)
        count = (cfg.resolution // START).bit_length() - 1
        self.blocks = nn.ModuleList(UpBlock(cfg.width, norm_classes) for _ in range(count))
        self.norm = ConditionalNorm(cfg.width)
        self.out = nn.Conv2d(cfg.width, cfg.image_channels, 3, padding=1)
        _initialise(self)

    def draw_z(self, seed: int, psi: float) -> np.ndarray:
        """z [z_dim] of a seed with truncation `psi`."""
        return shrunken_z(seed, psi, self.cfg.z_dim)

    def forward(self, z: Tensor, c: Tensor | None = None, psi: float = 1.0) -> Tensor:
        """Images for z; its truncation is in `draw_z`, and `psi` is not used here."""
        x = self.start(beside(z, c if self.beside else None)).view(len(z), -1, START, START)
        for block in self.blocks:
            x = block(x, c)  # [N, width, 2H, 2W]
        image: Tensor = self.out(F.relu(self.norm(x))).tanh()
        return image


@dataclass(frozen=True)
class TrunkConfig:
    resolution: int
    width: int = 128
    image_channels: int = 3


class DownBlock(nn.Module):
    """Two convolutions and a shortcut; halves the size if `halving`. The first of all has no ReLU before."""

    def __init__(self, inputs: int, width: int, *, halving: bool, first: bool = False) -> None:
        super().__init__()
        self.halving, self.first = halving, first
        self.conv0, self.conv1 = nn.Conv2d(inputs, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, width, 1) if halving else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.conv1(F.relu(self.conv0(x if self.first else F.relu(x))))
        if not self.halving:
            return h + x
        shortcut: Tensor = self.shortcut(F.avg_pool2d(x, 2))
        return F.avg_pool2d(h, 2) + shortcut


class Trunk(nn.Module):
    """The discriminator up to its features, summed over places: images [N, C, H, W] to [N, width]."""

    def __init__(self, cfg: TrunkConfig) -> None:
        super().__init__()
        self.cfg, self.features = cfg, cfg.width
        halvings = (cfg.resolution // LAST).bit_length() - 1
        blocks = [DownBlock(cfg.image_channels, cfg.width, halving=True, first=True)]
        blocks += [DownBlock(cfg.width, cfg.width, halving=True) for _ in range(halvings - 1)]
        blocks += [DownBlock(cfg.width, cfg.width, halving=False) for _ in range(2)]
        self.blocks = nn.Sequential(*blocks)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.blocks(x)).sum(dim=(2, 3))


def _initialise(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
