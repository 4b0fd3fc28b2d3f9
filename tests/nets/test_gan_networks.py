"""The networks of `train gan`: shapes, a gradient for every parameter, and classes that reach the result."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ganedit.nets import biggan, dcgan, fastgan, mlp_gan, resnet_gan
from ganedit.nets.layers_conditional import (
    KERNELS,
    AutoencoderJudge,
    ConditionalNorm,
    HeadConfig,
    Judge,
    MinibatchDiscrimination,
    normalise_spectrally,
)
from ganedit.nets.layers_spectral import folded_state

SIDE, CLASSES = 16, 3

GENERATORS = {
    "mlp": lambda k: mlp_gan.Generator(mlp_gan.GeneratorConfig(SIDE, 5, 8, 2, 3, k)),
    "dcgan": lambda k: dcgan.Generator(dcgan.GeneratorConfig(SIDE, 5, 4, 3, k)),
    "dcgan by norm": lambda k: dcgan.Generator(dcgan.GeneratorConfig(SIDE, 5, 4, 3, k, True)),
    "resnet": lambda k: resnet_gan.Generator(resnet_gan.GeneratorConfig(SIDE, 5, 4, 3, k)),
    "resnet by norm": lambda k: resnet_gan.Generator(resnet_gan.GeneratorConfig(SIDE, 5, 4, 3, k, True)),
    "biggan": lambda k: biggan.Generator(biggan.plan(SIDE, 8, k, 5, 3)),
    "fastgan": lambda k: fastgan.Generator(fastgan.GeneratorConfig(SIDE, 5, 4, 3, k)),
    "fastgan by norm": lambda k: fastgan.Generator(fastgan.GeneratorConfig(SIDE, 5, 4, 3, k, True)),
}
TRUNKS = {
    "mlp": lambda c: mlp_gan.Trunk(mlp_gan.TrunkConfig(SIDE, 8, 2, c)),
    "dcgan": lambda c: dcgan.Trunk(dcgan.TrunkConfig(SIDE, 4, c)),
    "resnet": lambda c: resnet_gan.Trunk(resnet_gan.TrunkConfig(SIDE, 4, c)),
    "biggan": lambda c: biggan.Trunk(biggan.TrunkConfig(SIDE, 8, c)),
    "fastgan": lambda c: fastgan.Trunk(fastgan.TrunkConfig(SIDE, 4, c)),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_draw_the_class_and_learn_everywhere(name):
    torch.manual_seed(0)
    g = GENERATORS[name](CLASSES)
    for parameter in g.parameters():  # scales that begin at 1 for every class, and attention at 0
        parameter.data += 0.1 * torch.randn_like(parameter)
    z, c = torch.randn(CLASSES, 5), torch.eye(CLASSES)
    images = g(z, c)
    assert images.shape == (CLASSES, 3, SIDE, SIDE)
    assert images.abs().max() <= 1
    (images * torch.randn_like(images)).sum().backward()
    assert not [key for key, p in g.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    with torch.no_grad():
        other = g.eval()(z, c.roll(1, dims=0)) - g(z, c)
    assert (other.abs().amax(dim=(1, 2, 3)) > 1e-4).all()


@pytest.mark.parametrize("judging", ["none", "concat", "projection", "acgan"])
@pytest.mark.parametrize("name", TRUNKS)
def test_discriminators_learn_everywhere_and_see_the_class(name, judging):
    torch.manual_seed(0)
    seen = 3 + CLASSES * (judging == "concat")
    everything = HeadConfig(judging, CLASSES, minibatch_discrimination=True, minibatch_stddev=True)
    d = Judge(TRUNKS[name](seen), everything)
    for parameter in d.parameters():  # attention begins at 0
        parameter.data += 0.1 * torch.randn_like(parameter)
    x, c = torch.randn(4, 3, SIDE, SIDE), torch.eye(CLASSES)[[0, 1, 2, 0]]
    logits, guessed = d(x, c)
    assert logits.shape == (4, 1)
    assert (guessed is not None) == (judging == "acgan")
    found = logits.square().sum() + (0 if guessed is None else guessed.square().sum())
    found.backward()
    assert not [key for key, p in d.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    moved = (d(x, c.roll(1, dims=1))[0] - logits).abs().max()
    assert (moved > 1e-5) == (judging in ("concat", "projection"))


def test_conditional_norm_by_hand():
    """Rows 0 and 2 of one channel are -1 and 1 after normalisation; class 1 doubles and adds 5."""
    norm = ConditionalNorm(1, 2)
    norm.scale.data[1], norm.shift.data[1] = 2, 5
    x = torch.tensor([0.0, 2.0]).view(2, 1, 1, 1)
    got = norm(x, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    torch.testing.assert_close(got.flatten(), torch.tensor([-1.0, 7.0]), atol=1e-4, rtol=0)


def test_minibatch_discrimination_by_hand():
    """Equal rows are as near as can be; two rows whose kernel outputs differ by 0.1 in 4 places by e^-0.4."""
    layer = MinibatchDiscrimination(1)
    layer.kernels.data.fill_(0.1)
    got = layer(torch.tensor([[1.0], [1.0], [2.0]]))
    assert got.shape == (3, 1 + KERNELS)
    far = math.exp(-0.4)
    wanted = torch.tensor([1 + far, 1 + far, 2 * far])
    torch.testing.assert_close(got[:, 1:], wanted[:, None].expand(3, KERNELS))


def test_an_autoencoder_judges_by_its_error():
    class Half(nn.Module):
        features = 4

        def forward(self, x):
            return x.flatten(1)

    class Decoder(nn.Module):
        cfg = mlp_gan.GeneratorConfig(2, z_dim=4)

        def forward(self, code):
            return code.view(-1, 1, 2, 2)

    d = AutoencoderJudge(Half(), Decoder())
    d.code.weight.data, d.code.bias.data = torch.eye(4), torch.tensor([0.0, 0.0, 0.0, 2.0])
    logits, _ = d(torch.randn(3, 1, 2, 2))
    torch.testing.assert_close(logits, torch.full((3, 1), -0.5))  # off by 2 in one of four pixels


def test_spectral_normalisation_bounds_every_layer_and_folds():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5))
    normalise_spectrally(network)
    for _ in range(50):  # power iterations
        network(torch.randn(2, 6))
    network.eval().requires_grad_(False)
    for layer in (network[0], network[2]):
        assert float(torch.linalg.matrix_norm(layer.weight, 2)) == pytest.approx(1, abs=1e-3)
    plain = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5))
    plain.load_state_dict(folded_state(network))
    x = torch.randn(4, 6)
    torch.testing.assert_close(plain(x), network(x))


def test_published_layout_of_biggan():
    """The layout of BigGAN-deep at 128 px (arXiv:1809.11096, table 7), in units of its width."""
    cfg = biggan.plan(128, 1, 1000, 128, 51)
    pairs = [(16, 16), (16, 16), (16, 16), (16, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1)]
    assert list(cfg.channels) == pairs
    assert cfg.doubling == (False, True) * 5
    assert (cfg.attention, cfg.resolution) == (8, 128)  # attention at 64 px


def test_biggan_stores_the_statistics_of_every_truncation():
    """In evaluation, it draws what it drew in training mode of the batches that were recorded."""
    torch.manual_seed(0)
    g = biggan.Generator(biggan.plan(SIDE, 8, CLASSES, 5, 3)).double()
    biggan.initialise(g)
    c = torch.eye(CLASSES).double().repeat(4, 1)
    torch.manual_seed(1)
    g.eval().record_statistics(lambda: c, batches=1)
    torch.manual_seed(1)
    with torch.no_grad():
        for psi in (0.0, 0.5, 1.0):
            z = nn.init.trunc_normal_(torch.empty(len(c), 5), a=-2, b=2).double() * psi
            if psi:  # it draws nothing at 0
                torch.testing.assert_close(g.eval()(z, c, psi), g.train()(z, c, psi))


def test_published_skips_of_fastgan():
    """At 512 px, maps of 4, 8, 16 and 32 px excite those 16 times larger (arXiv:2101.04775, figure 3)."""
    g = fastgan.Generator(fastgan.GeneratorConfig(512, 5, 1))
    assert g.cfg.skip == 16
    # 1 channel at 512 px, twice as many at half the size, but at most 8.
    assert [(e.gather.in_channels, e.gate.out_channels) for e in g.excitations] == [
        (8, 8), (8, 4), (8, 2), (8, 1)
    ]  # fmt: skip
    assert [len(block.convs) for block in g.blocks] == [2, 1, 2, 1, 2, 1, 2]


def test_excitation_by_hand():
    """A gathered 1 is 0.731 after SiLU; the gates of 0 and 1.462 let 0.5 and 0.812 through."""
    layer = fastgan.Excitation(1, 2)
    layer.gather.weight.data.fill_(1 / 16)
    layer.gather.bias.data.zero_()
    layer.gate.weight.data = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).view(2, 2, 1, 1)
    layer.gate.bias.data.zero_()
    got = layer(torch.ones(1, 1, 8, 8), torch.ones(1, 2, 32, 32))
    sigmoid = 1 / (1 + math.exp(-1))
    wanted = torch.tensor([0.5, 1 / (1 + math.exp(-2 * sigmoid))])
    torch.testing.assert_close(got[0, :, 5, 5], wanted)


def test_fastgan_draws_new_noise_only_in_training():
    torch.manual_seed(0)
    g = fastgan.Generator(fastgan.GeneratorConfig(SIDE, 5, 4))
    for module in g.modules():
        if isinstance(module, fastgan.Noise):
            module.strength.data.fill_(1)
    z = torch.randn(2, 5)
    with torch.no_grad():
        assert not torch.equal(g(z), g(z))
        assert torch.equal(g.eval()(z), g(z))


def fastgan_judge(side: int, judging: str = "none") -> fastgan.RedrawingJudge:
    seen = 3 + CLASSES * (judging == "concat")
    trunk = fastgan.Trunk(fastgan.TrunkConfig(side, 4, seen))
    return fastgan.RedrawingJudge(trunk, HeadConfig(judging, CLASSES), 4)


@pytest.mark.parametrize("judging", ["none", "concat", "acgan"])
def test_a_redrawing_discriminator_learns_everywhere_and_judges_as_ever(judging):
    torch.manual_seed(0)
    d = fastgan_judge(32, judging)
    x, c = torch.randn(4, 3, 32, 32), torch.eye(CLASSES)[[0, 1, 2, 0]]
    logits, guessed, error = d.judge_and_redraw(x, c)
    torch.testing.assert_close(d(x, c)[0], logits)
    error.backward(retain_graph=True)
    of_decoders = [key for key, p in d.named_parameters() if key.startswith(("whole.", "part."))]
    silent = [key for key, p in d.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert of_decoders
    assert all(key.startswith(("head.", "trunk.last.")) for key in silent)
    (logits.sum() + (0 if guessed is None else guessed.square().sum())).backward()
    assert all(p.grad is not None for p in d.parameters())


def test_redrawn_quarters_are_compared_with_their_place():
    """A decoder of parts that always draws 0.5 errs by |0.5 - that quarter's grey|, a whole one that draws 0
    by their mean."""

    class Always(nn.Module):
        def __init__(self, value: float, side: int) -> None:
            super().__init__()
            self.value, self.side = value, side

        def forward(self, x):
            assert x.shape[2:] == (8, 8)
            return torch.full((len(x), 3, self.side, self.side), self.value)

    d = fastgan_judge(SIDE)
    d.whole, d.part = Always(0.0, 16), Always(0.5, 8)
    greys = torch.tensor([[0.1, 0.2], [0.3, 0.8]])
    x = greys.repeat_interleave(8, 0).repeat_interleave(8, 1).expand(2, 3, 16, 16)
    found = {round(float(d.judge_and_redraw(x)[2]), 4) for _ in range(40)}
    assert found == {round(0.35 + part, 4) for part in (0.4, 0.3, 0.2)}  # 0.2 and 0.8 err alike
