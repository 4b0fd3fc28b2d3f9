"""ProGAN: what fades in, what training sees of it, and the generator that comes out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.nets import progan
from ganedit.nets.progan import Discriminator, DiscriminatorConfig, Growing

WIDTHS = (6, 5, 4)  # at 4, 8 and 16 px


@pytest.fixture
def growing() -> Growing:
    torch.manual_seed(0)
    return Growing(progan.Generator(progan.GeneratorConfig(WIDTHS, z_dim=7)))


@pytest.fixture(params=[False, True], ids=["", "blur"])
def d(request) -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(DiscriminatorConfig(WIDTHS, blur=request.param))


def z(n: int = 4) -> Tensor:
    return torch.randn(n, 7, generator=torch.Generator().manual_seed(1))


def pictures(size: int, n: int = 4) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(2))


def test_the_last_level_is_the_published_network(growing):
    torch.testing.assert_close(growing.image(growing.generator.features(z())), growing.generator(z()))
    assert [tuple(x.shape) for x in growing.generator.features(z(), 1)] == [(4, 6, 4, 4), (4, 5, 8, 8)]


def test_a_new_block_fades_in_between_both_images(growing):
    before = growing.image(growing.generator.features(z(), 0))
    features = growing.generator.features(z(), 1)
    start, half, end = (growing.image(features, alpha) for alpha in (0.0, 0.5, 1.0))
    torch.testing.assert_close(start, before.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(half, (start + end) / 2)
    assert not torch.allclose(start, end, atol=0.1)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_grown_generator_draws_what_training_saw(growing, level):
    grown = growing.grown(level)
    assert grown.cfg.resolution == 4 << level
    torch.testing.assert_close(grown(z()), growing.image(growing.generator.features(z(), level)))


def test_a_new_block_of_the_discriminator_fades_in(d):
    images = pictures(8)
    torch.testing.assert_close(d(images, 0.0), d(F.avg_pool2d(images, 2)))
    assert not torch.allclose(d(images, 0.0), d(images, 1.0), atol=1e-3)
    assert not torch.allclose(d(images, 0.5), d(images, 1.0), atol=1e-3)


def test_the_discriminator_sees_whether_images_differ(d):
    one = pictures(16, 1).expand(4, -1, -1, -1)
    alone, among_others = d(one)[0], d(torch.cat([one[:1], pictures(16, 3)]))[0]
    assert not torch.allclose(alone, among_others, atol=1e-3)


def test_blurring_matters():
    torch.manual_seed(0)
    plain = Discriminator(DiscriminatorConfig(WIDTHS))
    blurred = Discriminator(DiscriminatorConfig(WIDTHS, blur=True))
    blurred.load_state_dict(plain.state_dict())
    assert not torch.allclose(plain(pictures(16)), blurred(pictures(16)), atol=1e-3)


def test_every_parameter_learns_in_some_stage(growing, d):
    for level, alpha in ((0, 1.0), (1, 0.5), (2, 0.5)):
        images = growing.image(growing.generator.features(z(), level), alpha)
        d(images, alpha).sum().backward()
    for network in (growing, d):
        assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]


def test_bfloat16_is_close_to_float32(growing, d):
    images = growing.image(growing.generator.features(z(), 2), 0.5)
    logits = d(images, 0.5)
    growing.trunk.dtype = d.dtype = torch.bfloat16
    rough = growing.image(growing.generator.features(z(), 2), 0.5)
    assert rough.dtype == torch.float32
    assert 0 < (rough - images).abs().mean() < 0.03 * images.abs().mean()
    assert 0 < (d(images, 0.5) - logits).abs().mean() < 0.05
