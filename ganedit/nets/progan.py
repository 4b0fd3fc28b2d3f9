"""ProGAN: a generator and a discriminator that grow while they learn (Karras et al., arXiv:1710.10196).

`Generator` is grown to its full size, as it is published and exported. `Growing` adds what only training
needs to it, or to the generator of StyleGAN: image layers at the smaller sizes.

`dtype` on a network sets the type of its activations; parameters, images and logits stay float32.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import EqualConv2d, Linear, blur3, lrelu, minibatch_std, pixel_norm


@dataclass(frozen=True)
class GeneratorConfig:
    channels: tuple[int, ...]  # at 4, 8, ... resolution px
    z_dim: int = 512
    image_channels: int = 3
    num_classes: int = 0

    @property
    def resolution(self) -> int:
        return 4 << (len(self.channels) - 1)


class Block(nn.Module):
    """Two convolutions at one size; all but the first block double it before."""

    def __init__(self, in_channels: int, out_channels: int, *, first: bool) -> None:
        super().__init__()
        self.first = first
        # A padding of 3 turns the 1-px z into 4 px: the same numbers as a fully connected layer.
        self.conv0 = EqualConv2d(in_channels, out_channels, 4 if first else 3, padding=3 if first else 1)
        self.conv1 = EqualConv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if not self.first:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = pixel_norm(lrelu(self.conv0(x)))
        return pixel_norm(lrelu(self.conv1(x)))


class Generator(nn.Module):
    """z [N, z_dim] to images [N, 3, H, W], about [-1, 1] (not clamped). It has no truncation."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.dtype = torch.float32
        inputs = (cfg.z_dim, *cfg.channels[:-1])
        self.blocks = nn.ModuleList(
            Block(i, o, first=level == 0)
            for level, (i, o) in enumerate(zip(inputs, cfg.channels, strict=True))
        )
        self.to_rgb = EqualConv2d(cfg.channels[-1], cfg.image_channels, 1, gain=1.0)

    def features(self, z: Tensor, level: int | None = None) -> list[Tensor]:
        """Activations after each block up to `level` (default: all), [N, C_i, 4·2^i, 4·2^i]."""
        x = pixel_norm(z)[:, :, None, None].to(self.dtype)
        every = []
        for block in self.blocks[: None if level is None else level + 1]:
            x = block(x)
            every.append(x)
        return every

    def forward(self, z: Tensor, c: Tensor | None = None, psi: float = 1.0) -> Tensor:
        image: Tensor = self.to_rgb(self.features(z)[-1])
        return image.float()


class Growing(nn.Module):
    """A generator in the making, with an image layer at each smaller size.

    `generator`, or its `synthesis`, has `blocks` and `to_rgb`; its `cfg` has `channels` and `image_channels`.
    """

    generator: Any

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        cfg: Any = generator.cfg
        self.smaller = nn.ModuleList(
            EqualConv2d(channels, cfg.image_channels, 1, gain=1.0) for channels in cfg.channels[:-1]
        )

    @property
    def trunk(self) -> Any:
        """The part with the blocks."""
        return getattr(self.generator, "synthesis", self.generator)

    def _to_rgb(self, level: int) -> nn.Module:
        layer: nn.Module = self.smaller[level] if level < len(self.smaller) else self.trunk.to_rgb
        return layer

    def image(self, features: list[Tensor], alpha: float = 1.0) -> Tensor:
        """The image [N, 3, S, S] of the activations after each block so far.

        Args:
            features: [N, C_i, 4·2^i, 4·2^i], coarse first; S is the side of the last.
            alpha: The last block's share: 0 is the enlarged image of the block before, 1 its own.
        """
        level = len(features) - 1
        image: Tensor = self._to_rgb(level)(features[level]).float()
        if alpha == 1:
            return image
        coarse = self._to_rgb(level - 1)(features[level - 1]).float()
        return F.interpolate(coarse, scale_factor=2.0, mode="nearest").lerp(image, alpha)

    def grown(self, level: int) -> nn.Module:
        """A copy of the generator as it is at a level, where it draws 4·2^level px."""
        cfg = self.generator.cfg
        smaller: nn.Module = type(self.generator)(replace(cfg, channels=cfg.channels[: level + 1]))
        trunk = "synthesis." if hasattr(smaller, "synthesis") else ""
        state = self.generator.state_dict()
        state |= {f"{trunk}to_rgb.{k}": v for k, v in self._to_rgb(level).state_dict().items()}
        smaller.load_state_dict({name: state[name] for name in smaller.state_dict()})
        return smaller.to(next(self.parameters()).device).eval().requires_grad_(False)


@dataclass(frozen=True)
class DiscriminatorConfig:
    channels: tuple[int, ...]  # at 4, 8, ... px
    image_channels: int = 3
    group: int = 4  # images whose standard deviation is shown
    blur: bool = False  # before halving, as in StyleGAN


class HalvingBlock(nn.Module):
    """Two convolutions, after the second of which the size is halved."""

    def __init__(self, in_channels: int, out_channels: int, *, blur: bool) -> None:
        super().__init__()
        self.blur = blur
        self.conv0 = EqualConv2d(in_channels, in_channels, 3, padding=1)
        self.conv1 = EqualConv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = lrelu(self.conv0(x))
        return lrelu(F.avg_pool2d(self.conv1(blur3(x) if self.blur else x), 2))


class Discriminator(nn.Module):
    """Images [N, 3, S, S] in [-1, 1] to logits [N, 1]: higher is more real. S is 4, 8, ... px.

    It sees how much the images of a batch differ (minibatch standard deviation).
    """

    def __init__(self, cfg: DiscriminatorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.dtype = torch.float32
        first = cfg.channels[0]
        self.from_rgb = nn.ModuleList(EqualConv2d(cfg.image_channels, c, 1) for c in cfg.channels)
        self.blocks = nn.ModuleList(  # block i reads the activations of level i + 1
            HalvingBlock(here, below, blur=cfg.blur)
            for below, here in zip(cfg.channels, cfg.channels[1:], strict=False)
        )
        self.conv = EqualConv2d(first + 1, first, 3, padding=1)
        self.fc = Linear(first * 16, first, activate=True)
        self.out = Linear(first, 1)

    def forward(self, images: Tensor, alpha: float = 1.0) -> Tensor:
        """`alpha` is the finest block's share: 0 looks at images of half the size, past that block."""
        level = images.shape[2].bit_length() - 3
        x = self._read(images, level)
        for at in reversed(range(level)):
            x = self.blocks[at](x)
            if at == level - 1 and alpha < 1:
                x = self._read(F.avg_pool2d(images, 2), at).lerp(x, alpha)
        x = minibatch_std(x.float(), self.cfg.group, 1)
        logits: Tensor = self.out(self.fc(lrelu(self.conv(x)).flatten(1)))
        return logits

    def _read(self, images: Tensor, level: int) -> Tensor:
        x = images.to(self.dtype).contiguous(memory_format=torch.channels_last)
        return lrelu(self.from_rgb[level](x))
