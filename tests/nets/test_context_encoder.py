"""The context encoder: sizes, what its dense layer sees, and any size of picture."""

from __future__ import annotations

import torch

from ganedit.nets.context_encoder import ChannelwiseLinear, ContextEncoder, ContextEncoderConfig


def test_a_picture_of_the_same_size_comes_out():
    network = ContextEncoder(ContextEncoderConfig(32, width=4)).eval()
    for size in ((32, 32), (48, 32)):
        drawn = network(torch.rand(2, 4, *size))
        assert drawn.shape == (2, 3, *size)
        assert float(drawn.abs().max()) <= 1


def test_skips_carry_what_is_around_the_hole():
    """With them, and none of what the dense layer says, a pixel still depends on its neighbourhood."""
    network = ContextEncoder(ContextEncoderConfig(128, width=4, skips=True)).eval()
    torch.nn.init.zeros_(network.mix.norm.weight)
    x = torch.rand(1, 4, 128, 128, requires_grad=True)
    network(x)[0, :, 9, 9].sum().backward()
    felt = x.grad.abs().sum((0, 1)) > 0
    assert felt[9, 9]
    assert not felt[:, 127].any()


def test_every_place_sees_every_place_of_its_channel_alone():
    layer = ChannelwiseLinear(3, 4)
    x = torch.randn(1, 3, 4, 4, requires_grad=True)
    layer(x)[0, 1, 2, 3].backward()
    assert (x.grad[0, 1] != 0).all()
    assert (x.grad[0, [0, 2]] == 0).all()
    assert 0.3 < float(ChannelwiseLinear(64, 8)(torch.randn(4, 64, 8, 8)).std()) < 3


def test_maps_of_another_size_are_brought_to_its_own():
    layer = ChannelwiseLinear(2, 4)
    flat = torch.ones(1, 2, 4, 4)
    torch.testing.assert_close(layer(flat.repeat(1, 1, 2, 2)).mean(), layer(flat).mean(), atol=0.2, rtol=0)
    assert layer(torch.ones(1, 2, 8, 6)).shape == (1, 2, 8, 6)
