"""Convolutions and filters whose derivatives of every order run at full speed on a CPU.

PyTorch's own derivatives have three slow spots there:

- The second derivative of a convolution, which R1 and path-length regularisation take, convolves with kernels
  as large as the picture, and goes channel by channel where the convolution is depthwise.
- The gradient of a depthwise convolution's input takes a generic path in bfloat16.
- Without AVX512, the gradient of the weights takes up to three times as long on channels-last tensors.

A convolution y = C(x, w) is linear in x and in w. So are its gradients, D(g, w) to x and W(g, x) to w, and
the derivatives of these three are the same three again; the derivative of a filter with fixed taps is its
mirror image. On a GPU, and in compiled graphs, PyTorch's own functions are used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Geometry(NamedTuple):
    """Stride and padding of a convolution, and the height and width of its input."""

    stride: int
    padding: int
    size: tuple[int, int]


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0
) -> Tensor:
    """Like `F.conv2d`: x [N, I, H, W], weight [O, I, k, k], bias [O] to [N, O, H', W']."""
    if not _own(x):
        return F.conv2d(x, weight, bias, stride=stride, padding=padding)
    at = Geometry(stride, padding, (x.shape[2], x.shape[3]))
    y: Tensor = _Convolve.apply(x, weight, bias, at)
    return y


def conv_transpose2d(x: Tensor, weight: Tensor, *, stride: int) -> Tensor:
    """Like `F.conv_transpose2d`: x [N, I, H, W], weight [I, O, k, k] to [N, O, H', W']."""
    if not _own(x):
        return F.conv_transpose2d(x, weight, stride=stride)
    kernel = weight.shape[2]
    height, width = ((side - 1) * stride + kernel for side in x.shape[2:])
    y: Tensor = _Spread.apply(x, weight, Geometry(stride, 0, (height, width)))
    return y


def _own(x: Tensor) -> bool:
    if x.device.type != "cpu" or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return not torch.is_autocast_enabled("cpu")  # which chooses another type than that of the operands


class _Convolve(torch.autograd.Function):
    """C: x [N, I, H, W], w [O, I, k, k] and a bias [O] to [N, O, H', W']."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor | None, at: Geometry) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.at = at
        return F.conv2d(x, w, bias, stride=at.stride, padding=at.padding)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        to_x, to_w, to_bias, _ = ctx.needs_input_grad
        return (
            _Spread.apply(g, w, ctx.at) if to_x else None,
            _Correlate.apply(g, x, w.shape, ctx.at) if to_w else None,
            g.sum(dim=(0, 2, 3)) if to_bias else None,
            None,
        )


class _Spread(torch.autograd.Function):
    """D: g [N, O, H', W'] and w [O, I, k, k] to [N, I, H, W], a transposed convolution."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, w: Tensor, at: Geometry) -> Tensor:
        ctx.save_for_backward(g, w)
        ctx.at = at
        reached = [(side - 1) * at.stride + w.shape[2] - 2 * at.padding for side in g.shape[2:]]
        more = [wanted - side for wanted, side in zip(at.size, reached, strict=True)]
        return F.conv_transpose2d(g, w, stride=at.stride, padding=at.padding, output_padding=more)

    @staticmethod
    def backward(ctx: Any, x: Tensor) -> tuple[Tensor | None, ...]:
        g, w = ctx.saved_tensors
        to_g, to_w, _ = ctx.needs_input_grad
        return (
            _Convolve.apply(x, w, None, ctx.at) if to_g else None,
            _Correlate.apply(g, x, w.shape, ctx.at) if to_w else None,
            None,
        )


class _Correlate(torch.autograd.Function):
    """W: g [N, O, H', W'] and x [N, I, H, W] to [O, I, k, k]."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, shape: torch.Size, at: Geometry) -> Tensor:
        ctx.save_for_backward(g, x)
        ctx.at = at
        if _slow_channels_last():
            g, x = _channels_first(g), _channels_first(x)
        w = x.new_empty(1).expand(shape)  # only its shape matters
        stride, padding = [at.stride] * 2, [at.padding] * 2
        gradients: Callable[..., tuple[Tensor, Tensor, Tensor]] = torch.ops.aten.convolution_backward
        return gradients(g, x, w, None, stride, padding, [1, 1], False, [0, 0], 1, [False, True, False])[1]

    @staticmethod
    def backward(ctx: Any, w: Tensor) -> tuple[Tensor | None, ...]:
        g, x = ctx.saved_tensors
        to_g, to_x, _, _ = ctx.needs_input_grad
        return (
            _Convolve.apply(x, w, None, ctx.at) if to_g else None,
            _Spread.apply(g, w, ctx.at) if to_x else None,
            None,
            None,
        )


@lru_cache(maxsize=1)
def _slow_channels_last() -> bool:
    """Whether gradients of weights are faster with channels first: x86 without AVX512."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "DEFAULT")


def _channels_first(x: Tensor) -> Tensor:
    """Copy to contiguous [N, C, H, W], transposing each image as a matrix, which is faster."""
    if x.is_contiguous():
        return x
    copy = x.new_empty(x.shape)
    for image, source in zip(copy.flatten(2), x.permute(0, 2, 3, 1).flatten(1, 2), strict=True):
        image.copy_(source.t())
    return copy


def depthwise(x: Tensor, kernel: Tensor, bias: Tensor | None = None, *, padding: int) -> Tensor:
    """Convolve each channel of x [N, C, H, W], zero padded, with its kernel [C, 1, k, k], a constant."""
    if not _own(x):
        return F.conv2d(x, kernel, bias, padding=padding, groups=x.shape[1])
    y: Tensor = _Depthwise.apply(x, kernel, bias, padding)
    return y


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.padding = padding
        return F.conv2d(x, kernel, bias, padding=padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        (kernel,) = ctx.saved_tensors
        to_x, _, to_bias, _ = ctx.needs_input_grad
        mirrored, padding = kernel.flip(2, 3), kernel.shape[2] - 1 - ctx.padding
        return (
            _Depthwise.apply(g, mirrored, None, padding) if to_x else None,
            None,
            g.sum(dim=(0, 2, 3)) if to_bias else None,
            None,
        )


def resample(x: Tensor, kernel: Tensor, *, up: bool) -> Tensor:
    """Double x [N, C, H, W], or halve it if its sides are even, by a fixed kernel [C, 1, 4, 4]."""
    y: Tensor = _Resample.apply(x, kernel, up) if _own(x) else _resampled(x, kernel, up)
    return y


def _resampled(x: Tensor, kernel: Tensor, up: bool) -> Tensor:
    if not up:
        return F.conv2d(x, kernel, stride=2, padding=1, groups=x.shape[1])
    dtype = x.dtype
    if x.device.type == "cpu" and dtype == torch.bfloat16:
        x, kernel = x.float(), kernel.float()  # seven times as fast with AMX, both conversions included
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1]).to(dtype)


class _Resample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, up: bool) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.up = up
        ctx.channels_last = x.is_contiguous(memory_format=torch.channels_last)
        return _resampled(x, kernel, up)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        (kernel,) = ctx.saved_tensors
        if (
            ctx.channels_last
        ):  # a sum of gradients in two layouts takes ten times as long, as all after it does
            g = g.contiguous(memory_format=torch.channels_last)
        return _Resample.apply(g, kernel, not ctx.up), None, None
