"""PatchGAN discriminators (Isola et al., arXiv:1611.07004), and several of them at several scales
(Wang et al., pix2pixHD, arXiv:1711.11585)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ganedit.nets.layers import outputs
from ganedit.nets.layers_translation import ConvNorm, Norm, halved, initialise_normal, leaky


@dataclass(frozen=True)
class PatchGANConfig:
    in_channels: int = 3  # 6 for pairs: the input's channels come first
    width: int = 64
    layers: int = 3  # convolutions of stride 2; 0: single pixels
    norm: Norm = "batch"
    padding: int = 1  # of the 4x4 convolutions; 2 in pix2pixHD and SPADE
    scales: int = 1  # copies that see the picture at 1, 1/2, 1/4 ... of its size

    @property
    def receptive_field(self) -> int:
        """Side of the patch that one output sees: 1, 16, 34, 70, 142, 286 for 0 to 5 layers."""
        if not self.layers:
            return 1
        side = 1 + 3 + 3  # two convolutions of stride 1
        for _ in range(self.layers):
            side = 2 * side + 2
        return side


class PatchGAN(nn.Module):
    """Logits [N, 1, h, w], one for each of many overlapping patches, of pictures [N, C, H, W]."""

    def __init__(self, cfg: PatchGANConfig) -> None:
        super().__init__()
        self.cfg = cfg
        kernel, padding = (4, cfg.padding) if cfg.layers else (1, 0)
        widths = [cfg.width * min(2**i, 8) for i in range(max(cfg.layers, 1) + 1)]
        self.blocks = nn.ModuleList(
            ConvNorm(
                widths[i - 1] if i else cfg.in_channels,
                widths[i],
                kernel,
                norm=cfg.norm if i else "none",
                stride=2 if i < cfg.layers else 1,
                padding=padding,
                activation=leaky,
            )
            for i in range(len(widths))
        )
        self.to_logits = nn.Conv2d(widths[-1], 1, kernel, padding=padding)
        initialise_normal(self)

    def features(self, x: Tensor) -> list[Tensor]:
        """Activations after each block, finest first: what feature matching compares."""
        return outputs(self.blocks, x)

    def logits(self, features: list[Tensor]) -> Tensor:
        """Logits from the result of `features`."""
        logits: Tensor = self.to_logits(features[-1])
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))


class MultiScaleDiscriminator(nn.Module):
    """`cfg.scales` PatchGANs, the first at full size; each list has an entry per scale."""

    def __init__(self, cfg: PatchGANConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.discriminators = nn.ModuleList(PatchGAN(cfg) for _ in range(cfg.scales))

    def features(self, x: Tensor) -> list[list[Tensor]]:
        features = []
        for i, network in enumerate(self.discriminators):
            assert isinstance(network, PatchGAN)
            x = halved(x) if i else x
            features.append(network.features(x))
        return features

    def logits(self, features: list[list[Tensor]]) -> list[Tensor]:
        """Logits by scale from the result of `features`."""
        heads = [network.to_logits for network in self.discriminators if isinstance(network, PatchGAN)]
        return [head(pyramid[-1]) for head, pyramid in zip(heads, features, strict=True)]

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.logits(self.features(x))
