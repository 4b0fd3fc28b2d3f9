"""StyleGAN2: style-based generator and residual discriminator.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (arXiv:1912.04958), with the class
conditioning and activation clamp of "Training Generative Adversarial Networks with Limited Data"
(arXiv:2006.06676). Parameters carry the names of the published checkpoints, so these load key by key.

Written for eager PyTorch without compiled extensions. Three habits make it fast:

- Modulation and demodulation are two per-channel multiplications around one shared convolution, or are
  folded into the weights where that is less work; there is never a grouped convolution.
- The activation gain √2, the bias and the up-sampling gain are applied to small tensors or in existing steps,
  so a layer costs one convolution, one filter and two element-wise passes.
- Activations stay channels-last.

`dtype` on the synthesis network and on the discriminator sets the type of the activations (bfloat16 is
about twice as fast on a recent CPU); parameters, styles and the output image stay float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganedit.nets.layers import (
    LRELU_GAIN,
    Linear,
    blur,
    downsample2,
    lrelu,
    minibatch_std,
    outputs,
    upsample2,
)
from ganedit.nets.layers_derivatives import conv2d, conv_transpose2d
from ganedit.nets.layers_style import Config, MappingNetwork, Noise, NoiseKind, StyleGenerator, StyleLayer


def channel_widths(resolution: int, base: int, most: int) -> tuple[int, ...]:
    """Channels at 4, 8, ... `resolution` px: `base` / size, at most `most`."""
    return tuple(min(base // size, most) for size in sizes(resolution))


def sizes(resolution: int) -> list[int]:
    """4, 8, ... `resolution`."""
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError(f"resolution must be a power of two from 8 up, not {resolution}")
    return [2**i for i in range(2, resolution.bit_length())]


@dataclass(frozen=True)
class GeneratorConfig(Config):
    resolution: int
    channels: tuple[int, ...]  # at 4, 8, ... resolution px
    z_dim: int = 512
    w_dim: int = 512
    num_classes: int = 0
    mapping_layers: int = 8
    mapping_lr_multiplier: float = 0.01
    image_channels: int = 3
    clamp: float | None = None  # activations are held within ±clamp; 256 in float16 checkpoints

    @property
    def num_ws(self) -> int:
        return 2 * len(self.channels)

    @property
    def row_sizes(self) -> list[float]:
        """Pixels of the pictures that each row of a code works on."""
        return [4 * 2 ** (row // 2) for row in range(self.num_ws)]


@dataclass(frozen=True)
class DiscriminatorConfig(Config):
    resolution: int
    channels: tuple[int, ...]  # at 4, 8, ... resolution px
    num_classes: int = 0
    mapping_layers: int = 8  # of the class embedding; unused without classes
    mapping_dim: int = 0  # size of the class embedding, 0 without classes
    image_channels: int = 3
    mbstd_group: int = 4
    mbstd_channels: int = 1
    clamp: float | None = None


class ModulatedLayer(nn.Module):
    """Affine map from w to per-channel styles, and the convolution weight that they modulate."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, kernel: int) -> None:
        super().__init__()
        self.affine = Linear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))


def _fold(x: Tensor, styles: Tensor, weight: Tensor) -> bool:
    """Whether to modulate the weight rather than the activations x [N, I, H, W].

    It is faster for a single image that is larger than the weight, without gradients to the styles; these
    would need a weight gradient, which costs as much as the convolution itself.
    """
    return x.shape[0] == 1 and x.numel() > weight.numel() and not styles.requires_grad


class SynthesisLayer(ModulatedLayer):
    """Modulated 3x3 convolution, optional 2x up-sampling, noise, bias, leaky ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, w_dim: int, size: int, *, up: bool, clamp: float | None
    ) -> None:
        super().__init__(in_channels, out_channels, w_dim, 3)
        self.up = up
        self.clamp = clamp
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(size, size))
        self.noise_const: Tensor

    def forward(self, x: Tensor, styles: Tensor, noise: NoiseKind | Tensor) -> Tensor:
        # x [N, I, H, W], styles [N, I] float32 -> [N, O, H or 2H, W or 2W]
        demod = self._demodulation(styles) * LRELU_GAIN  # [N, O]
        bias = (self.bias * LRELU_GAIN).to(x.dtype)
        if _fold(x, styles, self.weight):
            weight = self.weight * (styles.view(1, -1, 1, 1) * demod.view(-1, 1, 1, 1))
            x = self._convolve(x, weight, bias)
        else:
            x = x * styles[:, :, None, None].to(x.dtype)
            x = self._convolve(x, self.weight, None)
            x = torch.addcmul(bias.view(1, -1, 1, 1), x, demod[:, :, None, None].to(x.dtype))
        if isinstance(noise, Tensor) or noise != "none":
            x = x.add_(self._noise(x, noise))
        return lrelu(x, self.clamp)

    def _demodulation(self, styles: Tensor) -> Tensor:
        energy = self.weight.square().sum(dim=(2, 3))  # [O, I]
        return (styles.square() @ energy.t() + 1e-8).rsqrt()

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        weight = weight.to(x.dtype)
        if not self.up:
            return conv2d(x, weight, bias, padding=1)
        x = conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # [N, O, 2H+1, 2W+1]
        return blur(x, padding=1, gain=4.0, bias=bias)

    def _noise(self, x: Tensor, kind: NoiseKind | Tensor) -> Tensor:
        strength = self.noise_strength * LRELU_GAIN
        if isinstance(kind, Tensor):
            return (kind * strength).to(x.dtype)
        if kind == "const":
            return (self.noise_const * strength).to(x.dtype)
        n, _, h, w = x.shape
        return (torch.randn(n, 1, h, w, device=x.device) * strength).to(x.dtype)


class ToRGB(ModulatedLayer):
    """Modulated 1x1 convolution to image channels, without demodulation."""

    def __init__(self, in_channels: int, image_channels: int, w_dim: int, clamp: float | None) -> None:
        super().__init__(in_channels, image_channels, w_dim, 1)
        self.gain = 1 / math.sqrt(in_channels)
        self.clamp = clamp

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        styles = (styles * self.gain).to(x.dtype)
        if _fold(x, styles, self.weight):
            y = conv2d(x, self.weight.to(x.dtype) * styles.view(1, -1, 1, 1))
        else:
            y = conv2d(x * styles[:, :, None, None], self.weight.to(x.dtype))
        y = y.float() + self.bias.view(1, -1, 1, 1)
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution: up-sampling convolution (absent at 4 px), convolution, and the image skip."""

    def __init__(self, cfg: GeneratorConfig, level: int) -> None:
        super().__init__()
        size = sizes(cfg.resolution)[level]
        out = cfg.channels[level]
        if level == 0:
            self.const = nn.Parameter(torch.randn(out, size, size))
        else:
            before = cfg.channels[level - 1]
            self.conv0 = SynthesisLayer(before, out, cfg.w_dim, size, up=True, clamp=cfg.clamp)
        self.conv1 = SynthesisLayer(out, out, cfg.w_dim, size, up=False, clamp=cfg.clamp)
        self.torgb = ToRGB(out, cfg.image_channels, cfg.w_dim, cfg.clamp)

    @property
    def names(self) -> list[str]:
        """Names of its layers within the synthesis network."""
        size = self.conv1.noise_const.shape[0]
        return [f"b{size}.conv0", f"b{size}.conv1"] if hasattr(self, "conv0") else [f"b{size}.conv1"]

    @property
    def layers(self) -> list[SynthesisLayer]:
        return [self.conv0, self.conv1] if hasattr(self, "conv0") else [self.conv1]

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Sequence[Tensor], noise: Noise
    ) -> tuple[Tensor, Tensor]:
        for name, layer, style in zip(self.names, self.layers, styles, strict=False):
            x = layer(x, style, noise if isinstance(noise, str) else noise[name])
        rgb = self.torgb(x, styles[-1])
        return x, rgb if image is None else upsample2(image).add_(rgb)


class SynthesisNetwork(nn.Module):
    """Style codes ws [N, L, w_dim] to images [N, 3, H, W], about [-1, 1] (not clamped).

    Row i of `ws` drives convolution i; the image layer of a resolution shares the row of the convolution
    that follows it, the last one has a row of its own.
    """

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.dtype = torch.float32
        for level, size in enumerate(sizes(cfg.resolution)):
            self.add_module(f"b{size}", SynthesisBlock(cfg, level))

    @property
    def blocks(self) -> list[SynthesisBlock]:
        return [getattr(self, f"b{size}") for size in sizes(self.cfg.resolution)]

    def noise_maps(self) -> dict[str, Tensor]:
        """The stored noise [H, W] by layer name."""
        return {
            name: layer.noise_const
            for block in self.blocks
            for name, layer in zip(block.names, block.layers, strict=True)
        }

    @property
    def layers(self) -> list[SynthesisLayer]:
        """Its convolutions except those to RGB, coarse first."""
        return [layer for block in self.blocks for layer in block.layers]

    @property
    def style_layers(self) -> list[StyleLayer]:
        """Describes the codes that `styles` returns, in their order."""
        layers: list[StyleLayer] = []
        row = 0
        for block, size in zip(self.blocks, sizes(self.cfg.resolution), strict=True):
            for layer in block.layers:
                layers.append(StyleLayer(row, layer.weight.shape[1], size, "features"))
                row += 1
            layers.append(StyleLayer(row, block.torgb.weight.shape[1], size, "image"))
        return layers

    def styles(self, ws: Tensor) -> list[Tensor]:
        """Style-space codes (StyleSpace, arXiv:2011.12799): one [N, channels] per layer, image layers last
        within their block."""
        codes, row = [], 0
        for block in self.blocks:
            for layer in block.layers:
                codes.append(layer.affine(ws[:, row]))
                row += 1
            codes.append(block.torgb.affine(ws[:, row]))
        return codes

    def forward(self, ws: Tensor, noise: Noise = "const") -> Tensor:
        return self.from_styles(self.styles(ws), noise)

    def coarse(self, ws: Tensor, size: int, noise: Noise = "const") -> Tensor:
        """The sum of the image layers up to `size` px, [N, 3, size, size]: an image before its finer details.

        It is not quite the final image made smaller, since finer image layers also change colours and light.
        """
        layers = zip(self.styles(ws), self.style_layers, strict=True)
        return self.from_styles([style for style, layer in layers if layer.size <= size], noise)

    def from_styles(self, styles: Sequence[Tensor], noise: Noise = "const") -> Tensor:
        """Like `forward` from the codes that `styles` returns, or like `coarse` from the first of them."""
        n = styles[0].shape[0]
        x = self.blocks[0].const.to(self.dtype).expand(n, -1, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        image: Tensor | None = None
        at = 0
        for block in self.blocks:
            if at == len(styles):
                break
            count = len(block.layers) + 1
            x, image = block(x, image, styles[at : at + count], noise)
            at += count
        assert image is not None
        return image


class Generator(StyleGenerator):
    """Mapping and synthesis."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        layers = cfg.mapping_layers, cfg.mapping_lr_multiplier
        super().__init__(cfg, MappingNetwork(cfg.z_dim, cfg.num_classes, cfg.w_dim, *layers))
        self.synthesis = SynthesisNetwork(cfg)


class ConvLayer(nn.Module):
    """Equalised convolution, optionally halving (blurred first), with bias and leaky ReLU unless `linear`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        down: bool = False,
        linear: bool = False,
        gain: float = 1.0,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = None if linear else nn.Parameter(torch.zeros(out_channels))
        self.down, self.linear = down, linear
        self.gain = gain * (1.0 if linear else LRELU_GAIN)
        self.weight_gain = self.gain / math.sqrt(in_channels * kernel**2)
        self.clamp = None if clamp is None else clamp * gain

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.weight_gain).to(x.dtype)
        bias = None if self.bias is None else (self.bias * self.gain).to(x.dtype)
        kernel = weight.shape[-1]
        if not self.down:
            x = conv2d(x, weight, bias, padding=kernel // 2)
        elif kernel == 1:
            x = conv2d(downsample2(x), weight, bias)
        else:
            x = conv2d(blur(x, padding=2), weight, bias, stride=2)
        return x if self.linear else lrelu(x, self.clamp)


class DiscriminatorBlock(nn.Module):
    """Residual block that halves the picture; the first one also reads RGB."""

    def __init__(self, cfg: DiscriminatorConfig, level: int) -> None:
        super().__init__()
        here, below = cfg.channels[level], cfg.channels[level - 1]
        if level == len(cfg.channels) - 1:
            self.fromrgb = ConvLayer(cfg.image_channels, here, 1, clamp=cfg.clamp)
        half = math.sqrt(0.5)  # two unit-variance branches are summed
        self.conv0 = ConvLayer(here, here, 3, clamp=cfg.clamp)
        self.conv1 = ConvLayer(here, below, 3, down=True, gain=half, clamp=cfg.clamp)
        self.skip = ConvLayer(here, below, 1, down=True, linear=True, gain=half)

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "fromrgb"):
            x = self.fromrgb(x)
        y: Tensor = self.conv1(self.conv0(x))
        skip: Tensor = self.skip(x)
        return y + skip


class DiscriminatorEpilogue(nn.Module):
    """4-px features to a logit, or to the projection onto the class embedding."""

    def __init__(self, cfg: DiscriminatorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        c = cfg.channels[0]
        self.conv = ConvLayer(c + cfg.mbstd_channels, c, 3, clamp=cfg.clamp)
        self.fc = Linear(c * 16, c, activate=True)
        self.out = Linear(c, cfg.mapping_dim or 1)

    def forward(self, x: Tensor, embedding: Tensor | None) -> Tensor:
        x = x.float()
        if self.cfg.mbstd_channels:
            x = minibatch_std(x, self.cfg.mbstd_group, self.cfg.mbstd_channels)
        x = self.out(self.fc(self.conv(x).flatten(1)))
        if embedding is not None:
            x = (x * embedding).sum(dim=1, keepdim=True) / math.sqrt(self.cfg.mapping_dim)
        return x


class Discriminator(nn.Module):
    """Images [N, 3, H, W] in [-1, 1] and one-hot classes [N, C] to logits [N, 1]: higher is more real."""

    def __init__(self, cfg: DiscriminatorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.dtype = torch.float32
        for level, size in reversed(list(enumerate(sizes(cfg.resolution)))[1:]):
            self.add_module(f"b{size}", DiscriminatorBlock(cfg, level))
        self.b4 = DiscriminatorEpilogue(cfg)
        if cfg.num_classes:
            self.mapping = MappingNetwork(0, cfg.num_classes, cfg.mapping_dim, cfg.mapping_layers)

    @property
    def blocks(self) -> list[DiscriminatorBlock]:
        return [getattr(self, f"b{size}") for size in reversed(sizes(self.cfg.resolution)[1:])]

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after each block, finest (half resolution) first: [N, C_i, H/2^i, W/2^i]."""
        x = images.to(self.dtype).contiguous(memory_format=torch.channels_last)
        return outputs(self.blocks, x)

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        embedding = self.mapping(None, c) if self.cfg.num_classes else None
        logits: Tensor = self.b4(self.features(images)[-1], embedding)
        return logits
