"""Every kind of model works on a GPU, a pretended one (see `pretended_gpu.py`)."""

from __future__ import annotations

import importlib

import pytest
import torch
from gpu_cases import Fading, Near, assert_nothing_left_out, functions_reached, noise
from reference import reference_file

from ganedit.errors import CheckpointError
from ganedit.nets.stylegan3 import Generator as StyleGAN3
from ganedit.nets.stylegan3 import paper_config
from ganedit.store.architectures import ARCHITECTURES
from ganedit.store.cards import ModelCard
from ganedit.store.load import load, load_clip
from ganedit.store.models import (
    Classifier,
    Discriminator,
    Encoder,
    Generator,
    Mapper,
    Restorer,
    SingleImage,
    Translator,
    Upscaler,
    Vocoder,
)

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 0.02}


def model(kind, architecture, device, dtype=torch.float32, network=None, **config):
    """A model with random weights."""
    if network is None:
        where = ARCHITECTURES[architecture]
        module = importlib.import_module(where.module)
        network = getattr(module, where.network)(getattr(module, where.config)(**config))
    card = ModelCard("tiny", kind.__name__.lower(), architecture, config)
    return kind(card, network.eval().requires_grad_(False), device, dtype)


def generator_with_classes(device):
    made = load(reference_file("sg2ada-cond-32.pkl"), str(device))
    c, size = made.one_hot([0, 1]), (2, 3, made.resolution, made.resolution)
    ws = made.mapping(noise("cpu", 2, made.z_dim), c.cpu(), psi=0.5, cutoff=3)
    drawn = [made.synthesis(ws.cpu(), kind) for kind in ("const", "random", "none")]
    scored = (
        made.discriminator(noise("cpu", *size), c.cpu()),
        made.discriminator.features(noise("cpu", *size)),
    )
    drawn.append(made.generate(seeds=[1, 2], c=c.cpu(), psi=0.7))
    return made.w_avg, c, ws, drawn, scored, made.z_of([1]), made.layers[0].weight


def generator_that_moves(device):
    cfg = paper_config(32, base=512, most=16, layers=6, z_dim=6, w_dim=8)
    made = model(Generator, "stylegan3", device, network=StyleGAN3(cfg))
    return made.synthesis(
        noise("cpu", 1, made.num_ws, 8), transform=torch.tensor([[1, 0, 0.2], [0, 1, 0], [0, 0, 1]])
    )


def generator_that_only_draws(device):
    blocks = {
        "channels": ((8, 8), (8, 4)),
        "doubling": (True, False),
        "attention": 1,
        "z_dim": 4,
        "class_dim": 4,
    }
    made = model(Generator, "biggan", device, num_classes=3, num_statistics=5, rgb_channels=8, **blocks)
    return made.generate(seeds=[1, 2], c=made.one_hot(1, 2), psi=0.4)


def translators(device):
    found = []
    for dtype, rtol in TOLERANCES.items():
        aimed = model(Translator, "stargan", device, dtype, labels=2, width=4, blocks=1)
        both_ways = model(Translator, "unit", device, dtype, width=4, blocks=1)
        styled = model(
            Translator, "spade", device, dtype, in_channels=3, width=2, hidden=4, style_dim=6, grid=(1, 1)
        )
        x = noise("cpu", 2, 3, 30, 27)
        drawn = [aimed(x, label=torch.eye(2)), both_ways(x), both_ways(x, direction="ba")]
        found.append(Near([*drawn, styled(x), styled(x, style=noise("cpu", 2, 6))], rtol))
    return found


def upscalers(device):
    x = noise("cpu", 1, 3, 9, 8).sigmoid()
    ours = [
        Near(model(Upscaler, "srresnet", device, dtype, width=4, blocks=1)(x), rtol)
        for dtype, rtol in TOLERANCES.items()
    ]
    esrgan = load(reference_file("esrgan-rrdb-x4.pth"), str(device))
    return ours, esrgan(x), esrgan.blended(esrgan, 0.5)(x)


def restorers(device):
    card = ModelCard("tiny", "restorer", "x", {}, 9)
    made = Restorer(card, Fading().requires_grad_(False), device)
    return made(noise("cpu", 2, 3, 9, 9).sigmoid(), 0.3), made.has_fidelity


def discriminators(device):
    sees_domains = model(
        Discriminator, "stargan-discriminator", device, labels=2, resolution=16, width=4, layers=2
    )
    x = noise("cpu", 1, 3, 16, 16)
    return sees_domains(x), sees_domains.classify(x), sees_domains.features(x)


def encoders(device):
    made = model(Encoder, "encoder", device, resolution=64, num_ws=4, w_dim=5, widths=(8, 8, 16, 16))
    return made(noise("cpu", 1, 3, 64, 64))


def classifiers(device):
    config = {"binary": ("a",), "numbers": ("b",), "means": (1.0,), "stds": (2.0,), "widths": (4, 8)}
    made, x = model(Classifier, "classifier", device, **config), noise("cpu", 2, 3, 40, 40)
    return made(x), made.measure(x)


def mappers(device):
    made = model(Mapper, "latent-mapper", device, w_dim=4, num_ws=6, bands=((0, 1), (4,)))
    with pytest.raises(CheckpointError):
        made.check_model(model(Generator, "progan", device, channels=(4, 4), z_dim=4))
    return made(noise("cpu", 2, 6, 4))


def vocoders(device):
    hifigan = model(Vocoder, "hifigan", device, widths=(8, 4, 4))
    wavenet = model(
        Vocoder, "wavenet", device, bins=5, hop=4, channels=6, skip=8, condition=7, cycles=2, layers=3
    )
    return hifigan(noise("cpu", 1, 1, 336, 4) * 0.2 - 0.8), Near(wavenet(noise("cpu", 1, 1, 5, 2)))


def single_images(device):
    made = model(SingleImage, "singan", device, heights=(6, 9), widths=(8, 12), channels=(4, 4), layers=2)
    made.check_scale(1)
    drawn = made(made.noise((12, 10), 3)), made(made.fixed())
    return *drawn, made(made.noise(made.size, 4, 1), noise("cpu", 1, 3, 5, 7), 1), made.scales


def clips(device):
    made = load_clip(clips.folder, str(device))
    return made.images(noise("cpu", 2, 3, 30, 40)), made.texts(["an old man", "a woman"]), made.scale


CASES = [
    generator_with_classes, generator_that_moves, generator_that_only_draws, translators, upscalers,
    restorers, discriminators, encoders, classifiers, mappers, vocoders, single_images, clips,
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _clip(tiny_clip):
    clips.folder = tiny_clip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_model(case):
    functions_reached(case)


def test_no_model_is_left_out():
    assert_nothing_left_out(CASES, "ganedit.store.models")
