"""Generator and discriminator of fully connected layers (Goodfellow et al., arXiv:1406.2661).

They draw small images, or points of the plane, which are handled as images [N, 2, 1, 1] of one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from ganedit.nets.layers_conditional import beside, shrunken_z


@dataclass(frozen=True)
class GeneratorConfig:
    resolution: int  # 1 for points
    z_dim: int = 128
    width: int = 256
    layers: int = 2  # hidden ones
    image_channels: int = 3  # 2 for points
    num_classes: int = 0


class Generator(nn.Module):
    """z [N, z_dim] and classes [N, K] to images [N, C, H, W] in [-1, 1]; points are not limited."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.layers = _layers(cfg.z_dim + cfg.num_classes, cfg.width, cfg.layers, nn.ReLU())
        self.out = nn.Linear(cfg.width, cfg.image_channels * cfg.resolution**2)

    def draw_z(self, seed: int, psi: float) -> np.ndarray:
        """z [z_dim] of a seed with truncation `psi`."""
        return shrunken_z(seed, psi, self.cfg.z_dim)

    def forward(self, z: Tensor, c: Tensor | None = None, psi: float = 1.0) -> Tensor:
        """Images for z; its truncation is in `draw_z`, and `psi` is not used here."""
        x: Tensor = self.out(self.layers(beside(z, c)))
        if self.cfg.resolution > 1:
            x = x.tanh()
        return x.view(len(z), self.cfg.image_channels, self.cfg.resolution, self.cfg.resolution)


@dataclass(frozen=True)
class TrunkConfig:
    resolution: int
    width: int = 256
    layers: int = 2
    image_channels: int = 3


class Trunk(nn.Module):
    """The discriminator up to its features: images [N, C, H, W] to [N, width]."""

    def __init__(self, cfg: TrunkConfig) -> None:
        super().__init__()
        self.cfg, self.features = cfg, cfg.width
        pixels = cfg.image_channels * cfg.resolution**2
        self.layers = _layers(pixels, cfg.width, cfg.layers, nn.LeakyReLU(0.2))

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x.flatten(1))
        return features


def _layers(inputs: int, width: int, count: int, activation: nn.Module) -> nn.Sequential:
    sizes = [inputs, *[width] * count]
    made = [(nn.Linear(i, o), activation) for i, o in pairwise(sizes)]
    return nn.Sequential(*(layer for pair in made for layer in pair))
