"""Image-to-image generator with a residual trunk, as in CycleGAN (Zhu et al., arXiv:1703.10593).

With three or four reductions instead of two it is the global generator of pix2pixHD (arXiv:1711.11585). With
`attention` it also draws a mask of where it changes the picture (Mejjati et al., arXiv:1806.02311); with
`residual` it draws what to add to the picture (Shen & Liu, arXiv:1612.05363): nothing before training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganedit.nets.layers_translation import (
    Norm,
    PictureConfig,
    ResidualTrunk,
    Up,
    clamped,
    initialise_normal,
    to_image,
)

MASK_BIAS = 3.0  # the mask starts at 0.95: one that starts near 0 would stay there


@dataclass(frozen=True)
class ResNetConfig(PictureConfig):
    in_channels: int = 3
    out_channels: int = 3
    width: int = 64  # channels at full size, doubled with each reduction
    blocks: int = 9  # 6 suit 128 px, 9 suit 256 px
    downs: int = 2  # halvings of the size
    norm: Norm = "instance"
    dropout: bool = False  # between the convolutions of a block, when training
    up: Up = "transposed"
    attention: bool = False  # blend with the input picture by a mask, one more channel
    mask_gain: float = 0.05  # below 1, the mask learns slower than the picture under it
    residual: bool = False  # add the output to the input picture; as many channels out as in


@dataclass(frozen=True)
class Trace:
    """What a pass computes.

    Attributes:
        image: The result [N, 3, H, W].
        mask: Logits [N, 1, H, W] of where it differs from the input; None without `attention`.
        features: The input, and the output of each reduction and block.
    """

    image: Tensor
    mask: Tensor | None
    features: list[Tensor]


class ResNetGenerator(nn.Module):
    """Pictures [N, I, H, W] in [-1, 1] to pictures [N, O, H, W] in [-1, 1].

    Both sides divisible by `cfg.multiple` and at least `cfg.smallest`.
    """

    def __init__(self, cfg: ResNetConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.trunk = ResidualTrunk(
            cfg.in_channels, cfg.width, cfg.downs, cfg.blocks, norm=cfg.norm, dropout=cfg.dropout, up=cfg.up
        )
        self.to_image = to_image(cfg.width, cfg.out_channels)
        self.to_mask = to_image(cfg.width, 1) if cfg.attention else None
        initialise_normal(self)
        if cfg.residual:
            nn.init.zeros_(self.to_image.weight)

    def forward(self, x: Tensor) -> Tensor:
        if self.cfg.residual:
            return clamped(x + 2 * self._draw(self.trunk(x)))
        if not self.cfg.attention:
            return self._draw(self.trunk(x))
        drawn, mask = self.attend(x)
        return torch.lerp(x.to(drawn.dtype), drawn, mask)

    def attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """With `attention`: the drawn picture, and the mask [N, 1, H, W] in [0, 1] of where it shows."""
        features = self.trunk(x)
        return self._draw(features), self._mask_logits(features).sigmoid()

    def trace(self, x: Tensor) -> Trace:
        """The picture drawn, its mask, and features of the encoder, in one pass; the picture gives the mask
        no gradient."""
        picture, *features = self.encode(x)
        last = self.trunk.decode(features[-1])
        drawn, mask = self._draw(last), None
        if self.to_mask is not None:
            mask = self._mask_logits(last)
            drawn = torch.lerp(x.to(drawn.dtype), drawn, mask.detach().sigmoid())
        return Trace(drawn, mask, [picture, *features])

    def encode(self, x: Tensor) -> list[Tensor]:
        """The `features` of a `Trace` alone."""
        return [x, *self.trunk.encode(x)]

    def _mask_logits(self, features: Tensor) -> Tensor:
        assert self.to_mask is not None
        logits: Tensor = self.to_mask(features) * self.cfg.mask_gain + MASK_BIAS
        return logits

    def _draw(self, features: Tensor) -> Tensor:
        image: Tensor = self.to_image(features)
        return image.tanh()
