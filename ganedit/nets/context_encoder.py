"""Context encoder: fills holes from their surroundings (Pathak et al., arXiv:1604.07379).

With `skips`, each layer of the decoder also sees the features of its size, as in Shift-Net (Yan et al.,
arXiv:1801.09392) without its shift: what is drawn continues the edges and colours around the hole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import outputs
from ganedit.nets.layers_translation import (
    ConvNorm,
    GrowNorm,
    Norm,
    PictureConfig,
    initialise_normal,
    leaky,
    relu,
)


@dataclass(frozen=True)
class ContextEncoderConfig(PictureConfig):
    resolution: int = 128  # side of the pictures that the dense layer is made for
    in_channels: int = 4  # the picture with its hole blanked, and the mask: 1 in the hole
    width: int = 64  # channels at half size, doubled with each reduction up to eight times as many
    downs: int = 4  # halvings of the size
    norm: Norm = "batch"
    skips: bool = False

    out_channels = 3

    @property
    def smallest(self) -> int:
        return self.multiple


class ChannelwiseLinear(nn.Module):
    """A dense layer from all places of a channel [N, C, n, n] to all places of that channel.

    This is what lets every pixel of the hole depend on all of the surroundings; channels are mixed by a 1x1
    convolution after it. Maps of another size are resized to n and back.
    """

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.weight = nn.Parameter(torch.empty(channels, side * side, side * side))
        self.bias = nn.Parameter(torch.zeros(channels, side * side))
        nn.init.normal_(self.weight, 0.0, 1 / side)  # keeps the variance

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        fits = tuple(size) == (self.side, self.side)
        y = x if fits else F.interpolate(x, (self.side, self.side), mode="bilinear")
        y = torch.einsum("nci,cio->nco", y.flatten(2), self.weight) + self.bias
        y = y.unflatten(2, (self.side, self.side))
        return y if fits else F.interpolate(y, tuple(size), mode="bilinear")


class ContextEncoder(nn.Module):
    """Pictures with holes [N, 4, H, W] (see the config) to whole pictures [N, 3, H, W] in [-1, 1].

    Only the pixels inside the hole are meant to be used. Sides must be divisible by `cfg.multiple`; sizes
    other than the config's work, but give worse results.
    """

    def __init__(self, cfg: ContextEncoderConfig) -> None:
        super().__init__()
        self.cfg = cfg
        widths = [cfg.width * min(2**i, 8) for i in range(cfg.downs)]
        last, joined = widths[-1], 2 if cfg.skips else 1
        self.down = nn.ModuleList(
            ConvNorm(
                widths[i - 1] if i else cfg.in_channels,
                widths[i],
                4,
                norm=cfg.norm if i else "none",
                stride=2,
                activation=leaky,
            )
            for i in range(cfg.downs)
        )
        self.across = ChannelwiseLinear(last, cfg.resolution // 2**cfg.downs)
        self.mix = ConvNorm(last, last, 1, norm=cfg.norm)
        self.up = nn.ModuleList(
            GrowNorm(joined * widths[i], widths[i - 1], 4, norm=cfg.norm)
            for i in reversed(range(1, cfg.downs))
        )
        self.to_image = nn.ConvTranspose2d(joined * cfg.width, 3, 4, stride=2, padding=1)
        initialise_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        seen = outputs(self.down, x)
        x = self.mix(relu(self.across(seen[-1])))
        for layer in (*self.up, self.to_image):
            skip = seen.pop()
            x = layer(torch.cat([x, skip], dim=1) if self.cfg.skips else x)
        return x.tanh()
