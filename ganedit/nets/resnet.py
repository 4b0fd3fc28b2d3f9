"""Image-to-image generator with a residual trunk, as in CycleGAN (Zhu et al., arXiv:1703.10593).

With three or four reductions instead of two it is the global generator of pix2pixHD (arXiv:1711.11585).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ganedit.nets.layers_translation import (
    Norm,
    PictureConfig,
    ResidualTrunk,
    Up,
    initialise_normal,
    to_image,
)


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
        initialise_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.to_image(self.trunk(x)).tanh()
