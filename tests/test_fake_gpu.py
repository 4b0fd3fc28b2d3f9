"""Nothing is left on the CPU when a model or a recipe is on a GPU: run on one that is pretended."""

from __future__ import annotations

import csv
import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_gpu import GPU, fake_gpu
from PIL import Image
from recipes import draw_pictures
from reference import NARROW, TRANSLATORS, reference_file
from safetensors.torch import load_file
from sounds import save_tones
from torch import nn

from ganedit.store.architectures import ARCHITECTURES
from ganedit.store.cards import ModelCard
from ganedit.store.load import load, load_clip, load_generator
from ganedit.store.models import Classifier, Vocoder
from ganedit.train.loop import Run
from ganedit.train.options import RECIPES


@pytest.fixture
def gpu():
    with fake_gpu() as device:
        yield device


def on_gpu(found) -> bool:
    """Whether all tensors of a result are on the pretended device."""
    if isinstance(found, torch.Tensor):
        return found.device == GPU
    return all(on_gpu(one) for one in (found.values() if isinstance(found, dict) else found))


def test_what_is_left_on_the_cpu_is_found(gpu):
    class Forgetful(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))
            self.scale = torch.ones(3)  # no buffer, so that `to` leaves it behind

        def forward(self, x):
            return x * self.weight * self.scale

    network, x = Forgetful().to(gpu), torch.ones(2, 3)
    assert network.weight.device == gpu
    with pytest.raises(RuntimeError, match="same device"):
        network(x.to(gpu))
    network.scale = network.scale.to(gpu)
    assert on_gpu(network(x.to(gpu)))
    with pytest.raises(RuntimeError, match="same device"):
        network(x)
    assert not network(x.to(gpu)).cpu().numpy().any()


# ---- networks ----

STYLES = {"z_dim": 6, "w_dim": 8, "mapping_layers": 2}
NETWORKS = {
    # architecture: config, and shapes of what its network takes; None takes the network's own test below
    "stylegan2": ({"resolution": 16, "channels": (8, 8, 4), "num_classes": 2, **STYLES}, [(2, 6), (2, 2)]),
    "stylegan2-discriminator": (
        {"resolution": 16, "channels": (8, 8, 4), "num_classes": 2, "mapping_dim": 4},
        [(2, 3, 16, 16), (2, 2)],
    ),
    "encoder": ({"resolution": 32, "num_ws": 4, "w_dim": 5, "widths": (8, 8, 16)}, [(1, 3, 32, 32)]),
    "irse-encoder": (
        {"kind": "e4e", "stem": 16, "widths": (16, 16, 16, 16), "units": (1, 1, 1, 1), "heads": (4, 5, 6)},
        [(1, 3, 256, 256)],
    ),
    "classifier": ({"binary": ("a",), "numbers": ("b",), "means": (1.0,), "stds": (2.0,), "widths": (8, 8)},
                   [(1, 3, 40, 40)]),
    "resnet": ({"width": 4, "blocks": 1, "attention": True}, [(1, 3, 16, 16)]),
    "unet": ({"width": 4, "downs": 4}, [(1, 3, 16, 16)]),
    "patchgan": ({"width": 4}, [(1, 3, 32, 32)]),
    "multiscale-patchgan": ({"width": 4, "scales": 2}, [(1, 3, 64, 64)]),
    "pix2pixhd": ({"width": 4, "blocks": 1, "downs": 1, "local_blocks": 1}, [(1, 3, 16, 16)]),
    "spade": ({"in_channels": 3, "width": 2, "hidden": 4, "style_dim": 6, "grid": (1, 1)},
              [(2, 3, 32, 32), (2, 6)]),
    "spade-encoder": ({"style_dim": 6, "width": 4, "layers": 2}, [(1, 3, 32, 32)]),
    "stargan": ({"labels": 2, "width": 4, "blocks": 1}, [(1, 3, 16, 16), (1, 2)]),
    "stargan-discriminator": ({"labels": 2, "resolution": 16, "width": 4, "layers": 2}, [(1, 3, 16, 16)]),
    "unit": ({"width": 4, "blocks": 1}, [(1, 3, 16, 16)]),
    "context-encoder": ({"resolution": 32, "width": 4}, [(1, 4, 32, 32)]),
    "rrdb": ({"width": 4, "growth": 2, "blocks": 1}, [(1, 3, 8, 8)]),
    "srresnet": ({"width": 4, "blocks": 1}, [(1, 3, 8, 8)]),
    "srgan-discriminator": ({"width": 4, "layers": 4, "hidden": 8}, [(1, 3, 32, 32)]),
    "latent-mapper": ({"w_dim": 4, "num_ws": 6, "bands": ((0, 1), (4,))}, [(2, 6, 4)]),
    "wavenet": ({"bins": 12, "hop": 8, "channels": 8, "skip": 8, "condition": 8, "cycles": 1, "layers": 2},
                [(1, 64), (1, 1, 12, 8)]),
    "hifigan": ({"widths": (8, 4, 4)}, [(1, 1, 336, 8)]),
}  # fmt: skip
BY_FILES = {"stylegan3", "stylegan1", "progan", "biggan", "clip"}  # in the tests of models


def test_every_network_has_a_test():
    assert NETWORKS.keys() | BY_FILES == ARCHITECTURES.keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_forward(gpu, name):
    config, shapes = NETWORKS[name]
    where = ARCHITECTURES[name]
    module = importlib.import_module(where.module)
    network = getattr(module, where.network)(getattr(module, where.config)(**config)).to(gpu)
    for training in (True, False):
        network.train(training)
        given = [torch.zeros(shape, device=gpu) for shape in shapes]
        if name == "wavenet":
            given[0] = given[0].long()  # classes of samples
        assert on_gpu(network(*given))


# ---- models ----

GENERATORS = [
    "sg2ada-cond-32.pkl", "sg3t-32.pkl", "sg3r-64.pkl", "rosinality-sg2-64.pt", "genforce-stylegan1.pth",
    "genforce-pggan.pth", "biggan-64",
]  # fmt: skip


@pytest.mark.parametrize("name", GENERATORS)
def test_generators(gpu, name):
    model = load(reference_file(name), device=str(gpu))
    c = model.one_hot(1, 2) if model.num_classes else None
    assert on_gpu(model.generate(seeds=[1, 2], c=c, psi=0.7))
    if model.has_discriminator:
        assert on_gpu(model.discriminator(torch.zeros(2, 3, model.resolution, model.resolution), c))
        assert on_gpu(model.discriminator.features(torch.zeros(1, 3, model.resolution, model.resolution)))
    if not model.has_styles:
        return
    ws = model.mapping(model.z_of([1, 2]).cpu(), c, psi=0.5, cutoff=3)
    for noise in ("const", "random", "none"):
        assert on_gpu(model.synthesis(ws.cpu(), noise=noise))
    if model.has_transform:
        assert on_gpu(model.synthesis(ws, transform=torch.eye(3)))


@pytest.mark.parametrize("name", TRANSLATORS)
def test_translators_and_upscalers(gpu, name):
    path, reference = reference_file(name), TRANSLATORS[name]
    golden = load_file(path.with_name(f"{reference.vectors}.golden.safetensors"))
    model = load(path, device=str(gpu))
    assert on_gpu(reference.run(model, golden))
    if name.startswith("unit"):
        assert on_gpu(model(golden["input_a"], direction="ba"))
    if name == "stargan-celeba-64-D.ckpt":
        assert on_gpu(model.classify(golden["input"]))


def test_clip(gpu, tiny_clip):
    model = load_clip(tiny_clip, str(gpu))
    assert on_gpu(model.images(torch.zeros(2, 3, 30, 40)))
    assert on_gpu(model.texts(["an old man", "a woman"]))
    assert model.scale == 0


def test_encoders_classifiers_vocoders(gpu, tiny_models):
    encoder = load(tiny_models / "faces-encoder", str(gpu))
    assert on_gpu(encoder(torch.zeros(1, 3, 64, 64)))
    config, _ = NETWORKS["classifier"]
    module = importlib.import_module(ARCHITECTURES["classifier"].module)
    network = module.Classifier(module.ClassifierConfig(**config)).eval()
    classifier = Classifier(ModelCard("x", "classifier", "classifier", {}), network, gpu)
    assert on_gpu(classifier(torch.zeros(1, 3, 20, 20)))
    assert on_gpu(classifier.measure(torch.zeros(1, 3, 20, 20)))
    for name in ("hifigan", "wavenet"):
        config, _ = NETWORKS[name]
        where = ARCHITECTURES[name]
        module = importlib.import_module(where.module)
        network = getattr(module, where.network)(getattr(module, where.config)(**config)).eval()
        vocoder = Vocoder(ModelCard("x", "vocoder", name, {}), network, gpu)
        assert on_gpu(vocoder(torch.zeros(1, 1, config.get("bins", 336), 3)))
