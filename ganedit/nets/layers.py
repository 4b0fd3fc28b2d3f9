"""Parts shared by several networks: equalised layers, FIR resampling, activation."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_derivatives import conv2d, depthwise, resample

LRELU_GAIN = math.sqrt(2)
"""Keeps unit variance through a leaky ReLU of slope 0.2 (Karras et al., arXiv:1912.04958)."""


def lrelu(x: Tensor, clamp: float | None = None) -> Tensor:
    """Leaky ReLU of slope 0.2, in place, then clamped to ±`clamp`.

    The usual gain of √2 is folded into whatever comes before: the function is positively homogeneous.
    """
    x = F.leaky_relu(x, 0.2, inplace=True)
    return x if clamp is None else x.clamp(-clamp, clamp)


class Linear(nn.Module):
    """Fully connected layer with equalised learning rate (Karras et al., arXiv:1710.10196).

    The stored weight has unit variance times 1/lr_multiplier; the He constant is applied at run time.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activate: bool = False,
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features).normal_(std=1 / lr_multiplier))
        self.bias = nn.Parameter(torch.full((out_features,), bias_init / lr_multiplier))
        self.activate = activate
        self.bias_gain = lr_multiplier
        self.weight_gain = lr_multiplier / math.sqrt(in_features)

    def forward(self, x: Tensor) -> Tensor:
        gain = LRELU_GAIN if self.activate else 1.0
        y = F.linear(x, self.weight * (self.weight_gain * gain), self.bias * (self.bias_gain * gain))
        return lrelu(y) if self.activate else y


def fir_kernel(channels: int, gain: float, like: Tensor) -> Tensor:
    """The binomial [1, 3, 3, 1] low-pass filter as a depthwise kernel [C, 1, 4, 4] that sums to `gain`."""
    f = torch.tensor([1.0, 3.0, 3.0, 1.0], device=like.device) / 8
    return (torch.outer(f, f) * gain).to(like.dtype).expand(channels, 1, 4, 4).contiguous()


def blur(x: Tensor, *, padding: int, gain: float = 1.0, bias: Tensor | None = None) -> Tensor:
    """Filter [N, C, H, W] with the binomial kernel, zero padded."""
    return depthwise(x, fir_kernel(x.shape[1], gain, x), bias, padding=padding)


def blur3(x: Tensor) -> Tensor:
    """Filter [N, C, H, W] with the binomial [1, 2, 1], zero padded."""
    f = torch.tensor([1.0, 2.0, 1.0], device=x.device) / 4
    kernel = torch.outer(f, f).to(x.dtype).expand(x.shape[1], 1, 3, 3).contiguous()
    return depthwise(x, kernel, padding=1)


def downsample2(x: Tensor) -> Tensor:
    """Halve [N, C, H, W], low-pass filtered by the binomial kernel, zero padded."""
    return resample(x, fir_kernel(x.shape[1], 1.0, x), up=False)


def upsample2(x: Tensor) -> Tensor:
    """Double [N, C, H, W] by the binomial kernel, zero padded."""
    return resample(x, fir_kernel(x.shape[1], 4.0, x), up=True)


class EqualConv2d(nn.Module):
    """Convolution with equalised learning rate (Karras et al., arXiv:1710.10196).

    The stored weight has unit variance; `gain` over the square root of the fan-in is applied at run time.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        gain: float = LRELU_GAIN,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.weight_gain = gain / math.sqrt(in_channels * kernel**2)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.weight_gain).to(x.dtype)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return conv2d(x, weight, bias, padding=self.padding)


def pixel_norm(x: Tensor) -> Tensor:
    """Scale the channels of [N, C, ...] to unit mean square (Karras et al., arXiv:1710.10196)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def minibatch_std(x: Tensor, group: int, channels: int) -> Tensor:
    """Append `channels` maps holding the mean standard deviation within groups of `group` samples.

    Groups take every (N / group)-th sample. The largest divisor of N up to `group` is used, so that any
    batch works; the published code stops at batches that do not divide.
    """
    n, c, h, w = x.shape
    group = next(g for g in range(min(group, n), 0, -1) if n % g == 0)
    y = x.float().reshape(group, n // group, channels, c // channels, h, w)
    y = (y.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(2, 3, 4))  # [n/group, channels]
    y = y.reshape(n // group, channels, 1, 1).repeat(group, 1, h, w)
    return torch.cat([x, y.to(x.dtype)], dim=1)


def outputs(blocks: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """Output of each block, where the first gets x, and each further one the previous output."""
    every = []
    for block in blocks:
        x = block(x)
        every.append(x)
    return every
