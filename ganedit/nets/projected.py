"""Discriminators on features of a frozen classifier: "Projected GANs Converge Faster" (arXiv:2111.01007).

Features of four scales are mixed by random convolutions that never learn, across channels (CCM) and from
coarse to fine scales (CSM); one small discriminator per scale tells real from generated in what comes out.
"Ensembling Off-the-shelf Models for GAN Training" (Kumari et al., arXiv:2112.09130) adds such discriminators
to the ordinary one.

Two things differ from the paper, since small batches on a CPU did not train without them: every feature
channel is standardised on real images before it is mixed (see `FeatureDiscriminator.calibrate`), and the
heads use batch normalisation over real and generated images together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

MIXED = (64, 128, 256, 512)  # channels after mixing, finest scale first
MIXED_STD = 0.7  # of the standardised features, after mixing across channels
HEAD_WIDTH = 64
LAST_SIDE = 4  # heads halve the features down to this many pixels


class FeatureDiscriminator(nn.Module):
    """Features of a frozen network to logits, a map per scale.

    Args:
        widths: Channels of the features, finest first, such as `EfficientNetLite.widths`.
        side: Pixels of the finest features; each further scale halves them.
    """

    def __init__(self, widths: Sequence[int], side: int) -> None:
        super().__init__()
        self.mixing = nn.ModuleList(
            Mixing(width, mixed, finer)
            for width, mixed, finer in zip(widths, MIXED, (0, *MIXED), strict=False)
        )
        self.heads = nn.ModuleList(_head(MIXED[i], max(side >> i, 1)) for i in range(len(widths)))

    @torch.no_grad()
    def calibrate(self, features: Sequence[Tensor]) -> None:
        """Fold the mean and deviation of each channel of real `features` into the mixing across channels."""
        for mixing, x in zip(self.mixing, features, strict=True):
            x = x.float()
            mean, std = x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3)) + 1e-3
            assert isinstance(mixing, Mixing)
            mixing.across *= MIXED_STD / std.view(1, -1, 1, 1)
            mixing.bias.copy_(-(mixing.across[:, :, 0, 0] @ mean))

    def mix(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features [N, widths[i], S/2^i, S/2^i] to mixed ones [N, MIXED[i], S/2^i, S/2^i], fine to coarse."""
        mixed: list[Tensor] = []
        coarser: Tensor | None = None
        for mixing, x in zip(reversed(self.mixing), reversed(list(features)), strict=True):
            x, coarser = mixing(x, coarser)
            mixed.insert(0, x)
        return mixed

    def forward(self, mixed: Sequence[Tensor]) -> list[Tensor]:
        """Logits [N, places] of each scale from what `mix` returns: higher is more real."""
        return [head(x).float().flatten(1) for head, x in zip(self.heads, mixed, strict=True)]


class Mixing(nn.Module):
    """Random convolutions of one scale: 1x1 across its channels, and 3x3 towards the next finer scale."""

    across: Tensor  # [mixed, channels, 1, 1]
    bias: Tensor  # [mixed]
    finer: Tensor | None  # [finer, mixed, 3, 3]

    def __init__(self, channels: int, mixed: int, finer: int) -> None:
        super().__init__()
        self.register_buffer("across", torch.randn(mixed, channels, 1, 1) * math.sqrt(2 / channels))
        self.register_buffer("bias", torch.zeros(mixed))
        down = torch.randn(finer, mixed, 3, 3) * math.sqrt(1 / (mixed * 9)) if finer else None
        self.register_buffer("finer", down)

    def forward(self, x: Tensor, coarser: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Mixed features of this scale, and what they contribute to the next finer one."""
        x = F.conv2d(x, self.across.to(x.dtype), self.bias.to(x.dtype))
        if coarser is not None:
            x = x + coarser
        if self.finer is None:
            return x, None
        up = F.conv2d(x, self.finer.to(x.dtype), padding=1)
        return x, F.interpolate(up, scale_factor=2, mode="bilinear", align_corners=False)


def _head(channels: int, side: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    while side > LAST_SIDE:
        width = HEAD_WIDTH if side > 4 * LAST_SIDE else 2 * HEAD_WIDTH
        layers += _layer(channels, width, 4, stride=2)
        channels, side = width, side // 2
    layers += _layer(channels, 2 * HEAD_WIDTH, 3)
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(2 * HEAD_WIDTH, 1, 1)))


def _layer(channels: int, width: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    conv = spectral_norm(nn.Conv2d(channels, width, kernel, stride, 1))
    return [conv, nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
