"""StyleGAN3: its filters, its layers against a slow version, and what it is for: equivariance."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.nets.stylegan3 import (
    Generator,
    GeneratorConfig,
    SynthesisLayer,
    downsample,
    lowpass,
    paper_config,
    upsample,
)

SMALL = {"base": 512, "most": 16, "layers": 6, "z_dim": 8, "w_dim": 8}
CONFIGS = {kind: paper_config(32, rotation=kind == "R", **SMALL) for kind in "TR"}


@pytest.fixture(params=CONFIGS)
def network(request) -> Generator:
    return make(CONFIGS[request.param])


def make(cfg: GeneratorConfig) -> Generator:
    torch.manual_seed(0)
    return Generator(cfg).eval().requires_grad_(False)


def shift(x: float, y: float = 0.0) -> Tensor:
    return torch.tensor([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def test_published_layers():
    """The sizes that the published 256-px models have in their layers' names."""
    t, r = paper_config(256), paper_config(256, rotation=True)
    assert (t.names[0], t.names[-1]) == ("L0_36_512", "L14_256_3")
    assert r.names[10:] == ["L10_276_512", "L11_276_362", "L12_276_256", "L13_256_256", "L14_256_3"]
    assert (t.num_ws, t.kernel, r.kernel, r.radial) == (16, 3, 1, True)


def test_a_config_survives_json():
    for cfg in CONFIGS.values():
        assert GeneratorConfig.from_dict(json.loads(json.dumps(cfg.to_dict()))) == cfg


def upsample_slowly(x: Tensor, f: Tensor, factor: int, before: int, after: int) -> Tensor:
    """Zeros in between, padding or cropping, then the filter: as the definition goes."""
    n, c, h, w = x.shape
    y = x.new_zeros(n, c, h * factor, w * factor)
    y[:, :, ::factor, ::factor] = x
    y = F.pad(y, (before, after, before, after))  # negative padding crops
    kernel = torch.outer(f, f).flip(0, 1) * factor**2
    return F.conv2d(y, kernel.expand(c, 1, -1, -1), groups=c)


@pytest.mark.parametrize(("factor", "before", "after"), [(2, 9, 8), (2, 11, 10), (4, 3, 0), (2, 1, 0)])
def test_upsampling_is_filtering_between_zeros(factor, before, after):
    f = torch.rand(6 * factor).double()  # asymmetric
    x = torch.randn(2, 3, 20, 20).double()
    got = upsample(x, f, factor, crop=len(f) - 1 - before)
    torch.testing.assert_close(got, upsample_slowly(x, f, factor, before, after))


@pytest.mark.parametrize("radial", [False, True])
def test_downsampling_is_filtering(radial):
    f = torch.rand(12, 12).double() if radial else torch.rand(12).double()
    x = torch.randn(2, 3, 30, 30).double()
    kernel = (f if radial else torch.outer(f, f)).flip(0, 1).expand(3, 1, -1, -1)
    torch.testing.assert_close(downsample(x, f, 2), F.conv2d(x, kernel, groups=3)[:, :, ::2, ::2])


EVERY_LAYER = pytest.mark.parametrize("index", [0, 2, 5])  # plain, up-sampling, cropped to the picture
EVERY_KIND = pytest.mark.parametrize("kind", CONFIGS)


def layer_of(kind: str, index: int) -> tuple[SynthesisLayer, Tensor, Tensor]:
    """A layer in double precision that clamps, with its input and styles."""
    torch.manual_seed(0)
    cfg = replace(CONFIGS[kind], clamp=0.7)
    layer = SynthesisLayer(cfg, index).double().eval()
    layer.magnitude_ema.fill_(2.5)
    before = max(index - 1, 0)
    x = torch.randn(2, cfg.channels[before], cfg.sizes[before], cfg.sizes[before]).double()
    return layer, x, torch.randn(2, x.shape[1]).double()


def features_slowly(layer: SynthesisLayer, x: Tensor, styles: Tensor) -> Tensor:
    """What a layer is: one image at a time, with zeros in between, and a filter of all taps."""
    each = []
    for n in range(len(x)):
        w = layer.weight * styles[n].view(1, -1, 1, 1)
        w = w / w.square().sum(dim=(1, 2, 3), keepdim=True).sqrt() / 2.5**0.5
        y = F.conv2d(x[n : n + 1], w, layer.bias, padding=layer.cfg.kernel - 1)
        y = upsample_slowly(y, layer.up_filter, layer.up, *layer.padding)
        y = (F.leaky_relu(y, 0.2) * math.sqrt(2)).clamp(-0.7, 0.7)
        f = layer.down_filter
        f = (f if f.ndim == 2 else torch.outer(f, f)).flip((0, 1)).expand(y.shape[1], 1, -1, -1)
        each.append(F.conv2d(y, f, groups=y.shape[1])[:, :, :: layer.down, :: layer.down])
    return torch.cat(each)


@EVERY_LAYER
@EVERY_KIND
def test_a_layer_is_its_definition(kind, index):
    layer, x, styles = layer_of(kind, index)
    got = layer._features(x, styles, layer.magnitude_ema.rsqrt())
    torch.testing.assert_close(got, features_slowly(layer, x, styles), atol=1e-7, rtol=1e-6)
    assert got.shape[2:] == (layer.cfg.sizes[index],) * 2


@EVERY_LAYER
@EVERY_KIND
def test_a_layer_has_the_derivatives_of_its_definition(kind, index):
    """First derivatives by input, styles, weight and bias, and those of their squared length."""
    layer, x, styles = layer_of(kind, index)
    inputs = [x.requires_grad_(True), styles.requires_grad_(True), layer.weight, layer.bias]
    fast = layer._features(x, styles, layer.magnitude_ema.rsqrt())
    slow = features_slowly(layer, x, styles)
    weights = torch.randn_like(slow)
    slopes, second = [], []
    for features in (fast, slow):
        found = torch.autograd.grad((features * weights).sum(), inputs, create_graph=True)
        length = sum(slope.square().sum() for slope in found)
        slopes.append(found)
        second.append(torch.autograd.grad(length, inputs[:3]))
    for got, wanted in zip(slopes[0] + second[0], slopes[1] + second[1], strict=True):
        assert wanted.abs().sum() > 0
        torch.testing.assert_close(got, wanted, atol=1e-6 * float(wanted.abs().max()), rtol=1e-6)


def test_lowpass_filters_pass_low_frequencies():
    for radial in (False, True):
        f = lowpass(48, cutoff=4, half_width=2, rate=32, radial=radial)
        f = f.sum(0) if radial else f
        t = torch.arange(48) / 32
        gain = [abs((f * torch.exp(2j * math.pi * k * t)).sum().item()) for k in (0, 1, 2, 7, 10)]
        assert gain[:2] == pytest.approx([1, 1], abs=0.02)
        assert gain[2] > 0.9
        assert max(gain[3:]) < 0.01


def test_batches_are_single_images(network):
    ws = torch.randn(3, network.cfg.num_ws, 8)
    images = network.synthesis(ws)
    assert images.shape == (3, 3, 32, 32)
    torch.testing.assert_close(images[1:2], network.synthesis(ws[1:2]), atol=1e-5, rtol=1e-4)


def test_style_codes_give_the_same_image(network):
    ws = torch.randn(2, network.cfg.num_ws, 8)
    torch.testing.assert_close(
        network.synthesis.from_styles(network.synthesis.styles(ws)), network.synthesis(ws)
    )


def test_pictures_move_by_whole_pixels(network):
    """A shift by n pixels shifts what is far enough from the border to be seen in both; up to aliasing,
    which these short filters do not suppress altogether."""
    ws = torch.randn(2, 1, 8).expand(-1, network.cfg.num_ws, -1)
    still = network.synthesis(ws)
    moved = network.synthesis.transformed(ws, shift(4 / 32, 2 / 32))  # right, down
    inside = slice(8, 24)
    wanted = still[:, :, 8 - 2 : 24 - 2, 8 - 4 : 24 - 4]
    error = (moved[:, :, inside, inside] - wanted).square().mean()
    unmoved = (still[:, :, inside, inside] - wanted).square().mean()
    assert error < 0.01 * unmoved


def test_r_turns_with_its_input():
    network = make(CONFIGS["R"])
    ws = torch.randn(2, 1, 8).expand(-1, network.cfg.num_ws, -1)
    anticlockwise = torch.tensor([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    turned = network.synthesis.transformed(ws, anticlockwise)
    torch.testing.assert_close(turned, network.synthesis(ws).rot90(1, (2, 3)), atol=1e-4, rtol=1e-3)


def test_the_code_can_move_the_picture(network):
    """Row 0 of the codes carries a shift of its own, through the affine map of the input."""
    ws = torch.randn(1, network.cfg.num_ws, 8)
    wanted = network.synthesis.transformed(ws, shift(0.25))
    network.synthesis.input.affine.bias[2] = 0.25
    torch.testing.assert_close(network.synthesis(ws), wanted, atol=1e-4, rtol=1e-3)


def test_gradients_reach_every_parameter_and_the_codes():
    network = make(CONFIGS["T"]).requires_grad_(True).train()
    z = torch.randn(2, 8)
    before = network.synthesis.layers[0].magnitude_ema.clone()
    network(z).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.synthesis.layers[0].magnitude_ema != before


def test_evaluation_leaves_the_magnitudes(network):
    before = network.synthesis.layers[0].magnitude_ema.clone()
    network(torch.randn(1, 8))
    assert network.synthesis.layers[0].magnitude_ema == before


def test_bfloat16_is_close(network):
    ws = torch.randn(1, network.cfg.num_ws, 8)
    exact = network.synthesis(ws)
    network.synthesis.dtype = torch.bfloat16
    rough = network.synthesis(ws)
    assert rough.dtype == torch.float32
    assert (rough - exact).abs().max() < 0.1 * exact.abs().max()
