"""The judge of whole spectrograms, and the clamp that lets what is too black come back."""

from __future__ import annotations

import pytest
import torch

from ganedit.nets.layers_translation import clamped
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.nets.spectrogram_discriminator import SpectrogramDiscriminator, SpectrogramDiscriminatorConfig


@pytest.fixture
def judge():
    torch.manual_seed(0)
    network = SpectrogramDiscriminator(SpectrogramDiscriminatorConfig(bins=64, width=2))
    torch.nn.init.normal_(network.to_logits.weight)
    return network


@pytest.mark.parametrize("frames", [32, 40, 128])
@pytest.mark.parametrize("bins", [64, 336, 80])
def test_one_logit_for_each_spectrogram(bins, frames):
    network = SpectrogramDiscriminator(SpectrogramDiscriminatorConfig(bins, width=2))
    found = network(torch.randn(3, 1, bins, frames))
    assert found.shape == (3, 1)
    assert not found.any()  # undecided at first


def test_it_is_decided_by_each_alone(judge):
    """Nothing is normalised over the batch."""
    x = torch.randn(3, 1, 64, 32)
    torch.testing.assert_close(judge(x), torch.cat([judge(one[None]) for one in x]))


def test_time_does_not_matter_but_pitch_does(judge):
    """A pattern far from the edges, moved by one step of the last layer in time, and in pitch."""
    x = torch.zeros(1, 1, 64, 256)
    x[:, :, 24:40, 96:112] = torch.randn(16, 16)
    later, higher = x.roll(32, dims=3), x.roll(16, dims=2)
    torch.testing.assert_close(judge(later), judge(x))
    assert (judge(higher) - judge(x)).abs() > 1e-3


def test_every_weight_learns(judge):
    judge(torch.randn(2, 1, 64, 32)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in judge.parameters())


def test_louder_is_another_thing(judge):
    x = torch.randn(1, 1, 64, 32)
    assert (judge(2 * x) - judge(x)).abs() > 1e-3


# ---- what the generators end in ----


def test_the_clamp():
    x = torch.tensor([-3.0, -1.0, -0.5, 0.0, 1.0, 7.0], requires_grad=True)
    assert torch.equal(clamped(x), x.clamp(-1, 1))


@pytest.mark.parametrize(("towards", "wanted"), [(1.0, [0, 1, 1, 1, 1, 1]), (-1.0, [1, 1, 1, 1, 1, 0])])
def test_its_gradient_leads_inside_only(towards, wanted):
    """A loss that grows with x pulls it down: what lies below is left, what lies above comes back."""
    x = torch.tensor([-3.0, -1.0, -0.5, 0.0, 1.0, 7.0], requires_grad=True)
    (clamped(x) * towards).sum().backward()
    assert (x.grad * towards).tolist() == wanted


def test_what_was_drawn_too_black_comes_back():
    x = torch.full((1,), -3.0, requires_grad=True)
    optimiser = torch.optim.SGD([x], lr=0.5)
    for _ in range(20):
        optimiser.zero_grad()
        (clamped(x) - 0.2).abs().sum().backward()
        optimiser.step()
    assert abs(float(x.detach()) - 0.2) <= 0.5


def test_a_residual_network_starts_as_the_identity():
    """And its first gradient already moves it."""
    torch.manual_seed(0)
    network = ResNetGenerator(ResNetConfig(1, 1, 4, 1, 2, up="resize", residual=True))
    x = torch.rand(1, 1, 16, 24) * 2 - 1
    assert torch.equal(network(x), x)
    network(x).mean().backward()
    assert network.to_image.weight.grad.any()
