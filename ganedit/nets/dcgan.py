"""Generator and discriminator of strided convolutions with batch normalisation (DCGAN: Radford et al.,
arXiv:1511.06434)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_conditional import ConditionalNorm, beside, shrunken_z

START = 4  # px
MOST = 8  # widest layers, in units of the width


def widths(resolution: int, width: int) -> list[int]:
    """Channels at 4, 8, ... `resolution` / 2 px; `width` at the finest."""
    stages = (resolution // START).bit_length() - 1
    return [width * min(2**stage, MOST) for stage in reversed(range(stages))]


@dataclass(frozen=True)
class GeneratorConfig:
    resolution: int
    z_dim: int = 100
    width: int = 64
    image_channels: int = 3
    num_classes: int = 0
    conditional_norm: bool = False  # classes choose scale and shift of the normalisations, not stand beside z


class Generator(nn.Module):
    """z [N, z_dim] and classes [N, K] to images [N, C, H, W] in [-1, 1]."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.beside, norm_classes = (0, cfg.num_classes) if cfg.conditional_norm else (cfg.num_classes, 0)
        channels = widths(cfg.resolution, cfg.width)
        self.start = nn.ConvTranspose2d(cfg.z_dim + self.beside, channels[0], START, bias=False)
        pairs = pairwise(channels)
        self.convs = nn.ModuleList(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False) for i, o in pairs)
        self.norms = nn.ModuleList(ConditionalNorm(c, norm_classes) for c in channels)
        self.out = nn.ConvTranspose2d(channels[-1], cfg.image_channels, 4, 2, 1)
        for layer in self.modules():
            if isinstance(layer, nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, std=0.02)

    def draw_z(self, seed: int, psi: float) -> np.ndarray:
        """z [z_dim] of a seed with truncation `psi`."""
        return shrunken_z(seed, psi, self.cfg.z_dim)

    def forward(self, z: Tensor, c: Tensor | None = None, psi: float = 1.0) -> Tensor:
        """Images for z; its truncation is in `draw_z`, and `psi` is not used here."""
        x = self.start(beside(z, c if self.beside else None)[:, :, None, None])  # [N, C, 4, 4]
        x = F.relu(self.norms[0](x, c))
        for conv, norm in zip(self.convs, list(self.norms)[1:], strict=True):
            x = F.relu(norm(conv(x), c))  # [N, C, 2H, 2W]
        image: Tensor = self.out(x).tanh()
        return image


@dataclass(frozen=True)
class TrunkConfig:
    resolution: int
    width: int = 64
    image_channels: int = 3
    batch_norm: bool = True  # a gradient penalty and spectral normalisation go without


class Trunk(nn.Module):
    """The discriminator up to its features: images [N, C, H, W] to [N, features]."""

    def __init__(self, cfg: TrunkConfig) -> None:
        super().__init__()
        self.cfg = cfg
        channels = [cfg.image_channels, *reversed(widths(cfg.resolution, cfg.width))]
        layers: list[nn.Module] = []
        for level, (i, o) in enumerate(pairwise(channels)):
            normalised = cfg.batch_norm and level > 0
            conv = nn.Conv2d(i, o, 4, 2, 1, bias=not normalised)
            nn.init.normal_(conv.weight, std=0.02)
            layers += [conv, *([nn.BatchNorm2d(o)] if normalised else []), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.features = channels[-1] * START**2

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)  # [N, C, 4, 4]
        return features.flatten(1)
