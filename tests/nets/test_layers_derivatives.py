"""Convolutions and filters with our derivatives, against PyTorch's, to the second order."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from ganedit.nets import layers_derivatives
from ganedit.nets.layers_derivatives import conv2d, conv_transpose2d, depthwise, resample


def noise(*shape):
    rng = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=rng).requires_grad_()


@pytest.fixture(params=[False, True], ids=["channels-last", "channels-first"], autouse=True)
def _both_layouts(request, monkeypatch):
    monkeypatch.setattr(layers_derivatives, "_slow_channels_last", lambda: request.param)


@pytest.mark.parametrize(
    ("stride", "padding", "side"), [(1, 1, 5), (2, 0, 7), (2, 0, 6), (2, 1, 6), (1, 0, 4)]
)
def test_convolution(stride, padding, side):
    x, weight, bias = noise(2, 2, side, side + 1), noise(3, 2, 3, 3), noise(3)
    x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()

    def ours(x, weight, bias):
        return conv2d(x, weight, bias, stride=stride, padding=padding)

    torch.testing.assert_close(
        ours(x, weight, bias), F.conv2d(x, weight, bias, stride=stride, padding=padding)
    )
    assert gradcheck(ours, (x, weight, bias), fast_mode=True)
    assert gradgradcheck(ours, (x, weight, bias), fast_mode=True)


def test_transposed_convolution():
    x, weight = noise(2, 2, 3, 4), noise(2, 3, 3, 3)

    def ours(x, weight):
        return conv_transpose2d(x, weight, stride=2)

    torch.testing.assert_close(ours(x, weight), F.conv_transpose2d(x, weight, stride=2))
    assert gradcheck(ours, (x, weight), fast_mode=True)
    assert gradgradcheck(ours, (x, weight), fast_mode=True)


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_depthwise_filter(padding):
    x, kernel = noise(2, 2, 5, 4), noise(2, 1, 4, 4).detach()

    def ours(x):
        return depthwise(x, kernel, padding=padding)

    torch.testing.assert_close(ours(x), F.conv2d(x, kernel, padding=padding, groups=2))
    assert gradcheck(ours, x, fast_mode=True)
    assert gradgradcheck(ours, x, fast_mode=True)


@pytest.mark.parametrize("up", [False, True])
def test_resampling(up):
    x, kernel = noise(2, 2, 6, 4), noise(2, 1, 4, 4).detach()

    def ours(x):
        return resample(x, kernel, up=up)

    usual = F.conv_transpose2d if up else F.conv2d
    torch.testing.assert_close(ours(x), usual(x, kernel, stride=2, padding=1, groups=2))
    assert gradcheck(ours, x, fast_mode=True)
    assert gradgradcheck(ours, x, fast_mode=True)


def test_constants_get_no_gradient():
    x, weight = noise(1, 2, 4, 4), noise(2, 2, 3, 3).detach()
    y = conv2d(x, weight, padding=1)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert slope.shape == x.shape
    with torch.no_grad():
        assert not conv2d(x, weight, padding=1).requires_grad


def test_under_autocast_pytorch_chooses_the_types():
    """There the result is of another type than the operands, and so would be the gradient that comes back."""
    x, weight = torch.randn(2, 3, 6, 6), torch.randn(4, 3, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = conv2d(x, weight)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert weight.grad.dtype == torch.float32
