"""Generators and critics of SinGAN (Shaham et al., arXiv:1905.01164): a small pair for each scale of a photo.

Scale 0 is the coarsest. Each generator adds detail to the enlarged image of the scale before, from that image
plus noise, and each critic judges patches as large as its receptive field. Two things are as in ConSinGAN
(Hinz et al., arXiv:2003.11512): nothing is normalised unless asked for, so that what a patch becomes does not
depend on the size of the image; and several scales can be trained together, through `forward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_derivatives import conv2d

Norm = Literal["none", "instance"]
Border = Literal["zeros", "noise"]
SLOPE = 0.2
BAND = 2**20  # pixels that are computed at once when nothing is learned


class Window(NamedTuple):
    """A part of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, x: Tensor, more: int = 0) -> Tensor:
        """This part of x [..., H, W], `more` pixels higher and wider."""
        rows = slice(self.top, self.top + self.height + more)
        return x[..., rows, self.left : self.left + self.width + more]


@dataclass(frozen=True)
class SinGANConfig:
    heights: tuple[int, ...]  # of the training image at each scale, in pixels, coarsest first
    widths: tuple[int, ...]
    channels: tuple[int, ...]  # of the hidden layers at each scale
    layers: int = 5  # 3x3 convolutions; a patch is 2·layers + 1 pixels wide
    images: int = 1  # training images, each with its own fixed noise
    norm: Norm = "none"  # instance: what batch normalisation is at a batch of one
    border: Border = "zeros"  # around the noise; "noise" lets the border vary as well

    @property
    def margin(self) -> int:
        """Pixels that the convolutions take from each side."""
        return self.layers


class Block(nn.Module):
    """A 3x3 convolution without padding, normalised if asked for, and a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if norm == "instance" else None

    def forward(self, x: Tensor) -> Tensor:
        x = _convolved(self.conv, x)
        if self.norm is not None:
            x = self.norm(x)
        return F.leaky_relu(x, SLOPE)


class PatchNetwork(nn.Module):
    """`layers` convolutions without padding: x [N, 3, H, W] to [N, outputs, H - 2·layers, W - 2·layers]."""

    def __init__(self, channels: int, outputs: int, layers: int, norm: Norm) -> None:
        super().__init__()
        inputs = [3] + [channels] * (layers - 2)
        self.blocks = nn.Sequential(*(Block(n, channels, norm) for n in inputs))
        self.last = nn.Conv2d(channels, outputs, 3)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, SLOPE)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        device = x.device.type
        if torch.is_autocast_enabled(device):
            x = x.to(torch.get_autocast_dtype(device))
        x = x.contiguous(memory_format=torch.channels_last)
        return _convolved(self.last, self.blocks(x))


def _convolved(conv: nn.Conv2d, x: Tensor) -> Tensor:
    assert conv.bias is not None
    return conv2d(x, conv.weight.to(x.dtype), conv.bias.to(x.dtype))


class Critics(nn.Module):
    """A critic for each scale: images [N, 3, H, W] to one number for each patch, [N, 1, h, w]."""

    def __init__(self, cfg: SinGANConfig) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchNetwork(c, 1, cfg.layers, cfg.norm) for c in cfg.channels)

    def forward(self, scale: int, x: Tensor) -> Tensor:
        judged: Tensor = self.scales[scale](x)
        return judged


class SinGAN(nn.Module):
    """The generators of all scales; images in [-1, 1]."""

    gains: Tensor
    fixed_noise: Tensor

    def __init__(self, cfg: SinGANConfig) -> None:
        super().__init__()
        self.cfg = cfg
        if not len(cfg.heights) == len(cfg.widths) == len(cfg.channels) > 0 or cfg.layers < 2:
            raise ValueError("every scale has a height, a width and channels, and at least two layers")
        if min(*cfg.heights, *cfg.widths, *cfg.channels, cfg.images) < 1:
            raise ValueError("sizes are at least 1")
        self.scales = nn.ModuleList(PatchNetwork(c, 3, cfg.layers, cfg.norm) for c in cfg.channels)
        self.register_buffer("gains", torch.ones(len(cfg.channels)))
        first = self.noise_shape((cfg.heights[0], cfg.widths[0]))
        self.register_buffer("fixed_noise", torch.randn(cfg.images, 3, *first))

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width at each scale, of an image whose finest scale has this size."""
        cfg = self.cfg
        return [
            (max(round(height * h / cfg.heights[-1]), 1), max(round(width * w / cfg.widths[-1]), 1))
            for h, w in zip(cfg.heights, cfg.widths, strict=True)
        ]

    def noise_shape(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the noise for an image of this size."""
        more = 2 * self.cfg.margin if self.cfg.border == "noise" else 0
        return size[0] + more, size[1] + more

    def noise(
        self, count: int, sizes: Sequence[tuple[int, int]], generator: torch.Generator | None = None
    ) -> list[Tensor]:
        """Random noise for images of these sizes, [count, 3, h, w] each."""
        drawn = [torch.randn(count, 3, *self.noise_shape(size), generator=generator) for size in sizes]
        return [one.to(self.gains.device) for one in drawn]

    def fixed(self, images: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """The noise that draws training images again: their own at the first scale, none later.

        Args:
            images: Numbers of the training images, [N] int64.
            sizes: Height and width at each scale, from scale 0.
        """
        first = self.fixed_noise[images]
        if first.shape[2:] != self.noise_shape(sizes[0]):
            first = F.interpolate(first, self.noise_shape(sizes[0]), mode="bicubic")
        rest = [first.new_zeros(len(images), 3, *self.noise_shape(size)) for size in sizes[1:]]
        return [first, *rest]

    def refine(self, scale: int, image: Tensor, noise: Tensor, window: Window | None = None) -> Tensor:
        """An image [N, 3, H, W] with the detail of a scale added.

        Args:
            scale: The generator to use.
            image: The image of the scale before, enlarged; zeros before the first scale.
            noise: From `noise` or `fixed`, for this size.
            window: Compute only this part, which becomes the result.
        """
        margin = self.cfg.margin
        x = F.pad(image, [margin] * 4)  # [N, 3, H + 2·margin, W + 2·margin]
        noise = noise * self.gains[scale]
        x = x + (noise if noise.shape == x.shape else F.pad(noise, [margin] * 4))
        if window is not None:
            image, x = window.of(image), window.of(x, 2 * margin)
        height, width = image.shape[2:]
        network, rows = self.scales[scale], max(BAND // width, 1)
        if torch.is_grad_enabled() or self.cfg.norm == "instance" or height <= rows:
            detail = network(x)
        else:  # the activations of a large image would fill the memory
            tops = range(0, height, rows)
            detail = torch.cat([network(x[:, :, top : top + rows + 2 * margin]) for top in tops], dim=2)
        result: Tensor = image + detail.float().tanh()
        return result

    def forward(
        self,
        noise: Sequence[Tensor],
        image: Tensor | None = None,
        first: int = 0,
        window: Window | None = None,
    ) -> Tensor:
        """An image [N, 3, H, W] in about [-1, 1].

        Args:
            noise: For the scales `first`, `first` + 1 and so on; its shapes determine the sizes.
            image: What scale `first` adds detail to, [N, 3, h, w] of any size; None at scale 0.
            first: The first scale to use.
            window: Part of the last scale that is needed.
        """
        more = 2 * self.cfg.margin if self.cfg.border == "noise" else 0
        for scale, one in enumerate(noise, first):
            size = (one.shape[2] - more, one.shape[3] - more)
            image = one.new_zeros(len(one), 3, *size) if image is None else resized(image, size)
            last = scale == first + len(noise) - 1
            image = self.refine(scale, image, one, window if last else None)
        assert image is not None
        return image


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """[N, 3, h, w] to another height and width, by bicubic interpolation, filtered where it shrinks."""
    if tuple(image.shape[2:]) == size:
        return image
    smaller = size[0] < image.shape[2] or size[1] < image.shape[3]
    return F.interpolate(image, size, mode="bicubic", antialias=smaller)
