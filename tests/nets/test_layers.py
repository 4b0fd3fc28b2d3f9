"""Resampling by the binomial filter, against explicit zero insertion and strided convolutions."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from ganedit.nets.layers import LRELU_GAIN, Linear, blur, downsample2, fir_kernel, lrelu, upsample2


def picture(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_filter_is_binomial_and_sums_to_its_gain():
    kernel = fir_kernel(2, 4.0, picture(1))
    assert kernel.shape == (2, 1, 4, 4)
    torch.testing.assert_close(kernel[1, 0, 0] * 16, torch.tensor([1.0, 3, 3, 1], dtype=torch.float64))
    assert float(kernel[0].sum()) == pytest.approx(4.0)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 1, 10, 6)])
def test_halving_is_a_strided_convolution(shape):
    x = picture(*shape)
    wanted = F.conv2d(x, fir_kernel(shape[1], 1.0, x), stride=2, padding=1, groups=shape[1])
    torch.testing.assert_close(downsample2(x), wanted)


def test_doubling_is_zero_insertion_and_the_filter():
    x = picture(2, 3, 5, 4)
    spread = x.new_zeros(2, 3, 10, 8)
    spread[:, :, ::2, ::2] = x
    wanted = blur(F.pad(spread, (2, 1, 2, 1)), padding=0, gain=4.0)
    torch.testing.assert_close(upsample2(x), wanted)


def test_a_flat_picture_stays_flat_inside():
    x = torch.ones(1, 2, 8, 8)
    torch.testing.assert_close(downsample2(x)[..., 1:-1, 1:-1], torch.ones(1, 2, 2, 2))
    torch.testing.assert_close(upsample2(x)[..., 1:-1, 1:-1], torch.ones(1, 2, 14, 14))


def test_lrelu_by_hand():
    x = torch.tensor([-10.0, -1.0, 0.5, 3.0])
    torch.testing.assert_close(lrelu(x.clone()), torch.tensor([-2.0, -0.2, 0.5, 3.0]))
    torch.testing.assert_close(lrelu(x.clone(), clamp=1.0), torch.tensor([-1.0, -0.2, 0.5, 1.0]))


def test_linear_applies_the_he_constant_at_run_time():
    layer = Linear(4, 2, lr_multiplier=0.5, bias_init=3.0)
    torch.nn.init.constant_(layer.weight, 2.0)
    # weight 2 · 0.5 / √4 = 0.5; four inputs of 1; bias 3 whatever the multiplier
    torch.testing.assert_close(layer(torch.ones(1, 4)), torch.full((1, 2), 5.0))
    layer.activate = True
    torch.testing.assert_close(layer(torch.ones(1, 4)), torch.full((1, 2), 5.0 * math.sqrt(2)))


def test_unit_variance_goes_through():
    torch.manual_seed(0)
    y = Linear(256, 512, activate=True)(torch.randn(512, 256))
    assert float(y.detach().square().mean()) == pytest.approx(1.0, abs=0.1)
    assert pytest.approx(2.0) == LRELU_GAIN**2
