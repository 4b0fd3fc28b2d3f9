"""Generator and discriminator of BigGAN-deep (Brock et al., arXiv:1809.11096, appendix B).

Batch normalisation is conditional: scale and shift come from z and the class. Its statistics depend on the
truncation, since a truncated z changes the activations; they are stored for `num_statistics` values of it
from 0 to 1, and interpolated between. In training, they are those of the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

REDUCTION = 4  # a block works on this fraction of its input channels
START = 4  # px
MOST = 16  # widest blocks, in units of the width at full size


@dataclass(frozen=True)
class GeneratorConfig:
    channels: tuple[tuple[int, int], ...]  # in and out, of each block
    doubling: tuple[bool, ...]  # which blocks double the size
    attention: int  # number of blocks before the attention layer
    z_dim: int = 128
    class_dim: int = 128  # size of a class embedding
    num_classes: int = 1000
    num_statistics: int = 51
    rgb_channels: int = 128  # of the last convolution; the first three are the picture
    eps: float = 1e-4

    @property
    def resolution(self) -> int:
        return START << sum(self.doubling)


def multiples(resolution: int) -> list[int]:
    """Channels at 4, 8, ... `resolution` px, in units of those at full size."""
    sizes = [START << level for level in range((resolution // START).bit_length())]
    return [min(resolution // size, MOST) for size in sizes]


def plan(resolution: int, width: int, num_classes: int, z_dim: int, num_statistics: int) -> GeneratorConfig:
    """The published layout at any size: two blocks a size, and attention at half of the full one."""
    channels = [width * one for one in multiples(resolution)]
    pairs = list(pairwise(channels))
    return GeneratorConfig(
        tuple(block for i, o in pairs for block in ((i, i), (i, o))),
        (False, True) * len(pairs),
        attention=2 * (len(pairs) - 1),
        z_dim=z_dim,
        num_classes=num_classes,
        num_statistics=num_statistics,
        rgb_channels=3,
    )


class StatisticsNorm(nn.Module):
    """Batch normalisation of [N, C, H, W] with stored statistics, chosen by the truncation."""

    def __init__(self, channels: int, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.eps = cfg.eps
        self.register_buffer("means", torch.zeros(cfg.num_statistics, channels))
        self.register_buffer("variances", torch.ones(cfg.num_statistics, channels))
        self.means: Tensor
        self.variances: Tensor
        self.recorded: tuple[int, float] | None = None  # row that a batch is added to, and its weight there

    def normalise(self, x: Tensor, scale: Tensor, shift: Tensor, psi: float) -> Tensor:
        # scale and shift [N or 1, C]
        if self.training:
            if self.recorded is not None:
                self._record(x.detach(), *self.recorded)
            return (
                F.batch_norm(x, None, None, training=True, eps=self.eps) * scale[:, :, None, None]
                + (shift[:, :, None, None])
            )
        place = psi * (len(self.means) - 1)
        below, share = int(place), place - int(place)
        above = min(below + 1, len(self.means) - 1)
        mean = self.means[below].lerp(self.means[above], share)
        variance = self.variances[below].lerp(self.variances[above], share)
        gain = scale * (variance + self.eps).rsqrt()
        return x * gain[:, :, None, None] + (shift - mean * gain)[:, :, None, None]

    def _record(self, x: Tensor, row: int, weight: float) -> None:
        """Add the mean and the variance of a batch to those of a truncation."""
        self.means[row].lerp_(x.mean(dim=(0, 2, 3)), weight)
        self.variances[row].lerp_(x.var(dim=(0, 2, 3), unbiased=False), weight)


class ConditionalNorm(StatisticsNorm):
    """`StatisticsNorm` whose scale and shift come from the condition [N, z_dim + class_dim]."""

    def __init__(self, channels: int, cfg: GeneratorConfig) -> None:
        super().__init__(channels, cfg)
        self.scale = nn.Linear(cfg.z_dim + cfg.class_dim, channels, bias=False)
        self.shift = nn.Linear(cfg.z_dim + cfg.class_dim, channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor, psi: float) -> Tensor:
        return self.normalise(x, 1 + self.scale(condition), self.shift(condition), psi)


class AffineNorm(StatisticsNorm):
    """`StatisticsNorm` with a learned scale and shift."""

    def __init__(self, channels: int, cfg: GeneratorConfig) -> None:
        super().__init__(channels, cfg)
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, psi: float) -> Tensor:
        return self.normalise(x, self.scale[None], self.shift[None], psi)


class Block(nn.Module):
    """Bottleneck of four convolutions; the shortcut drops surplus channels."""

    def __init__(self, in_channels: int, out_channels: int, cfg: GeneratorConfig, *, doubling: bool) -> None:
        super().__init__()
        middle = in_channels // REDUCTION
        self.out_channels, self.doubling = out_channels, doubling
        self.norms = nn.ModuleList(ConditionalNorm(c, cfg) for c in (in_channels, middle, middle, middle))
        self.convs = nn.ModuleList(
            (
                nn.Conv2d(in_channels, middle, 1),
                nn.Conv2d(middle, middle, 3, padding=1),
                nn.Conv2d(middle, middle, 3, padding=1),
                nn.Conv2d(middle, out_channels, 1),
            )
        )

    def forward(self, x: Tensor, condition: Tensor, psi: float) -> Tensor:
        shortcut = x[:, : self.out_channels]
        for i, (norm, conv) in enumerate(zip(self.norms, self.convs, strict=True)):
            x = F.relu(norm(x, condition, psi))
            if i == 1 and self.doubling:
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = conv(x)
        if self.doubling:
            shortcut = F.interpolate(shortcut, scale_factor=2.0, mode="nearest")
        return x + shortcut


class Attention(nn.Module):
    """Self-attention over places, with keys and values at half the size (arXiv:1805.08318)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.key = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.value = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.out = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        query = self.query(x).flatten(2)  # [N, C/8, HW]
        key = F.max_pool2d(self.key(x), 2).flatten(2)  # [N, C/8, HW/4]
        value = F.max_pool2d(self.value(x), 2).flatten(2)  # [N, C/2, HW/4]
        weights = (query.transpose(1, 2) @ key).softmax(dim=-1)  # [N, HW, HW/4]
        attended: Tensor = self.out((value @ weights.transpose(1, 2)).view(n, -1, h, w))
        return x + self.gamma * attended


class Generator(nn.Module):
    """z [N, z_dim] and classes [N, C], which may be mixed, to images [N, 3, H, W] in [-1, 1]."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.embed = nn.Linear(cfg.num_classes, cfg.class_dim, bias=False)
        self.start = nn.Linear(cfg.z_dim + cfg.class_dim, cfg.channels[0][0] * START**2)
        self.blocks = nn.ModuleList(
            Block(*channels, cfg, doubling=doubling)
            for channels, doubling in zip(cfg.channels, cfg.doubling, strict=True)
        )
        self.attention = Attention(cfg.channels[cfg.attention][0])
        last = cfg.channels[-1][1]
        self.norm = AffineNorm(last, cfg)
        self.to_rgb = nn.Conv2d(last, cfg.rgb_channels, 3, padding=1)

    def draw_z(self, seed: int, psi: float) -> np.ndarray:
        """z [z_dim] of a seed: normal numbers within ±2, times the truncation `psi`."""
        from scipy.stats import truncnorm

        z = truncnorm.rvs(-2, 2, size=self.cfg.z_dim, random_state=np.random.RandomState(seed))
        return psi * np.asarray(z)

    def forward(self, z: Tensor, c: Tensor | None = None, psi: float = 1.0) -> Tensor:
        """Images for z drawn with truncation `psi` in (0, 1].

        Raises:
            ValueError: `psi` outside that range, or no class.
        """
        if not 0 < psi <= 1 or c is None:
            raise ValueError("BigGAN needs a class, and a truncation psi above 0 and at most 1")
        condition = torch.cat([z, self.embed(c)], dim=1)
        # As published, the first layer's output is ordered height, width, channels.
        x = self.start(condition).view(len(z), START, START, -1).permute(0, 3, 1, 2).contiguous()
        for i, block in enumerate(self.blocks):
            if i == self.cfg.attention:
                x = self.attention(x)
            x = block(x, condition, psi)
        image: Tensor = self.to_rgb(F.relu(self.norm(x, psi)))
        return image[:, :3].tanh()

    @torch.no_grad()
    def record_statistics(self, classes: Callable[[], Tensor], batches: int = 2) -> None:
        """Measure what its normalisations store, for every truncation that they store it for.

        Args:
            classes: Returns one-hot classes [N, K] of a batch, drawn like those of the training data.
            batches: Number of batches for each truncation.
        """
        norms = [module for module in self.modules() if isinstance(module, StatisticsNorm)]
        for norm in norms:
            norm.train()
        rows = self.cfg.num_statistics
        for row in range(rows):
            for batch in range(batches):
                for norm in norms:
                    norm.recorded = row, 1 / (batch + 1)
                c = classes()
                z = nn.init.trunc_normal_(torch.empty(len(c), self.cfg.z_dim), a=-2.0, b=2.0).to(c.device)
                self(z * (row / (rows - 1)), c)
        for norm in norms:
            norm.recorded = None
            norm.train(self.training)


@dataclass(frozen=True)
class TrunkConfig:
    resolution: int
    width: int = 128
    image_channels: int = 3


class DownBlock(nn.Module):
    """Bottleneck of four convolutions; the shortcut gets its further channels from a convolution."""

    def __init__(self, in_channels: int, out_channels: int, *, halving: bool) -> None:
        super().__init__()
        middle = out_channels // REDUCTION
        self.halving = halving
        self.convs = nn.ModuleList(
            (
                nn.Conv2d(in_channels, middle, 1),
                nn.Conv2d(middle, middle, 3, padding=1),
                nn.Conv2d(middle, middle, 3, padding=1),
                nn.Conv2d(middle, out_channels, 1),
            )
        )
        more = out_channels - in_channels
        self.more = nn.Conv2d(in_channels, more, 1) if more else None

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for i, conv in enumerate(self.convs):
            h = F.relu(h)
            if i == len(self.convs) - 1 and self.halving:
                h = F.avg_pool2d(h, 2)
            h = conv(h)
        if self.halving:
            x = F.avg_pool2d(x, 2)
        return h + (x if self.more is None else torch.cat([x, self.more(x)], dim=1))


class Trunk(nn.Module):
    """The discriminator up to its features, summed over places: images [N, C, H, W] to [N, features]."""

    def __init__(self, cfg: TrunkConfig) -> None:
        super().__init__()
        self.cfg = cfg
        channels = [cfg.width * one for one in reversed(multiples(cfg.resolution))]
        self.start = nn.Conv2d(cfg.image_channels, channels[0], 3, padding=1)
        blocks: list[nn.Module] = []
        for level, (i, o) in enumerate(pairwise(channels)):
            blocks += [DownBlock(i, o, halving=True), DownBlock(o, o, halving=False)]
            if level == 0:
                blocks.append(Attention(o))
        self.blocks = nn.Sequential(*blocks)
        self.features = channels[-1]

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.blocks(self.start(x))).sum(dim=(2, 3))


def initialise(network: nn.Module) -> None:
    """Give the weights of linear layers and convolutions orthogonal rows, as for training from scratch."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.orthogonal_(layer.weight)
