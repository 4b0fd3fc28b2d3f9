"""Generator and discriminator of FastGAN, which learns from few images (Liu et al., arXiv:2101.04775).

The generator multiplies the channels of large maps by what small maps hold (skip-layer excitation). The
discriminator keeps what it sees by redrawing real images from its features.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_conditional import ConditionalNorm, HeadConfig, Judge, beside, shrunken_z

START = 4  # px
MOST = 8  # widest layers, in units of the width
LONGEST_SKIP = 16  # how much larger the map is that a small one excites
WHOLE, PART = 8, 16  # px of the features that an image, and a quarter of it, are redrawn from
LARGEST_REDRAWN = 128  # px


def widths(resolution: int, width: int, smallest: int = START) -> list[int]:
    """Channels at `smallest`, ... `resolution` px; `width` at the finest."""
    stages = (resolution // smallest).bit_length()
    return [width * min(2**stage, MOST) for stage in reversed(range(stages))]


@dataclass(frozen=True)
class GeneratorConfig:
    resolution: int
    z_dim: int = 256
    width: int = 64
    image_channels: int = 3
    num_classes: int = 0
    conditional_norm: bool = False  # classes choose scale and shift of the normalisations, not stand beside z

    @property
    def skip(self) -> int:
        """How many times larger the maps are that small ones excite; less for small images."""
        return min(LONGEST_SKIP, self.resolution // 8)


class Excitation(nn.Module):
    """Multiplies channels of a large map [N, L, H, W] by shares that a small one [N, S, h, w] chooses."""

    def __init__(self, small: int, large: int) -> None:
        super().__init__()
        self.gather = nn.Conv2d(small, large, 4)
        self.gate = nn.Conv2d(large, large, 1)

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        x = F.silu(self.gather(F.adaptive_avg_pool2d(small, 4)))  # [N, L, 1, 1]
        return large * torch.sigmoid(self.gate(x))


class Noise(nn.Module):
    """Adds noise with a learned strength: new noise in training, else always the same."""

    fixed: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("fixed", torch.randn(side, side))

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn(len(x), 1, *x.shape[2:]).to(x) if self.training else self.fixed
        return x + self.strength.to(x.dtype) * noise.to(x.dtype)


class Gated(nn.Module):
    """A convolution, normalised, of whose channels one half gates the other (GLU)."""

    def __init__(self, i: int, o: int, norm_classes: int, noise_side: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(i, 2 * o, 3, padding=1, bias=False)
        self.noise = Noise(noise_side) if noise_side else nn.Identity()
        self.norm = ConditionalNorm(2 * o, norm_classes)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        return F.glu(self.norm(self.noise(self.conv(x)), c), dim=1)


class Up(nn.Module):
    """Doubles the size, by one gated convolution, or by two with noise."""

    def __init__(self, i: int, o: int, norm_classes: int, side: int, *, double: bool) -> None:
        super().__init__()
        first = Gated(i, o, norm_classes, side * double)
        self.convs = nn.ModuleList([first, *([Gated(o, o, norm_classes, side)] if double else [])])

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        for conv in self.convs:
            x = conv(x, c)
        return x


class Generator(nn.Module):
    """z [N, z_dim] and classes [N, K] to images [N, C, H, W] in [-1, 1]."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.beside, norm_classes = (0, cfg.num_classes) if cfg.conditional_norm else (cfg.num_classes, 0)
        channels = widths(cfg.resolution, cfg.width)
        self.start = nn.ConvTranspose2d(cfg.z_dim + self.beside, 2 * channels[0], START, bias=False)
        self.norm = ConditionalNorm(2 * channels[0], norm_classes)
        self.blocks = nn.ModuleList(
            Up(i, o, norm_classes, START << level, double=level % 2 == 1)
            for level, (i, o) in enumerate(pairwise(channels), start=1)
        )
        far = self.far = cfg.skip.bit_length() - 1  # levels between a map and the one that it excites
        self.excitations = nn.ModuleList(
            Excitation(small, large) for small, large in zip(channels, channels[far:], strict=False)
        )
        self.to_rgb = nn.Conv2d(channels[-1], cfg.image_channels, 3, padding=1)
        _initialise(self)

    def draw_z(self, seed: int, psi: float) -> np.ndarray:
        """z [z_dim] of a seed with truncation `psi`."""
        return shrunken_z(seed, psi, self.cfg.z_dim)

    def forward(self, z: Tensor, c: Tensor | None = None, psi: float = 1.0) -> Tensor:
        """Images for z; its truncation is in `draw_z`, and `psi` is not used here."""
        x = self.start(beside(z, c if self.beside else None)[:, :, None, None])  # [N, 2C, 4, 4]
        maps = [F.glu(self.norm(x, c), dim=1)]
        for level, block in enumerate(self.blocks, start=1):
            x = block(maps[-1], c)  # [N, C, 4 * 2**level, ...]
            if level >= self.far:
                x = self.excitations[level - self.far](maps[level - self.far], x)
            maps.append(x)
        image: Tensor = self.to_rgb(maps[-1]).tanh()
        return image


@dataclass(frozen=True)
class TrunkConfig:
    resolution: int
    width: int = 64
    image_channels: int = 3
    batch_norm: bool = True  # a gradient penalty goes without


class Down(nn.Module):
    """Halves the size: the mean of two convolutions and of a short way around them."""

    def __init__(self, i: int, o: int, batch_norm: bool) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *_normalised(nn.Conv2d(i, o, 4, 2, 1, bias=not batch_norm), batch_norm),
            *_normalised(nn.Conv2d(o, o, 3, padding=1, bias=not batch_norm), batch_norm),
        )
        short = _normalised(nn.Conv2d(i, o, 1, bias=not batch_norm), batch_norm)
        self.short = nn.Sequential(nn.AvgPool2d(2), *short)

    def forward(self, x: Tensor) -> Tensor:
        mean: Tensor = (self.main(x) + self.short(x)) / 2
        return mean


class Trunk(nn.Module):
    """The discriminator up to its features: images [N, C, H, W] to [N, features].

    Its maps end at 8 px; `maps` returns those that images are redrawn from.
    """

    def __init__(self, cfg: TrunkConfig) -> None:
        super().__init__()
        self.cfg = cfg
        channels = list(reversed(widths(cfg.resolution, cfg.width, WHOLE)))  # at resolution, ... 8 px
        self.stem = nn.Conv2d(cfg.image_channels, channels[0], 3, padding=1)
        self.blocks = nn.ModuleList(Down(i, o, cfg.batch_norm) for i, o in pairwise(channels))
        self.last = nn.Conv2d(channels[-1], channels[-1], 4, 2, 1)  # [N, C, 4, 4]
        self.part_channels, self.whole_channels = channels[-2:]
        self.features = channels[-1] * START**2
        _initialise(self)

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Activations at 16 px and at 8 px."""
        part = whole = F.leaky_relu(self.stem(x), 0.2)
        for block in self.blocks:
            part, whole = whole, block(whole)
        return part, whole

    def judged(self, whole: Tensor) -> Tensor:
        """Features [N, features] from the activations at 8 px."""
        return F.leaky_relu(self.last(whole), 0.2).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.judged(self.maps(x)[1])


class Decoder(nn.Module):
    """Redraws an image [N, C, side, side] from activations [N, F, 8, 8]."""

    def __init__(self, features: int, width: int, image_channels: int, side: int) -> None:
        super().__init__()
        channels = widths(side, width, WHOLE)
        self.first = Gated(features, channels[0], 0)
        levels = enumerate(pairwise(channels), start=1)
        self.blocks = nn.ModuleList(Up(i, o, 0, WHOLE << level, double=False) for level, (i, o) in levels)
        self.to_rgb = nn.Conv2d(channels[-1], image_channels, 3, padding=1)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x, None)
        for block in self.blocks:
            x = block(x, None)
        image: Tensor = self.to_rgb(x).tanh()
        return image


class RedrawingJudge(Judge):
    """A discriminator that can also redraw what it sees, whole and a quarter of it (section 3.2).

    Args:
        trunk: Its features.
        cfg: What its head looks at.
        width: Channels of redrawn images at their full size.
        image_channels: Channels of images, without those of classes.
    """

    trunk: Trunk

    def __init__(self, trunk: Trunk, cfg: HeadConfig, width: int, image_channels: int = 3) -> None:
        super().__init__(trunk, cfg)
        side = trunk.cfg.resolution
        self.image_channels = image_channels
        self.whole = Decoder(trunk.whole_channels, width, image_channels, min(side, LARGEST_REDRAWN))
        self.part = Decoder(trunk.part_channels, width, image_channels, min(side // 2, LARGEST_REDRAWN))

    def judge_and_redraw(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor | None, Tensor]:
        """Logits and guessed classes as `forward` returns them, and the mean absolute error of the redrawn.

        The quarter is drawn at random, the same for all images.
        """
        part, whole = self.trunk.maps(self.with_classes(x, c))
        logits, guessed = self.head(self.trunk.judged(whole), c)
        row, column = torch.randint(2, (2,)).tolist()
        redrawn = self.part(_quarter(part, row, column))
        error = _error(self.whole(whole), x) + _error(redrawn, _quarter(x, row, column))
        return logits, guessed, error


def _quarter(x: Tensor, row: int, column: int) -> Tensor:
    half = x.shape[2] // 2
    return x[:, :, row * half : (row + 1) * half, column * half : (column + 1) * half]


def _error(redrawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference from an image, reduced to the same size."""
    times = wanted.shape[2] // redrawn.shape[2]
    return F.l1_loss(redrawn.float(), F.avg_pool2d(wanted, times).float() if times > 1 else wanted.float())


def _normalised(conv: nn.Module, batch_norm: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(int(conv.out_channels))] if batch_norm else []  # type: ignore[arg-type]
    return [conv, *norm, nn.LeakyReLU(0.2)]


def _initialise(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
