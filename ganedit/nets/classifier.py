"""Attributes of an aligned face from its luma: a small residual network with one output per attribute.

Residual blocks as in He et al., arXiv:1512.03385, on 64-pixel pictures. Colour is not used, since half of
the training pictures have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_residual import Block

SIZE = 64  # pixels on a side that the network looks at
LUMA = (0.299, 0.587, 0.114)  # Rec. 601


@dataclass(frozen=True)
class ClassifierConfig:
    """Names of the attributes, and widths of the network."""

    binary: tuple[str, ...]  # attributes that are present or absent: their outputs are logits
    numbers: tuple[str, ...] = ()  # attributes with a value, in the units of their labels
    means: tuple[float, ...] = ()  # of the numbers over the training set
    stds: tuple[float, ...] = ()
    widths: tuple[int, ...] = (24, 48, 64, 96)  # channels at 32, 16, 8, 4 pixels

    def __post_init__(self) -> None:
        if not len(self.numbers) == len(self.means) == len(self.stds):
            raise ValueError("numbers, means and stds must be of one length")

    @property
    def attributes(self) -> tuple[str, ...]:
        """The outputs' names, in order."""
        return (*self.binary, *self.numbers)


class Classifier(nn.Module):
    """Grey or RGB pictures of any size to one value per attribute."""

    size = SIZE
    scale: Tensor
    offset: Tensor

    def __init__(self, cfg: ClassifierConfig) -> None:
        super().__init__()
        self.cfg = cfg
        width = cfg.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        blocks: list[nn.Module] = []
        for level, wider in enumerate(cfg.widths):
            blocks.append(Block(width, wider, stride=1 if level == 0 else 2))
            width = wider
        self.trunk = nn.Sequential(*blocks, Block(width, width))
        self.head = nn.Linear(width, len(cfg.attributes))
        ones = (1.0,) * len(cfg.binary)
        self.register_buffer("scale", torch.tensor((*ones, *cfg.stds)), persistent=False)
        self.register_buffer("offset", torch.tensor((*(0.0 for _ in ones), *cfg.means)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:  # [N, 1 or 3, H, W] in [-1, 1]
        """[N, K]: logits of the binary attributes, then the numbers in the units of their labels."""
        return self.standardised(images) * self.scale + self.offset

    def standardised(self, images: Tensor) -> Tensor:
        """Like `forward`, but with numbers in standard deviations from their mean."""
        outputs: Tensor = self.head(self.features(images))
        return outputs.float()

    def features(self, images: Tensor) -> Tensor:
        """[N, W], which the last layer reads."""
        h: Tensor = self.trunk(self.stem(to_input(images)))  # [N, W, 4, 4]
        return h.mean((2, 3))


def to_input(images: Tensor) -> Tensor:
    """Luma at 64 pixels: [N, 1 or 3, H, W] to [N, 1, 64, 64], antialiased."""
    if images.shape[1] == 3:
        images = torch.einsum("nchw,c->nhw", images, images.new_tensor(LUMA))[:, None]
    if images.shape[2:] != (SIZE, SIZE):
        images = F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True)
    return images
