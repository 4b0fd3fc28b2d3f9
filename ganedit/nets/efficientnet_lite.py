"""EfficientNet-Lite: ImageNet classifiers whose features tell what a picture shows.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (arXiv:1905.11946), in
the variant without squeeze-and-excitation and with ReLU6 that Google published for phones. "Projected GANs
Converge Faster" (arXiv:2111.01007) found it the best network for a discriminator to look through.

The networks are frozen: batch normalisation is folded into the convolutions, no parameter takes a gradient,
and gradients to the image are computed once (there are no second derivatives).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CLASSES = 1000
STEM, HEAD = 32, 1280  # channels, the same in every variant
# Inverted residuals: how many, kernel, stride of the first, expansion, channels (of Lite0).
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class EfficientNetLiteConfig:
    """A variant: multipliers of channels and of blocks, and the side of its training images in pixels."""

    width: float
    depth: float
    side: int


CONFIGS = {
    "efficientnet-lite0": EfficientNetLiteConfig(1.0, 1.0, 224),
    "efficientnet-lite1": EfficientNetLiteConfig(1.0, 1.1, 240),
    "efficientnet-lite2": EfficientNetLiteConfig(1.1, 1.2, 260),
}


class EfficientNetLite(nn.Module):
    """Images [N, 3, H, W] in [-1, 1] to features, an embedding or class logits.

    Attributes:
        widths: Channels of `features`, finest first.
    """

    def __init__(self, cfg: EfficientNetLiteConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.stem = Conv(3, STEM, 3, stride=2)
        blocks: list[InvertedResidual] = []
        channels, taps = STEM, []
        for i, (count, kernel, stride, expansion, base) in enumerate(STAGES):
            if stride == 2 and i > 1:  # the previous stage is the last of its scale
                taps.append(len(blocks))
            whole = i in (0, len(STAGES) - 1)  # the first and the last stage keep their depth
            for j in range(count if whole else math.ceil(count * cfg.depth)):
                out = _widened(base, cfg.width)
                blocks.append(InvertedResidual(channels, out, kernel, stride if j == 0 else 1, expansion))
                channels = out
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv(channels, HEAD, 1)
        self.classifier = nn.Linear(HEAD, CLASSES)
        self._taps = (*taps, len(blocks))
        self.widths = tuple(blocks[tap - 1].out_channels for tap in self._taps)
        self.requires_grad_(False).eval()

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations at 1/4, 1/8, 1/16 and 1/32 of the side: [N, widths[i], H/2^(i+2), W/2^(i+2)]."""
        x = self.stem(images.contiguous(memory_format=torch.channels_last))
        features = []
        for i, block in enumerate(self.blocks, 1):
            x = block(x)
            if i in self._taps:
                features.append(x)
        return features

    def embed(self, images: Tensor) -> Tensor:
        """The coarsest features [N, 320 or 352], averaged over each image: what Fréchet distances compare."""
        return self.features(images)[-1].mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 1000] of ImageNet's classes."""
        logits: Tensor = self.classifier(self.head(self.features(images)[-1]).mean(dim=(2, 3)))
        return logits


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, linear 1x1 projection; a shortcut where shapes agree."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.out_channels = out
        self.expand = Conv(channels, inner, 1) if expansion != 1 else None
        self.depthwise = Conv(inner, inner, kernel, stride=stride, depthwise=True)
        self.project = Conv(inner, out, 1, activate=False)
        self.shortcut = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = x if self.expand is None else self.expand(x)
        h = self.project(self.depthwise(h))
        return h.add_(x) if self.shortcut else h


class Conv(nn.Module):
    """Frozen convolution with bias, padded as TensorFlow's "same", and ReLU6."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        *,
        stride: int = 1,
        depthwise: bool = False,
        activate: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, 1 if depthwise else channels, kernel, kernel) / kernel)
        self.bias = nn.Parameter(torch.zeros(out))
        self.stride, self.depthwise, self.activate = stride, depthwise, activate

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        kernel = weight.shape[-1]
        pads = [_same_padding(size, kernel, self.stride) for size in x.shape[:1:-1]]  # of width, of height
        if self.depthwise:
            x = _Depthwise.apply(x, weight, bias, self.stride, pads)
        else:
            if any(low != high for low, high in pads):
                x, pads = F.pad(x, (*pads[0], *pads[1])), [(0, 0), (0, 0)]
            x = F.conv2d(x, weight, bias, self.stride, (pads[1][0], pads[0][0]))
        return F.relu6(x, inplace=True) if self.activate else x


class _Depthwise(torch.autograd.Function):
    """Depthwise convolution with a fixed weight.

    Its input gradient is a forward depthwise convolution with the flipped kernel, several times as fast on a
    CPU as PyTorch's own; for stride 2 the gradient is spread out with zeros first.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, pads: list[tuple[int, int]]
    ) -> Tensor:
        ctx.weight, ctx.stride, ctx.pads, ctx.size = weight, stride, pads, x.shape[2:]
        if any(low != high for low, high in pads):
            x, pads = F.pad(x, (*pads[0], *pads[1])), [(0, 0), (0, 0)]
        return F.conv2d(x, weight, bias, stride, (pads[1][0], pads[0][0]), groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        weight, (height, width) = ctx.weight, ctx.size
        kernel = weight.shape[-1]
        (left, _), (top, _) = ctx.pads
        if ctx.stride == 2:
            n, c, h, w = gradient.shape
            spread = torch.zeros(
                (n, c, 2 * h, 2 * w), dtype=gradient.dtype, device=gradient.device
            ).contiguous(memory_format=torch.channels_last)
            spread[:, :, ::2, ::2] = gradient
            gradient = spread
        reach = kernel - 1 - min(left, top)
        back = F.conv2d(gradient, weight.flip(2, 3), padding=reach, groups=len(weight))
        y, x = reach - (kernel - 1 - top), reach - (kernel - 1 - left)
        back = back[:, :, y : y + height, x : x + width]
        return back, None, None, None, None


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after `size` samples, so that the result has ceil(size / stride)."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _widened(channels: int, width: float) -> int:
    """Channels times `width`, rounded to a multiple of 8, never down by more than a tenth."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded
