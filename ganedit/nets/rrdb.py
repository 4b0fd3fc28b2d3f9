"""RRDBNet, the generator of ESRGAN (Wang et al., arXiv:1809.00219) and of Real-ESRGAN (arXiv:2107.10833)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_translation import leaky

RESIDUAL = 0.2  # factor on what a block adds: keeps deep networks stable
CONTEXT = 96  # pixels of the folded input beside a tile; with 24, single pixels changed by 50/255
STRIP = 16  # rows of features that are enlarged at a time, since all of them would need most of the memory
MARGIN = 2  # rows beside them that they depend on, whatever `doublings` is


@dataclass(frozen=True)
class RRDBConfig:
    width: int = 64
    growth: int = 32  # channels that each convolution of a dense block adds
    blocks: int = 23
    doublings: int = 2
    folded: int = 1  # blocks of so many pixels a side become channels first; x2 models fold by 2


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the block's input and the outputs of all those before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        outputs = (growth, growth, growth, growth, width)
        self.convs = nn.ModuleList(
            nn.Conv2d(width + i * growth, n, 3, padding=1) for i, n in enumerate(outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for conv in self.convs[:-1]:
            seen = torch.cat([seen, leaky(conv(seen))], dim=1)
        change: Tensor = self.convs[-1](seen)
        return torch.add(x, change, alpha=RESIDUAL)  # one pass


class Block(nn.Module):
    """Three dense blocks around a shortcut."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(*(DenseBlock(width, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.dense(x)
        return torch.add(x, change, alpha=RESIDUAL)  # one pass


class RRDBNet(nn.Module):
    """Pictures [N, 3, H, W] in [0, 1] to pictures [N, 3, sH, sW], about [0, 1], of any size.

    Initialised like He et al., but ten times smaller, as the paper advises.
    """

    suits_bfloat16 = True  # results stay within 0.5/255 of those in float32, and are reached much sooner

    def __init__(self, cfg: RRDBConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.scale = 2**cfg.doublings // cfg.folded
        if self.scale < 1:
            raise ValueError(f"{cfg.doublings} doublings do not make up for folding by {cfg.folded}")
        self.context = CONTEXT * cfg.folded  # read by `images.bands`
        self.stem = nn.Conv2d(3 * cfg.folded**2, cfg.width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(cfg.width, cfg.growth) for _ in range(cfg.blocks)))
        self.tail = nn.Conv2d(cfg.width, cfg.width, 3, padding=1)
        self.up = nn.ModuleList(nn.Conv2d(cfg.width, cfg.width, 3, padding=1) for _ in range(cfg.doublings))
        self.fine = nn.Conv2d(cfg.width, cfg.width, 3, padding=1)
        self.to_image = nn.Conv2d(cfg.width, 3, 3, padding=1)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Conv2d) and module.bias is not None:
                    nn.init.kaiming_normal_(module.weight).mul_(0.1)
                    module.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        height, width = (side * self.scale for side in x.shape[2:])
        if self.cfg.folded > 1:
            x = F.pixel_unshuffle(self._whole(x), self.cfg.folded)
        x = self.stem(x.to(self.stem.weight.dtype))
        x = x + self.tail(self.blocks(x))
        strips = [self._enlarged(x, top) for top in range(0, x.shape[2], STRIP)]
        return torch.cat(strips, dim=2)[:, :, :height, :width]

    def _enlarged(self, features: Tensor, top: int) -> Tensor:
        """Pictures of `STRIP` rows of features."""
        first = max(top - MARGIN, 0)
        x = features[:, :, first : top + STRIP + MARGIN]
        for conv in self.up:
            x = leaky(conv(F.interpolate(x, scale_factor=2)))
        image: Tensor = self.to_image(leaky(self.fine(x)))
        scale = 2**self.cfg.doublings
        return image[:, :, (top - first) * scale :][:, :, : STRIP * scale]

    def _whole(self, x: Tensor) -> Tensor:
        """Both sides extended to a multiple of `folded` by repeating the last row and column."""
        bottom, right = (-side % self.cfg.folded for side in x.shape[2:])
        return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x
