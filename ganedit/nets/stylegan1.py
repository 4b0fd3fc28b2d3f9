"""The first style-based generator, StyleGAN (Karras et al., arXiv:1812.04948), grown to its full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import EqualConv2d, Linear, blur3, lrelu
from ganedit.nets.layers_style import MappingNetwork, Noise, NoiseKind, StyleGenerator


@dataclass(frozen=True)
class GeneratorConfig:
    channels: tuple[int, ...]  # at 4, 8, ... resolution px
    z_dim: int = 512
    w_dim: int = 512
    mapping_width: int = 512
    mapping_layers: int = 8
    mapping_lr_multiplier: float = 0.01
    image_channels: int = 3
    num_classes: int = 0

    @property
    def resolution(self) -> int:
        return 4 << (len(self.channels) - 1)

    @property
    def num_ws(self) -> int:
        return 2 * len(self.channels)

    @property
    def row_sizes(self) -> list[float]:
        """Pixels of the pictures that each row of a code works on."""
        return [4 * 2 ** (row // 2) for row in range(self.num_ws)]


class Style(nn.Module):
    """Follows every convolution: noise, bias and leaky ReLU, then adaptive instance normalisation."""

    def __init__(self, channels: int, w_dim: int, size: int) -> None:
        super().__init__()
        self.affine = Linear(w_dim, 2 * channels)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.noise_strength = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise_const", torch.randn(size, size))
        self.noise_const: Tensor

    def forward(self, x: Tensor, w: Tensor, noise: NoiseKind | Tensor) -> Tensor:
        n, c, h, width = x.shape
        x = x + self.bias.view(1, -1, 1, 1).to(x.dtype)
        if isinstance(noise, Tensor) or noise != "none":
            maps = self.noise_const if isinstance(noise, str) else noise
            if isinstance(noise, str) and noise == "random":
                maps = torch.randn(n, 1, h, width, device=x.device)
            x = x + (maps * self.noise_strength.view(1, -1, 1, 1)).to(x.dtype)
        x = instance_norm(lrelu(x))
        style: Tensor = self.affine(w)
        scale, shift = style.to(x.dtype).view(n, 2, c, 1, 1).unbind(1)
        return x * (scale + 1) + shift


def instance_norm(x: Tensor) -> Tensor:
    """Each channel of [N, C, H, W] brought to mean 0 and variance 1.

    In two steps: a constant channel, such as the first layer may have, must become exactly 0. The library's
    one-step kernel leaves rounding errors, which the division would blow up.
    """
    x = x - x.mean(dim=(2, 3), keepdim=True)
    return x * (x.square().mean(dim=(2, 3), keepdim=True) + 1e-8).rsqrt()


class Block(nn.Module):
    """Two styled layers at one size; all but the first block double it before."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, size: int) -> None:
        super().__init__()
        if size == 4:
            self.const = nn.Parameter(torch.ones(out_channels, 4, 4))
        else:
            self.conv0 = EqualConv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.style0 = Style(out_channels, w_dim, size)
        self.conv1 = EqualConv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.style1 = Style(out_channels, w_dim, size)

    def forward(
        self, x: Tensor | None, ws: Tensor, noise: Sequence[NoiseKind | Tensor], dtype: torch.dtype
    ) -> Tensor:
        # x [N, I, H/2, W/2] (None at 4 px), ws [N, 2, w_dim] -> [N, O, H, W]
        if x is None:
            x = self.const.to(dtype).expand(len(ws), -1, -1, -1)
        else:
            x = blur3(self.conv0(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        x = self.style0(x, ws[:, 0], noise[0])
        y: Tensor = self.style1(self.conv1(x), ws[:, 1], noise[1])
        return y


class SynthesisNetwork(nn.Module):
    """Style codes ws [N, L, w_dim] to images [N, 3, H, W], about [-1, 1] (not clamped)."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.dtype = torch.float32
        inputs = (0, *cfg.channels[:-1])
        self.blocks = nn.ModuleList(
            Block(i, o, cfg.w_dim, 4 * 2**level)
            for level, (i, o) in enumerate(zip(inputs, cfg.channels, strict=True))
        )
        self.to_rgb = EqualConv2d(cfg.channels[-1], cfg.image_channels, 1, gain=1.0)

    @property
    def layers(self) -> list[nn.Module]:
        """Modules whose outputs are the layers' activations, coarse first."""
        return [part for part in self.blocks.modules() if isinstance(part, Style)]

    def noise_maps(self) -> dict[str, Tensor]:
        """The stored noise [H, W] by layer name."""
        return {n: m.noise_const for n, m in self.named_modules() if isinstance(m, Style)}

    def features(self, ws: Tensor, noise: Noise = "const", level: int | None = None) -> list[Tensor]:
        """Activations after each block up to `level` (default: all), [N, C_i, 4·2^i, 4·2^i]."""
        x, every = None, []
        for at, block in enumerate(self.blocks[: None if level is None else level + 1]):
            names = (f"blocks.{at}.style0", f"blocks.{at}.style1")
            given = [noise if isinstance(noise, str) else noise[name] for name in names]
            x = block(x, ws[:, 2 * at : 2 * at + 2], given, self.dtype)
            every.append(x)
        return every

    def forward(self, ws: Tensor, noise: Noise = "const") -> Tensor:
        image: Tensor = self.to_rgb(self.features(ws, noise)[-1])
        return image.float()


class Generator(StyleGenerator):
    """Mapping and synthesis."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        layers = cfg.mapping_layers, cfg.mapping_lr_multiplier
        super().__init__(cfg, MappingNetwork(cfg.z_dim, 0, cfg.w_dim, *layers, width=cfg.mapping_width))
        self.synthesis = SynthesisNetwork(cfg)
