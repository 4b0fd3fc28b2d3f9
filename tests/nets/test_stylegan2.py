"""StyleGAN2 by its properties; tests/store compares it with the reference code's outputs."""

from __future__ import annotations

import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import minibatch_std
from ganedit.nets.stylegan2 import (
    ConvLayer,
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    MappingNetwork,
    SynthesisLayer,
    ToRGB,
    channel_widths,
    sizes,
)

G = GeneratorConfig(16, (12, 8, 6), z_dim=5, w_dim=7, mapping_layers=2)
D = DiscriminatorConfig(16, (12, 8, 6))


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def make(network: type[nn.Module], cfg, **changes) -> nn.Module:
    """A network whose noise strengths and biases are not at zero, where they start."""
    net = network(type(cfg)(**{**cfg.to_dict(), **changes}))
    for name, p in net.named_parameters():
        if name.endswith(("noise_strength", "bias")):
            nn.init.normal_(p, mean=float(p.detach().mean()), std=0.3)
    return net


# --- one layer ---------------------------------------------------------------------------------------


def slow_layer(layer: SynthesisLayer, x: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """Equations 1 to 3 of arXiv:1912.04958, sample by sample, up-sampling by inserted zeros."""
    found = []
    for one, style in zip(x, styles, strict=True):
        weight = layer.weight * style[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        y = one[None]
        if layer.up:
            _, c, h, w = y.shape
            spread = y.new_zeros(1, c, 2 * h, 2 * w)
            spread[:, :, ::2, ::2] = y
            y = F.conv2d(F.pad(spread, (2, 1, 2, 1)), weight.flip(2, 3))  # a true convolution
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=y.dtype) / 4
            fir = torch.outer(taps, taps)[None, None]
            y = F.conv2d(F.pad(y, (1, 1, 1, 1)).transpose(0, 1), fir).transpose(0, 1)
        else:
            y = F.conv2d(F.pad(y, (1, 1, 1, 1)), weight)
        y = y + layer.noise_strength * noise + layer.bias[:, None, None]
        found.append(F.leaky_relu(y, 0.2) * math.sqrt(2))
    out = torch.cat(found)
    return out if layer.clamp is None else out.clamp(-layer.clamp, layer.clamp)


def a_layer(up: bool, side: int, n: int, clamp: float | None = None):
    """A layer with inputs, all in float64."""
    out = 2 * side if up else side
    layer = SynthesisLayer(3, 4, 5, out, up=up, clamp=clamp).double()
    nn.init.constant_(layer.noise_strength, 0.7)
    nn.init.normal_(layer.bias)
    x = torch.randn(n, 3, side, side, dtype=torch.float64)
    return layer, x, torch.randn(n, 3, dtype=torch.float64) + 1


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize(("side", "n"), [(4, 1), (9, 1), (9, 3)], ids=["weight-heavy", "one", "batch"])
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_the_fast_layer_is_the_slow_one(up, side, n, clamp):
    layer, x, styles = a_layer(up, side, n, clamp)
    with torch.no_grad():
        got = layer(x, styles, "const")
        torch.testing.assert_close(got, slow_layer(layer, x, styles, layer.noise_const))
        torch.testing.assert_close(layer(x, styles, "none"), slow_layer(layer, x, styles, torch.zeros(())))
    assert got.shape == (n, 4, *layer.noise_const.shape)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("fixed_styles", [False, True], ids=["projection", "tuning"])
def test_gradients_are_those_of_the_slow_layer(up, fixed_styles):
    layer, x, styles = a_layer(up, 6, 1)
    inputs = [x.requires_grad_(), layer.weight, layer.bias, layer.noise_strength]
    if not fixed_styles:
        inputs.append(styles.requires_grad_())
    weights = torch.randn_like(layer(x, styles, "const"))
    fast = torch.autograd.grad((layer(x, styles, "const") * weights).sum(), inputs)
    slow = torch.autograd.grad((slow_layer(layer, x, styles, layer.noise_const) * weights).sum(), inputs)
    for a, b in zip(fast, slow, strict=True):
        torch.testing.assert_close(a, b)


def test_demodulation_undoes_the_size_of_the_styles():
    layer, x, styles = a_layer(True, 5, 2)
    got = layer(x, styles * 1000, "none")
    torch.testing.assert_close(got, layer(x, styles, "none"), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2])
def test_the_image_layer_is_not_demodulated(n):
    layer = ToRGB(4, 3, 5, clamp=1.5)
    nn.init.normal_(layer.bias)
    x, styles = torch.randn(n, 4, 8, 8), torch.randn(n, 4)
    wanted = torch.einsum("nchw,oc,nc->nohw", x, layer.weight[:, :, 0, 0], styles / 2)
    wanted = (wanted + layer.bias[:, None, None]).clamp(-1.5, 1.5)
    torch.testing.assert_close(layer(x, styles), wanted)


# --- the generator -----------------------------------------------------------------------------------


def test_a_batch_is_its_images_one_by_one():
    g = make(Generator, G)
    z = torch.randn(3, 5)
    with torch.no_grad():
        batch, single = g(z), torch.cat([g(one[None]) for one in z])
    assert batch.shape == (3, 3, 16, 16)
    torch.testing.assert_close(batch, single, rtol=1e-4, atol=1e-5)
    assert (batch[0] - batch[1]).abs().mean() > 0.1


def test_with_gradients_the_image_is_the_same():
    g = make(Generator, G).requires_grad_(False)
    ws = g.style_codes(torch.randn(1, 5)).clone().requires_grad_()
    with torch.no_grad():
        wanted = g.synthesis(ws)
    torch.testing.assert_close(g.synthesis(ws), wanted, rtol=1e-4, atol=1e-5)


def test_noise():
    g = make(Generator, G)
    ws = g.style_codes(torch.randn(2, 5)).detach()
    const = g.synthesis(ws, "const")
    assert torch.equal(const, g.synthesis(ws, "const"))
    torch.testing.assert_close(g.synthesis(ws, g.synthesis.noise_maps()), const)
    none = g.synthesis(ws, "none")
    zeros = {name: torch.zeros_like(noise) for name, noise in g.synthesis.noise_maps().items()}
    torch.testing.assert_close(g.synthesis(ws, zeros), none)
    assert (const - none).abs().mean() > 0.01
    a, b = g.synthesis(ws, "random"), g.synthesis(ws, "random")
    assert (a - b).abs().mean() > 0.01
    torch.manual_seed(3)
    first = g.synthesis(ws, "random")
    torch.manual_seed(3)
    assert torch.equal(first, g.synthesis(ws, "random"))


def test_noise_maps_of_a_batch_are_the_images_own():
    g = make(Generator, G)
    ws = g.style_codes(torch.randn(2, 5)).detach()
    maps = {name: torch.randn(2, 1, *noise.shape) for name, noise in g.synthesis.noise_maps().items()}
    batch = g.synthesis(ws, maps)
    second = g.synthesis(ws[1:], {name: noise[1:] for name, noise in maps.items()})
    torch.testing.assert_close(batch[1:], second, rtol=1e-4, atol=1e-5)


def test_truncation():
    g = make(Generator, G)
    g.w_avg.normal_()
    z = torch.randn(2, 5)
    w = g.mapping(z)
    plain = g.style_codes(z)
    assert plain.shape == (2, 6, 7)
    assert torch.equal(plain[:, 4], w)
    torch.testing.assert_close(g.style_codes(z, psi=0.0), g.w_avg.expand(2, 6, 7))
    half = g.style_codes(z, psi=0.5, cutoff=2)
    torch.testing.assert_close(half[:, 1], (w + g.w_avg) / 2)
    assert torch.equal(half[:, 2:], plain[:, 2:])


def test_styles_and_from_styles_are_forward():
    g = make(Generator, G)
    ws = g.style_codes(torch.randn(2, 5))
    styles = g.synthesis.styles(ws)
    assert [s.shape[1] for s in styles] == [12, 12, 12, 8, 8, 8, 6, 6]  # in-channels, image layers last
    assert torch.equal(g.synthesis.from_styles(styles), g.synthesis(ws))


def test_the_published_widths():
    widths = channel_widths(1024, 32768, 512)
    assert widths == (512, 512, 512, 512, 512, 256, 128, 64, 32)
    assert GeneratorConfig(1024, widths).num_ws == 18
    for wrong in (4, 12, 0):
        with pytest.raises(ValueError, match="power of two"):
            sizes(wrong)


def test_configs_survive_json():
    for cfg in (G, D):
        assert type(cfg).from_dict(json.loads(json.dumps(cfg.to_dict()))) == cfg


# --- both networks -----------------------------------------------------------------------------------


def gradients(network: nn.Module) -> dict[str, float]:
    return {
        name: 0.0 if p.grad is None else float(p.grad.abs().sum()) for name, p in network.named_parameters()
    }


@pytest.mark.parametrize("classes", [0, 3])
def test_every_parameter_learns(classes):
    g = make(Generator, G, num_classes=classes)
    d = make(Discriminator, D, num_classes=classes, mapping_dim=6 if classes else 0, mapping_layers=2)
    c = torch.eye(3)[[0, 1, 2, 1]] if classes else None
    logits = d(g(torch.randn(4, 5), c, noise="random"), c)
    assert logits.shape == (4, 1)
    F.softplus(logits).mean().backward()
    for network in (g, d):
        assert not [name for name, size in gradients(network).items() if not size > 0]


def test_second_derivatives_reach_the_styles_and_the_pixels():
    """R1 and path-length regularisation differentiate gradients."""
    g, d = make(Generator, G), make(Discriminator, D)
    ws = g.style_codes(torch.randn(2, 5)).clone().requires_grad_()
    image = g.synthesis(ws)
    (slope,) = torch.autograd.grad(d(image).sum(), ws, create_graph=True)
    slope.square().sum().backward()
    for name in ("b16.conv0.weight", "b4.torgb.affine.weight"):
        assert g.synthesis.get_parameter(name).grad.abs().sum() > 0
    assert d.b4.out.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("n", [1, 4])
def test_activations_stay_channels_last(n):
    g, d = make(Generator, G), make(Discriminator, D)
    strides = []
    for module in g.modules():
        if isinstance(module, SynthesisLayer):
            module.register_forward_hook(lambda m, args, out: strides.append(out.stride()))
    with torch.no_grad():
        image = g(torch.randn(n, 5))
        features = d.features(image)
    assert len(strides) == 5
    assert all(stride[1] == 1 for stride in strides + [f.stride() for f in features])


def test_bfloat16_is_close():
    g, d = make(Generator, G), make(Discriminator, D)
    z = torch.randn(4, 5)
    with torch.no_grad():
        image, logits = g(z), d(g(z))
        g.synthesis.dtype = d.dtype = torch.bfloat16
        rough = g(z)
        assert rough.dtype == torch.float32
        # 8 bits of mantissa through five layers
        assert (rough - image).square().mean().sqrt() < 0.03 * image.std()
        assert (d(image) - logits).abs().max() < 0.1


def test_classes():
    g = make(Generator, G, num_classes=2)
    d = make(Discriminator, D, num_classes=2, mapping_dim=6, mapping_layers=1)
    z = torch.randn(1, 5).expand(2, -1)
    image = g(z, torch.eye(2))
    assert (image[0] - image[1]).abs().mean() > 0.01
    seen = image[:1].expand(2, -1, -1, -1)
    assert (d(seen, torch.eye(2))[0] - d(seen, torch.eye(2))[1]).abs() > 1e-3
    for call in (lambda: g(z), lambda: d(image)):
        with pytest.raises(ValueError, match="class labels"):
            call()


def test_codes_do_not_depend_on_the_length_of_z():
    mapping = MappingNetwork(5, 0, 7, 2)
    z = torch.randn(2, 5)
    torch.testing.assert_close(mapping(z * 100), mapping(z), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("values", "group", "wanted"),
    [
        ([0.0, 2.0], 4, [1.0, 1.0]),  # fewer samples than the group
        ([0.0, 10.0, 2.0, 16.0], 2, [1.0, 3.0, 1.0, 3.0]),  # every second sample
        ([1.0, 5.0, 9.0, 2.0, 4.0], 4, [0.0] * 5),  # 5 is prime: groups of one
    ],
)
def test_minibatch_std_by_hand(values, group, wanted):
    x = torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 2, 3, 3)
    got = minibatch_std(x, group, 1)
    assert got.shape == (len(values), 3, 3, 3)
    assert torch.equal(got[:, :2], x)
    # √(0 + 1e-8) where nothing varies
    torch.testing.assert_close(got[:, 2, 1, 1], torch.tensor(wanted), rtol=0, atol=2e-4)


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_activations_end_at_the_clamp(gain):
    """Behind the gain of √2, as the published checkpoints mean it: ±256 is ±256."""
    layer, x, styles = a_layer(False, 8, 2, clamp=0.5)
    assert layer(x, styles, "none").max().item() == pytest.approx(0.5)
    conv = ConvLayer(3, 4, 3, gain=gain, clamp=0.5)
    assert conv(torch.randn(2, 3, 8, 8)).max().item() == pytest.approx(0.5 * gain)
