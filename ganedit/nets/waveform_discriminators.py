"""Narrow discriminators of waveforms, by period and by scale (HiFi-GAN, Kong et al., arXiv:2010.05646)."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1
WIDENING = (1, 2, 4, 8, 8)  # channels after each convolution, in units of the first one's


@dataclass(frozen=True)
class WaveformDiscriminatorConfig:
    width: int = 16
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    scales: int = 3


class WaveformDiscriminators(nn.Module):
    """Several discriminators of waves [N, T]; the lists it returns have an entry for each, periods first."""

    def __init__(self, cfg: WaveformDiscriminatorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.discriminators = nn.ModuleList(
            [PeriodDiscriminator(cfg.width, period) for period in cfg.periods]
            + [ScaleDiscriminator(cfg.width, 2**scale) for scale in range(cfg.scales)]
        )

    def forward(self, wave: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Activations of all layers, which feature matching compares, and logits by discriminator."""
        features: list[Tensor] = []
        logits: list[Tensor] = []
        for network in self.discriminators:
            layers = network(wave)
            features += layers[:-1]
            logits.append(layers[-1])
        return features, logits


class PeriodDiscriminator(nn.Module):
    """Compares samples `period` apart: the wave is folded into rows of `period` samples."""

    def __init__(self, width: int, period: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, *(width * by for by in WIDENING)]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(before, after, (5, 1), (stride, 1), padding=(2, 0)))
            for before, after, stride in zip(widths, widths[1:], (3, 3, 3, 3, 1), strict=False)
        )
        self.to_logits = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, wave: Tensor) -> list[Tensor]:
        """Activations of each layer for waves [N, T], logits [N, 1, h, period] last."""
        short = -wave.shape[1] % self.period
        x = F.pad(wave, (0, short), mode="reflect") if short else wave
        return _activations(self.layers, self.to_logits, x.unflatten(1, (-1, self.period))[:, None])


class ScaleDiscriminator(nn.Module):
    """Sees the wave at a rate `pool` times lower."""

    def __init__(self, width: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        widths = [1, *(width * by for by in WIDENING)]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv1d(before, after, kernel, stride, padding=kernel // 2))
            for before, after, kernel, stride in zip(
                widths, widths[1:], (15, 11, 11, 11, 5), (1, 4, 4, 4, 1), strict=False
            )
        )
        self.to_logits = weight_norm(nn.Conv1d(widths[-1], 1, 3, padding=1))

    def forward(self, wave: Tensor) -> list[Tensor]:
        """Activations of each layer for waves [N, T], logits [N, 1, t] last."""
        x = wave[:, None]
        if self.pool > 1:
            x = F.avg_pool1d(x, 2 * self.pool, self.pool, padding=self.pool // 2)
        return _activations(self.layers, self.to_logits, x)


def _activations(layers: nn.ModuleList, to_logits: nn.Module, x: Tensor) -> list[Tensor]:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), SLOPE)
        features.append(x)
    return [*features, to_logits(x)]
