"""Discriminator that sees a spectrogram as a whole, as in TimbreTron (Huang et al., arXiv:1811.09620).

A patch of a spectrogram does not identify an instrument; the relation of its harmonics does, and these lie
octaves apart. The last layer therefore sees all frequencies at once, each with its own weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from ganedit.nets.layers_translation import leaky


@dataclass(frozen=True)
class SpectrogramDiscriminatorConfig:
    bins: int  # rows of the spectrogram
    width: int = 32  # channels after the first convolution, doubled by each up to four times that
    layers: int = 5  # convolutions of stride 2


class SpectrogramDiscriminator(nn.Module):
    """Logits [N, 1] of spectrograms [N, 1, bins, frames], at least 2^layers frames of them.

    There is no normalisation: it would remove the level, and mix spectrograms in the gradient penalty.
    """

    def __init__(self, cfg: SpectrogramDiscriminatorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        widths = [1, *(cfg.width * min(2**i, 4) for i in range(cfg.layers))]
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.to_logits = nn.Conv2d(widths[-1], 1, (cfg.bins // 2**cfg.layers, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.2)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.zeros_(self.to_logits.weight)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = leaky(block(x))
        x = self.to_logits(x)
        return x.mean(dim=(2, 3))
