"""What all image-to-image networks must do: train in every parameter, take the sizes they claim."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ganedit.nets.layers_spectral import folded_state
from ganedit.nets.layers_translation import ToImage
from ganedit.nets.patchgan import MultiScaleDiscriminator, PatchGAN, PatchGANConfig
from ganedit.nets.pix2pixhd import LocalEnhancerConfig, LocalEnhancerGenerator
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.nets.rrdb import RRDBConfig, RRDBNet
from ganedit.nets.spade import (
    SPADEConfig,
    SPADEGenerator,
    StyleEncoder,
    StyleEncoderConfig,
    normalise_spectrally,
)
from ganedit.nets.srresnet import SRDiscriminator, SRDiscriminatorConfig, SRResNet, SRResNetConfig
from ganedit.nets.stargan import (
    StarGANConfig,
    StarGANDiscriminator,
    StarGANDiscriminatorConfig,
    StarGANGenerator,
)
from ganedit.nets.unet import UNetConfig, UNetGenerator
from ganedit.nets.unit import UNIT, UNITConfig


def pictures(side: int, channels: int = 3) -> torch.Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(1))


def labels(side: int, count: int) -> torch.Tensor:
    drawn = torch.randint(count, (2, side, side), generator=torch.Generator().manual_seed(1))
    return nn.functional.one_hot(drawn, count).permute(0, 3, 1, 2).float()


STYLE = SPADEConfig(4, width=1, style_dim=5, grid=(2, 2), hidden=4)
NETWORKS = {
    "resnet": (lambda: ResNetGenerator(ResNetConfig(width=4, blocks=2, dropout=True)), [pictures(32)]),
    "resnet-batch": (lambda: ResNetGenerator(ResNetConfig(width=4, blocks=2, norm="batch")), [pictures(32)]),
    "resnet-affine": (
        lambda: ResNetGenerator(ResNetConfig(width=4, blocks=1, norm="instance_affine")),
        [pictures(32)],
    ),
    "unet": (lambda: UNetGenerator(UNetConfig(width=2, downs=6)), [pictures(64)]),
    "unet-instance": (lambda: UNetGenerator(UNetConfig(width=2, downs=5, norm="instance")), [pictures(64)]),
    "patchgan": (lambda: PatchGAN(PatchGANConfig(width=4)), [pictures(64)]),
    "pixelgan": (lambda: PatchGAN(PatchGANConfig(width=4, layers=0)), [pictures(8)]),
    "multiscale": (
        lambda: MultiScaleDiscriminator(PatchGANConfig(width=4, padding=2, scales=3, norm="instance")),
        [pictures(64)],
    ),
    "pix2pixhd": (
        lambda: LocalEnhancerGenerator(
            LocalEnhancerConfig(width=2, blocks=1, downs=2, enhancers=2, local_blocks=1)
        ),
        [pictures(64)],
    ),
    "spade": (lambda: SPADEGenerator(SPADEConfig(4, width=1, hidden=4)), [labels(64, 4)]),
    "spade-most": (
        lambda: SPADEGenerator(SPADEConfig(4, width=2, upsampling="most", hidden=4)),
        [labels(128, 4)],
    ),
    "spade-style": (lambda: SPADEGenerator(STYLE), [labels(64, 4), torch.randn(2, 5)]),
    "stargan": (
        lambda: StarGANGenerator(StarGANConfig(3, width=4, blocks=1)),
        [pictures(32), torch.tensor([[0.0, 1, 0], [1, 1, 0]])],
    ),
    "unit": (lambda: TwoWays(UNIT(UNITConfig(width=4, blocks=1))), [pictures(32)]),
    "srresnet": (lambda: SRResNet(SRResNetConfig(width=8, blocks=2, doublings=1)), [pictures(12)]),
    "srgan": (lambda: SRDiscriminator(SRDiscriminatorConfig(width=4, hidden=8)), [pictures(32)]),
    "rrdb": (lambda: RRDBNet(RRDBConfig(width=8, growth=4, blocks=1, folded=2)), [pictures(12)]),
}


class TwoWays(nn.Module):
    """Both directions at once, so that every parameter has a say."""

    def __init__(self, network: UNIT) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.network(x, "ab"), self.network(x, "ba")])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    make, inputs = NETWORKS[name]
    network = make().train()
    out = network(*inputs)
    outs = out if isinstance(out, list) else [out]
    sum((o * torch.randn_like(o)).sum() for o in outs).backward()
    without = [k for k, p in network.named_parameters() if p.grad is None]
    # A bias that a normalisation follows has the gradient 0, but for rounding.
    zero = [k for k, p in network.named_parameters() if not k.endswith("bias") and not p.grad.abs().max() > 0]
    assert not without + zero


@pytest.mark.parametrize("name", ["resnet", "unet", "pix2pixhd", "spade", "stargan", "unit"])
def test_a_picture_keeps_its_size(name):
    make, inputs = NETWORKS[name]
    with torch.no_grad():
        out = make().eval()(*inputs)
    assert out.shape[2:] == inputs[0].shape[2:]
    assert out.abs().max() <= 1


def test_a_residual_unet_begins_with_its_input():
    network = UNetGenerator(UNetConfig(width=2, downs=5, residual=True)).eval()
    given = pictures(32).clamp(-1, 1)
    torch.testing.assert_close(network(given), given)
    nn.init.constant_(network.up[0].conv.bias, 0.1)
    torch.testing.assert_close(network(given), (given + 2 * math.tanh(0.1)).clamp(-1, 1))


@pytest.mark.parametrize(("layers", "side"), [(0, 1), (1, 16), (2, 34), (3, 70), (5, 286)])
def test_the_receptive_field_is_that_of_the_paper(layers, side):
    """By hand: two 4x4 convolutions of stride 1 see 7 px; each of stride 2 below makes n into 2n + 2."""
    cfg = PatchGANConfig(in_channels=1, width=1, layers=layers, norm="none")
    assert cfg.receptive_field == side
    discriminator = PatchGAN(cfg)
    for parameter in discriminator.parameters():
        nn.init.constant_(parameter, 0.5)  # nothing cancels
    x = torch.ones(1, 1, 2 * side + 40, 2 * side + 40, dtype=torch.float64, requires_grad=True)
    out = discriminator.double()(x)
    (slope,) = torch.autograd.grad(out[0, 0, out.shape[2] // 2, out.shape[3] // 2], x)
    assert int((slope[0, 0].abs().sum(0) > 0).sum()) == side


def test_scales_see_half_the_picture_each():
    maps = MultiScaleDiscriminator(PatchGANConfig(width=2, padding=2, scales=3))(pictures(64))
    assert [m.shape[2] for m in maps] == [11, 7, 5]


def test_features_end_in_what_is_compared():
    discriminator = PatchGAN(PatchGANConfig(width=4)).eval()
    features = discriminator.features(pictures(64))
    assert [f.shape[1] for f in features] == [4, 8, 16, 32]
    assert torch.equal(discriminator.logits(features), discriminator(pictures(64)))


def test_weights_start_as_the_papers_say():
    torch.manual_seed(0)
    network = ResNetGenerator(ResNetConfig(width=32, blocks=2))
    weights = torch.cat([p.flatten() for k, p in network.named_parameters() if k.endswith("conv.weight")])
    assert abs(weights.std().item() - 0.02) < 1e-3
    assert abs(weights.mean().item()) < 1e-3


def test_dropout_acts_in_training_only():
    for make in (
        lambda: ResNetGenerator(ResNetConfig(width=4, blocks=1, dropout=True)),
        lambda: UNetGenerator(UNetConfig(width=2, downs=6, norm="instance")),
    ):
        network, x = make(), pictures(64)
        assert not torch.equal(network.train()(x), network(x))
        assert torch.equal(network.eval()(x), network(x))


def test_spectral_normalisation_comes_and_goes():
    torch.manual_seed(0)
    network, x = SPADEGenerator(SPADEConfig(4, width=1, hidden=4)), labels(64, 4)
    names = set(network.state_dict())
    normalise_spectrally(network)
    network.train()(x).sum().backward()
    normed = network.eval()(x)
    largest = torch.linalg.matrix_norm(network.blocks[0].conv0.weight.flatten(1), 2)
    assert abs(largest.item() - 1) < 0.2
    plain = SPADEGenerator(network.cfg).eval()
    plain.load_state_dict(folded_state(network))
    assert set(plain.state_dict()) == names
    assert torch.allclose(plain(x), normed, atol=1e-6)
    assert torch.equal(network(x), normed)  # and is under it still


def test_the_style_encoder_reads_any_size_and_matches_the_generator():
    encoder = StyleEncoder(StyleEncoderConfig(style_dim=5, width=2, layers=3)).eval()
    mean, log_variance = encoder.distribution(pictures(50))
    assert mean.shape == log_variance.shape == (2, 5)
    generator = SPADEGenerator(STYLE).eval()
    assert generator(labels(96, 4), mean).shape == (2, 3, 96, 96)  # another size than the style's grid


def test_stargan_discriminator_heads():
    discriminator = StarGANDiscriminator(StarGANDiscriminatorConfig(5, resolution=32, width=4, layers=3))
    source, domains = discriminator.both(pictures(32))
    assert source.shape == (2, 1, 4, 4)
    assert domains.shape == (2, 5)
    (source.sum() + domains.sum()).backward()
    assert all(p.grad is not None for p in discriminator.parameters())


@pytest.mark.parametrize("reflect", [True, False])
@pytest.mark.parametrize(("kernel", "channels"), [(7, 3), (9, 3), (3, 2)])
def test_the_last_convolution_row_by_row_is_the_convolution(kernel, channels, reflect):
    torch.manual_seed(0)
    last = ToImage(8, channels, kernel, reflect=reflect)
    x = torch.randn(2, 8, 21, 34)
    wanted = last(x)
    with torch.no_grad():
        found = last(x)
        assert torch.allclose(found, nn.Conv2d.forward(last, x), atol=1e-5)
    assert wanted.requires_grad
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("amx", [True, False])
def test_the_last_convolution_in_bfloat16(amx, monkeypatch):
    """Whole where the processor multiplies tiles of bfloat16, row by row elsewhere."""
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    torch.manual_seed(0)
    last = ToImage(8, 3, 7).bfloat16().requires_grad_(False)
    x = torch.randn(2, 8, 21, 34).bfloat16()
    wanted = nn.functional.conv2d(x.float(), last.weight.float(), last.bias.float(), padding=3)
    # bfloat16 keeps 8 bits; row by row, each of 7 partial sums is rounded as well
    torch.testing.assert_close(last(x).float(), wanted, rtol=2**-8, atol=0.02)


@pytest.mark.parametrize("config", [{"doublings": 1}, {"doublings": 2}, {"doublings": 2, "folded": 2}])
def test_features_enlarged_in_strips_are_those_enlarged_at_once(config, monkeypatch):
    torch.manual_seed(0)
    network = RRDBNet(RRDBConfig(width=8, growth=4, blocks=1, **config)).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)  # not ten times smaller, so that all of them matter
    x = torch.rand(1, 3, 75, 20)
    with torch.no_grad():
        strips = network(x)
        monkeypatch.setattr("ganedit.nets.rrdb.STRIP", 75)
        torch.testing.assert_close(strips, network(x), atol=1e-5 * float(strips.abs().max()), rtol=0)
        monkeypatch.setattr("ganedit.nets.rrdb.STRIP", 16)
        monkeypatch.setattr("ganedit.nets.rrdb.MARGIN", 1)
        assert (network(x) - strips).abs().max() > 1e-3 * strips.abs().max()  # the test can tell


@pytest.mark.parametrize(("doublings", "side"), [(1, 7), (2, 12)])
def test_the_last_shuffle_after_the_convolution_is_the_same(doublings, side):
    """Without gradients, an SRResNet convolves before its last shuffle: the same sums, borders included."""
    torch.manual_seed(0)
    network = SRResNet(SRResNetConfig(width=8, blocks=1, doublings=doublings)).eval()
    network.to_image.weight.data *= 5  # else the image is grey, and hides differences
    x = torch.rand(2, 3, side, side + 2)
    wanted = network(x)
    assert wanted.requires_grad
    assert wanted.std() > 0.05
    with torch.no_grad():
        torch.testing.assert_close(network(x), wanted.detach(), rtol=0, atol=2e-6)  # float32, another order
