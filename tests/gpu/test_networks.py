"""Every network runs forward and backward on a GPU, a pretended one (see `pretended_gpu.py`)."""

from __future__ import annotations

import importlib

import pytest
import torch
from gpu_cases import assert_nothing_left_out, functions_reached, learning, noise

from ganedit.nets import biggan, fastgan, mlp_gan, progan
from ganedit.nets import layers_conditional as conditional
from ganedit.nets.efficientnet_lite import EfficientNetLite, EfficientNetLiteConfig
from ganedit.nets.face_resnet import FaceResNet
from ganedit.nets.layers_conditional import AutoencoderJudge, HeadConfig, Judge
from ganedit.nets.layers_spectral import folded_state
from ganedit.nets.lenet import DomainDiscriminator
from ganedit.nets.patch_contrast import PatchHeads, PatchHeadsConfig, random_places
from ganedit.nets.projected import FeatureDiscriminator
from ganedit.nets.shift_predictor import ShiftPredictor, ShiftPredictorConfig
from ganedit.nets.singan import Critics, SinGAN, SinGANConfig, Window
from ganedit.nets.spade import normalise_spectrally
from ganedit.nets.spectrogram_discriminator import SpectrogramDiscriminator, SpectrogramDiscriminatorConfig
from ganedit.nets.stylegan3 import paper_config
from ganedit.nets.waveform_discriminators import WaveformDiscriminatorConfig, WaveformDiscriminators
from ganedit.nets.wavenet import Generation, mu_law
from ganedit.store.architectures import ARCHITECTURES

STYLES = {"z_dim": 6, "w_dim": 8, "mapping_layers": 2}


def made(name, **config):
    """A network of `ARCHITECTURES`, on the CPU."""
    where = ARCHITECTURES[name]
    module = importlib.import_module(where.module)
    return getattr(module, where.network)(getattr(module, where.config)(**config))


def called(name, *shapes, **config):
    """A case that calls a network: in training mode with its gradients, and in evaluation mode."""

    def case(device):
        network = made(name, **config).to(device)
        given = [noise(device, *shape) for shape in shapes]
        learned = learning(network, *given)
        with torch.no_grad():
            return learned, network.eval()(*given)

    return case


def style_generator(network, device, **more):
    network = network.to(device)
    z, c = noise(device, 2, 6), torch.eye(2, device=device)
    learned = learning(network, z, c)
    with torch.no_grad():
        network.eval()
        ws = network.style_codes(z, c, psi=0.5, cutoff=2)
        drawn = [network.synthesis(ws, kind) for kind in ("const", "none", network.synthesis.noise_maps())]
        return learned, ws, drawn, network.w_avg


def stylegan1(device):
    network = made(
        "stylegan1", channels=(8, 8, 4), z_dim=6, w_dim=8, mapping_width=8, mapping_layers=2
    ).to(device)  # fmt: skip
    z = noise(device, 2, 6)
    ws = network.style_codes(z, psi=0.5)
    noises = ("const", "random", network.synthesis.noise_maps())
    drawn = [network(z), *(network.synthesis(ws, one) for one in noises)]
    return ws, learning(network.synthesis, ws.detach()), drawn


def stylegan2(device):
    network = made("stylegan2", resolution=16, channels=(8, 8, 4), num_classes=2, **STYLES)
    found = style_generator(network, device)
    with torch.no_grad():
        styles = network.synthesis.styles(found[1])
        coarse = network.synthesis.coarse(found[1], 8)
        return found, styles, network.synthesis.from_styles(styles, "random"), coarse


def stylegan3(device):
    found = []
    for rotation in (False, True):
        cfg = paper_config(
            32, rotation=rotation, base=512, most=16, layers=6, z_dim=6, w_dim=8, num_classes=2
        )
        network = importlib.import_module("ganedit.nets.stylegan3").Generator(cfg)
        found.append(style_generator(network, device))
        with torch.no_grad():
            turn = torch.tensor([[0, -1, 0.1], [1, 0, 0], [0, 0, 1]], device=device)
            found.append(network.synthesis.transformed(found[-1][1], turn))
            found.append(network.synthesis.from_styles(network.synthesis.styles(found[0][1])))
    return found


def gan(name, trunk, judging, **config):
    """A case with a generator of classes, and the discriminator that it learns against."""

    def case(device):
        module = importlib.import_module(ARCHITECTURES[name].module)
        c = torch.eye(3, device=device)[:2]
        drawn = learning(
            made(name, resolution=16, z_dim=4, num_classes=3, **config).to(device), noise(device, 2, 4), c
        )
        seen = 3 + 3 * (judging == "concat")
        head = HeadConfig(judging, 3, minibatch_discrimination=True, minibatch_stddev=True)
        d = Judge(module.Trunk(module.TrunkConfig(16, image_channels=seen, **trunk)), head)
        conditional.normalise_spectrally(d)
        found, guessed = d.to(device)(noise(device, 2, 3, 16, 16), c)
        return drawn, found, [] if guessed is None else guessed

    return case


def redrawing(device):
    made_d = AutoencoderJudge(
        mlp_gan.Trunk(mlp_gan.TrunkConfig(4, 8)), mlp_gan.Generator(mlp_gan.GeneratorConfig(4, 4, 8))
    ).to(device)
    return made_d(noise(device, 2, 3, 4, 4))[0]


def redrawing_parts(device):
    trunk = fastgan.Trunk(fastgan.TrunkConfig(32, 4))
    made_d = fastgan.RedrawingJudge(trunk, HeadConfig(), 4).to(device)
    return made_d.judge_and_redraw(noise(device, 2, 3, 32, 32))[0::2]


def growing(device):
    g = progan.Growing(progan.Generator(progan.GeneratorConfig((8, 4), z_dim=6))).to(device)
    d = progan.Discriminator(progan.DiscriminatorConfig((8, 4), blur=True)).to(device)
    images = g.image(g.generator.features(noise(device, 2, 6)), 0.5)
    logits = d(images, 0.5)
    parameters = [*g.parameters(), *d.parameters()]
    return (
        images,
        logits,
        list(torch.autograd.grad(logits.sum(), parameters)),
        g.grown(0)(noise(device, 2, 6)),
    )


def new_biggan(device):
    network = biggan.Generator(biggan.plan(16, 8, 3, 4, 3))
    biggan.initialise(network)
    c = torch.eye(3, device=device)
    network = network.to(device).eval()
    network.record_statistics(lambda: c, batches=2)
    trunk = biggan.Trunk(biggan.TrunkConfig(16, 8)).to(device)
    with torch.no_grad():
        return network(noise(device, 3, 4), c, 0.7), trunk(noise(device, 2, 3, 16, 16))


def classes(device):
    network = made(
        "biggan", channels=((8, 8), (8, 4)), doubling=(True, False), attention=1, z_dim=4, class_dim=4,
        num_classes=3, num_statistics=5, rgb_channels=8,
    ).to(device)  # fmt: skip
    return learning(network, noise(device, 2, 4), torch.eye(3, device=device)[:2], 0.4)


def spade(device):
    network = made("spade", in_channels=3, width=2, hidden=4, style_dim=6, grid=(1, 1))
    normalise_spectrally(network)
    given = noise(device, 2, 3, 32, 32), noise(device, 2, 6)
    return learning(network.to(device), *given), folded_state(network)


def stargan_discriminator(device):
    network = made("stargan-discriminator", labels=2, resolution=16, width=4, layers=2).to(device)
    x = noise(device, 1, 3, 16, 16)
    return learning(network, x), network.classify(x), network.both(x), network.features(x)


def lenet(device):
    network = made("lenet", classes=("a", "b"), side=16, features=8).to(device).eval()
    domains = DomainDiscriminator(8, 4).to(device)
    x = noise(device, 2, 3, 16, 16)
    return learning(network, x), learning(domains, network.features(x).detach())


def inception(device):
    network = made("inception", narrow=16).to(device).eval()
    features = network.features(noise(device, 1, 3, 299, 299))
    return features, network(noise(device, 1, 3, 32, 32)), network.unbiased(features)


def unit(device):
    network = made("unit", width=4, blocks=1).to(device)
    x = noise(device, 1, 3, 16, 16)
    return learning(network, x), network(x, "ba"), network.decode(network.encode(x, "a"), "b")


def resnet(device):
    network = made("resnet", width=4, blocks=1, attention=True).to(device)
    adding = made("resnet", width=4, blocks=1, residual=True, up="resize").to(device)
    x = noise(device, 1, 3, 16, 16)
    found = network.trace(x)
    torch.manual_seed(0)
    heads = PatchHeads(PatchHeadsConfig((3, 8), width=6)).to(device)
    places = random_places(found.features[:2], 5)
    projected = heads(network.encode(x)[:2], places)
    return learning(network, x), network.attend(x), learning(adding, x), found, projected


def waves(device):
    network = made(
        "wavenet", bins=5, hop=4, channels=6, skip=8, condition=7, cycles=2, layers=3
    ).to(device)  # fmt: skip
    pictures, sound = noise(device, 2, 1, 5, 3), noise(device, 2, 12).tanh()
    learned = learning(network, mu_law(sound), pictures)
    copies = Generation(network.eval(), pictures, copies=2, seed=0)
    played = copies.advance(5)
    copies.keep(1)
    return learned, network.generate(pictures, seed=0), played, copies.advance_classes(3)


def hifigan(device):
    network = made("hifigan", widths=(8, 4, 4)).to(device)
    picture = (noise(device, 1, 1, 336, 6) * 0.2 - 0.8).clamp(-1, 1)
    learned = learning(network, picture)
    return learned, network.eval().generate(picture)


def singan(device):
    cfg = SinGANConfig((6, 9), (8, 12), (4, 4), layers=2, images=2, border="noise")
    network, critics = SinGAN(cfg).to(device), Critics(cfg).to(device)
    image = network(network.noise(2, network.sizes(9, 12)))
    slopes = torch.autograd.grad(critics(1, image).sum(), list(network.parameters()))
    with torch.no_grad():
        fixed = network.fixed(torch.tensor([1], device=device), network.sizes(18, 12))
        return image, list(slopes), network(fixed, window=Window(2, 3, 7, 7))


def clip(device):
    network = made(
        "clip", words=9, embed_dim=8, size=64, width=4, layers=(1, 1, 1, 1), context=6, text_width=16,
        text_layers=1, text_heads=2,
    ).to(device)  # fmt: skip
    tokens = torch.tensor([[1, 4, 5, 2, 0, 0], [1, 3, 2, 0, 0, 0]], device=device)
    network.train()
    both = network.encode_image(noise(device, 2, 3, 64, 64)) * network.encode_text(tokens)
    slopes = torch.autograd.grad(both.sum(), [p for p in network.parameters() if p.ndim])
    with torch.no_grad():
        return both, list(slopes), network.eval().encode_text(tokens)


NETWORKS = {
    "stylegan1": stylegan1,
    "stylegan2": stylegan2,
    "stylegan3": stylegan3,
    "stylegan2-discriminator": called(
        "stylegan2-discriminator", (2, 3, 16, 16), (2, 2),
        resolution=16, channels=(8, 8, 4), num_classes=2, mapping_dim=4,
    ),
    "progan": called("progan", (2, 6), channels=(8, 8, 4), z_dim=6),
    "biggan": classes,
    "mlp-gan": gan("mlp-gan", {"width": 8}, "concat", width=8),
    "dcgan": gan("dcgan", {"width": 4}, "projection", width=4, conditional_norm=True),
    "resnet-gan": gan("resnet-gan", {"width": 4}, "acgan", width=4),
    "fastgan": gan("fastgan", {"width": 4}, "projection", width=4, conditional_norm=True),
    "encoder": called("encoder", (1, 3, 64, 64), resolution=64, num_ws=4, w_dim=5, widths=(8, 8, 16, 16)),
    "irse-encoder": called(
        "irse-encoder", (1, 3, 64, 64), stem=8, widths=(16, 16, 16, 16), units=(1, 1, 1, 1), heads=(2, 3, 4)
    ),
    "classifier": called(
        "classifier", (2, 3, 40, 40), binary=("a",), numbers=("b",), means=(1.0,), stds=(2.0,), widths=(4, 8)
    ),
    "inception": inception,
    "lenet": lenet,
    "resnet": resnet,
    "unet": called("unet", (2, 3, 32, 32), width=4, downs=4),
    "patchgan": called("patchgan", (2, 3, 32, 32), width=4),
    "multiscale-patchgan": called("multiscale-patchgan", (1, 3, 64, 64), width=4, scales=2, norm="instance"),
    "pix2pixhd": called("pix2pixhd", (1, 3, 16, 16), width=4, blocks=1, downs=1, local_blocks=1),
    "spade": spade,
    "spade-encoder": called("spade-encoder", (1, 3, 32, 32), style_dim=6, width=4, layers=2),
    "stargan": called("stargan", (1, 3, 16, 16), (1, 2), labels=2, width=4, blocks=1),
    "stargan-discriminator": stargan_discriminator,
    "unit": unit,
    "context-encoder": called("context-encoder", (2, 4, 32, 32), resolution=32, width=4),
    "srvgg": called("srvgg", (1, 3, 8, 8), width=4, layers=1, scale=2),
    "rrdb": called("rrdb", (1, 3, 8, 8), width=4, growth=2, blocks=1),
    "srresnet": called("srresnet", (1, 3, 8, 8), width=4, blocks=1),
    "srgan-discriminator": called("srgan-discriminator", (1, 3, 32, 32), width=4, layers=4, hidden=8),
    "latent-mapper": called("latent-mapper", (2, 6, 4), w_dim=4, num_ws=6, bands=((0, 1), (4,))),
    "wavenet": waves,
    "hifigan": hifigan,
    "singan": singan,
    "clip": clip,
}  # fmt: skip


def frozen_features(device):
    network = EfficientNetLite(EfficientNetLiteConfig(0.25, 0.25, 32)).to(device)
    x = noise(device, 2, 3, 64, 64).requires_grad_()
    features = network.features(x)
    discriminator = FeatureDiscriminator(network.widths, 16).to(device)
    with torch.no_grad():
        discriminator.calibrate(features)
    slopes = torch.autograd.grad(
        sum(logits.sum() for logits in discriminator(discriminator.mix(features))), x
    )
    with torch.no_grad():
        return network(x), network.embed(x), slopes


def face_resnet(device):
    return learning(FaceResNet().to(device), noise(device, 1, 3, 150, 150) * 40 + 128)


def shift_predictor(device):
    network = ShiftPredictor(ShiftPredictorConfig(3, (4, 4, 8))).to(device)
    return learning(network, noise(device, 2, 3, 32, 32), noise(device, 2, 3, 32, 32))


def sound_discriminators(device):
    spectrograms = SpectrogramDiscriminator(SpectrogramDiscriminatorConfig(bins=64, width=2)).to(device)
    waves = WaveformDiscriminators(WaveformDiscriminatorConfig(width=4, periods=(2, 3), scales=2)).to(device)
    return learning(spectrograms, noise(device, 2, 1, 64, 32)), learning(waves, noise(device, 2, 2048))


PARTS = (
    frozen_features,
    face_resnet,
    shift_predictor,
    sound_discriminators,
    redrawing,
    redrawing_parts,
    growing,
    new_biggan,
)
FURTHER = {f.__name__: f for f in PARTS}
CASES = NETWORKS | FURTHER


@pytest.mark.parametrize("name", CASES)
def test_network(name):
    functions_reached(CASES[name])


def test_no_network_is_left_out():
    assert NETWORKS.keys() == ARCHITECTURES.keys()
    on_cpus = [  # alone, where no gradient is needed
        "ganedit.nets.layers_translation.to_few_channels",
        "ganedit.nets.srresnet.before_shuffle",
    ]
    assert_nothing_left_out(CASES.values(), "ganedit.nets", except_for=on_cpus)
