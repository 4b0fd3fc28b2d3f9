"""The encoder of pictures into style codes: shapes, start, gradients."""

from __future__ import annotations

import pytest
import torch

from ganedit.nets.encoder import Encoder, EncoderConfig

TINY = EncoderConfig(64, num_ws=6, w_dim=5, widths=(8, 8, 16, 16))


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(TINY)


def test_it_starts_with_one_code_for_all_layers(encoder):
    encoder.w_avg.fill_(3.0)
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    ws = encoder(images)
    assert ws.shape == (2, 6, 5)
    assert torch.equal(ws, ws[:, :1].expand(-1, 6, -1))
    base, offsets = encoder.codes(images)
    torch.testing.assert_close(ws[:, 0], base + 3)
    assert not offsets.any()


def test_other_sizes_are_resized(encoder):
    flat = torch.full((1, 3, 100, 100), 0.25)
    torch.testing.assert_close(encoder(flat), encoder(flat[..., :64, :64]), rtol=1e-4, atol=1e-5)


def test_every_parameter_learns(encoder):
    for head in encoder.offsets:  # they start at zero, which keeps gradients from what is below
        torch.nn.init.normal_(head.weight)
    encoder(torch.rand(3, 3, 64, 64)).square().sum().backward()
    assert not [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def test_a_picture_does_not_depend_on_its_batch(encoder):
    images = torch.rand(3, 3, 64, 64)
    torch.testing.assert_close(encoder(images)[1:2], encoder(images[1:2]), rtol=1e-4, atol=1e-5)
