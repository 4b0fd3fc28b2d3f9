"""LeNet, a small classifier of digits (LeCun et al., 1998), in the form of ADDA's experiments (Tzeng et al.,
arXiv:1702.05464): two convolutions, and features that an adversary can compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_translation import relu


@dataclass(frozen=True)
class LeNetConfig:
    classes: tuple[str, ...]  # names, in the order of the logits
    side: int = 28  # pixels that it looks at; images of other sizes are resized
    channels: int = 3
    widths: tuple[int, int] = (20, 50)
    features: int = 500

    binary = ()  # it has no attributes that are present or absent

    @property
    def attributes(self) -> tuple[str, ...]:
        """The outputs' names, in order."""
        return self.classes


class LeNet(nn.Module):
    """Images [N, C, H, W] in [-1, 1] to logits [N, K] of classes."""

    def __init__(self, cfg: LeNetConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.size = cfg.side
        a, b = cfg.widths
        left = ((cfg.side - 4) // 2 - 4) // 2  # side of the last feature map: two 5x5 kernels, two halvings
        self.conv1 = nn.Conv2d(cfg.channels, a, 5)
        self.conv2 = nn.Conv2d(a, b, 5)
        self.fc = nn.Linear(b * left * left, cfg.features)
        self.head = nn.Linear(cfg.features, len(cfg.classes))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """[N, F], at least 0, which the last layer reads."""
        side = self.cfg.side
        if images.shape[2:] != (side, side):
            images = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
        x = relu(F.max_pool2d(self.conv1(images), 2))
        x = F.dropout2d(self.conv2(x), 0.5, self.training)
        x = relu(F.max_pool2d(x, 2))
        x = relu(self.fc(x.flatten(1)))
        return F.dropout(x, 0.5, self.training)


class DomainDiscriminator(nn.Module):
    """Features [N, F] to logits [N, 1] of their domain: three linear layers, as in ADDA."""

    def __init__(self, features: int, hidden: int = 500) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(i, o) for i, o in ((features, hidden), (hidden, hidden), (hidden, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer in hidden:
            x = F.leaky_relu(layer(x), 0.2)
        logits: Tensor = last(x)
        return logits
