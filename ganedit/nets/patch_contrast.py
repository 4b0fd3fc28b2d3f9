"""The projections of patches that contrastive unpaired translation compares (CUT, Park et al.,
arXiv:2007.15651)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_translation import initialise_normal


@dataclass(frozen=True)
class PatchHeadsConfig:
    channels: tuple[int, ...]  # of each layer of features
    width: int = 256  # numbers in a projection


class PatchHeads(nn.Module):
    """A perceptron with one hidden layer for each layer of features: vectors of unit length, by patch."""

    def __init__(self, cfg: PatchHeadsConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(one, cfg.width), nn.ReLU(), nn.Linear(cfg.width, cfg.width))
            for one in cfg.channels
        )
        initialise_normal(self)

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Project some patches of each layer.

        Args:
            features: [N, C, H, W] of each layer.
            places: Positions in the rows of each layer, one after the other, [P] integers below H·W.

        Returns:
            [N, P, width] of each layer.
        """
        projected = []
        for head, layer, chosen in zip(self.heads, features, places, strict=True):
            patches = layer.flatten(2)[:, :, chosen].transpose(1, 2)
            projected.append(F.normalize(head(patches), dim=2))
        return projected


def random_places(features: Sequence[Tensor], count: int) -> list[Tensor]:
    """`count` different positions in each layer, or all where there are fewer."""
    sizes = [(layer.shape[2] * layer.shape[3], layer.device) for layer in features]
    return [torch.randperm(size)[:count].to(device) for size, device in sizes]
