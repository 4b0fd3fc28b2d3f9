"""Every recipe, loss and augmentation runs on a GPU, a pretended one (see `pretended_gpu.py`)."""

from __future__ import annotations

import csv
import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gpu_cases import Near, assert_nothing_left_out, functions_reached, noise
from PIL import Image
from recipes import draw_pictures
from sounds import save_tones

from ganedit.data.sounds import load_sounds
from ganedit.data.variation import vary
from ganedit.metrics import zero_shot
from ganedit.nets.wavenet import WaveNet
from ganedit.train import sound_sources
from ganedit.train.augment import AdaController, AdaPipeline
from ganedit.train.checkpoints import load_checkpoint
from ganedit.train.colours import join_lightness, split_lightness
from ganedit.train.diffaugment import diff_augment
from ganedit.train.ema import update_ema
from ganedit.train.loop import train
from ganedit.train.losses import (
    feature_distance,
    gan_d_loss,
    gan_g_loss,
    gradient_penalty,
    hinge_d_loss,
    hinge_g_loss,
    local_gradient_penalty,
    orthogonality,
    out_of_range,
    over_scales,
    path_lengths,
    r1_penalty,
    style_divergence,
)
from ganedit.train.options.recipes import RECIPES
from ganedit.train.recipes import vocoder
from ganedit.train.run import Run
from ganedit.train.translation import History

PICTURES = {"batch": 2, "size": 16, "width": 4, "d_width": 4}
FEATURES = {"feature_discriminator": "efficientnet-lite0"}
GAN = {"resolution": 16, "width": 4, "z_dim": 4}
GROWING = {"resolution": 16, "channel_base": 64, "channel_max": 8, "z_dim": 4, "kimg": 0.004, "batch": 2}
SOUNDS = {"batch": 2, "width": 8, "frames": 32}
RTOL = {"unit": 0.02}  # PyTorch 2.6 lays its codes out in another order, which random numbers then follow


@dataclass(frozen=True)
class Material:
    """The training data of all recipes, in one folder."""

    folder: Path
    models: Path
    clip: Path

    def __getattr__(self, name: str) -> str:
        return str(self.folder / name)


MEASURED = {"measure": "fid", "measure_samples": 4, "measure_features": "efficientnet-lite0"}
CASES = {
    # name of the case, which begins with the recipe's: its options
    "stylegan2": lambda m: {
        "data": (m.faces,), "label": "gender", **FEATURES, "path_every": 1,
        "r1_every": 1, "resolution": 32, "channel_base": 128, "channel_max": 8, "z_dim": 6, "w_dim": 6,
        "mapping_layers": 1,
    },
    "stylegan2+start": lambda m: {
        "data": (m.faces,), "start": str(m.models / "faces"), "freeze_d": 1, "resolution": 32, "ada_every": 1,
        "channel_base": 256, "channel_max": 16, "z_dim": 8, "w_dim": 8, "mapping_layers": 2,
    },
    "stylegan3": lambda m: {
        "data": (m.faces,), "variant": "r", "blur_kimg": 0.003, "r1_every": 1, "ada_every": 1,
        "resolution": 16, "channel_base": 64, "channel_max": 4, "z_dim": 6, "w_dim": 6, "layers": 4,
    },
    "gan": lambda m: {
        "data": ("ring8",), "network": "mlp", "width": 8, "z_dim": 4, "minibatch_discrimination": True,
        "loss": "minimax",
    },
    "gan+wgan-gp": lambda m: {
        "data": (m.faces,), "label": "gender", "loss": "wasserstein", "penalty": "gp", "condition": "cbn",
        **GAN,
    },
    "gan+wgan": lambda m: {"data": (m.faces,), "loss": "wasserstein", "penalty": "clip", **GAN},
    "gan+began": lambda m: {"data": (m.faces,), "loss": "began", **GAN, **MEASURED},
    "gan+acgan": lambda m: {
        "data": (m.faces,), "label": "gender", "network": "resnet", "loss": "least-squares",
        "condition": "acgan", "penalty": "r1", "minibatch_stddev": True,
        "diffaugment": "color,translation,cutout", **GAN,
    },
    "gan+biggan": lambda m: {
        "data": (m.faces,), "label": "gender", "network": "biggan", "loss": "hinge",
        "condition": "projection", "spectral_norm": "both", "ortho": 1e-4, **GAN, "width": 8,
    },
    "gan+fastgan": lambda m: {
        "data": (m.faces,), "network": "fastgan", "loss": "hinge", "spectral_norm": "both",
        "diffaugment": "color,translation", **GAN,
    },
    "progan": lambda m: {"data": (m.faces,), "phase_kimg": 0.002, **GROWING},
    "stylegan1": lambda m: {
        "data": (m.faces,), "phase_kimg": 0.002, "w_dim": 6, "mapping_layers": 2, **GROWING, "first_size": 4,
    },
    "encoder": lambda m: {"data": (m.faces,), "model": str(m.models / "faces"), "batch": 4},
    "clip": lambda m: {"data": (m.faces,), "width": 4, "embed": 8, "batch": 4, "test_share": 0.3},
    "clip-mapper": lambda m: {
        "model": str(m.models / "faces"), "clip": str(m.clip), "text": "an old man", "batch": 2,
        "identity": 0.0,
    },
    "voynov": lambda m: {"model": str(m.models / "faces"), "count": 3, "widths": "8,8", "batch": 2},
    "classifier": lambda m: {
        "data": (m.faces,), "attributes": "gender,age", "widths": "4,4,8,8", "batch": 4, "template": "",
    },
    **{
        f"adapt+{method}": lambda m, method=method: {
            "data": (m.faces, m.faces), "label": "gender", "method": method, "size": 16, "width": 2,
            "batch": 2, "kimg": 0.005,  # two steps, and another one: each part of cycada
        }
        for method in ("confusion", "dann", "adda", "cycada")
    },
    "pix2pix": lambda m: {"data": (m.a, m.b), "patch": 16, **PICTURES},
    "pix2pix+colours": lambda m: {"data": (m.a,), "patch": 16, "colorization": True, **PICTURES},
    "cyclegan": lambda m: {"data": (m.a, m.b), "blocks": 1, "attention": 0.1, **PICTURES, "size": 32},
    "cut": lambda m: {
        "data": (m.pairs, m.b), "blocks": 2, "masks": 1.0, "equivariant": True, "patches": 8, **PICTURES,
        "size": 32,
    },
    "unit": lambda m: {"data": (m.a, m.b), "blocks": 1, "scales": 2, **PICTURES},
    "pix2pixhd": lambda m: {
        "data": (m.maps, m.a), "labels": "red,blue", "downs": 1, "blocks": 1, "local": 1, "local_blocks": 1,
        "scales": 2, **PICTURES,
    },
    "spade": lambda m: {
        "data": (m.maps, m.a), "labels": "red,blue", "edges": True, "l1": 1.0, "encoder": True, "hidden": 4,
        "encoder_width": 4, "style_dim": 6, **PICTURES, "size": 32,
    },
    "srgan": lambda m: {
        "data": (m.a,), "scale": 2, "blocks": 1, "adversarial": True, "batch": 2, "size": 16, "width": 4,
    },
    "inpaint": lambda m: {
        "data": (m.a,), "test": m.b, "perceptual": "efficientnet-lite0", **FEATURES, **PICTURES, "size": 32,
    },
    "stargan": lambda m: {
        "data": (m.faces,), "labels": "young=age<25,male=gender=male", "blocks": 1, "critic": 1, **PICTURES,
    },
    "singan": lambda m: {
        "data": (m.a,), "smallest": 9, "crop": 12, "scales": 3, "width": 4, "layers": 3, "d_steps": 1,
        "g_steps": 1, "kimg": 0.006, "border": "noise",
    },
    "timbre": lambda m: {"data": (m.dull, m.bright), "d_width": 2, "blocks": 1, **SOUNDS, "width": 2},
    "vocoder": lambda m: {"data": (m.dull,), "test": m.bright, "d_from": 0.0, "d_width": 2, **SOUNDS},
    "wavenet": lambda m: {"data": (m.dull,), "test": m.bright, "cycles": 1, "layers": 2, **SOUNDS},
}  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory, tiny_models, tiny_clip):
    folder = tmp_path_factory.mktemp("material")
    faces = draw_pictures(folder / "faces", 10, (32, 32))
    with open(faces / "labels.csv", "w", newline="") as stream:
        rows = [(f"{i}.png", 20 + i, "male" if i % 2 else "female") for i in range(10)]
        csv.writer(stream).writerows([("file", "age", "gender"), *rows])
    draw_pictures(folder / "a", 3, (36, 36), seed=1)
    draw_pictures(folder / "b", 3, (36, 36), seed=2)
    draw_pictures(folder / "pairs", 3, (72, 36), seed=3)
    (folder / "maps").mkdir()
    for i in range(3):
        labels = np.kron(np.random.default_rng(i).integers(0, 2, (6, 6)), np.ones((6, 6)))
        Image.fromarray(labels.astype(np.uint8)).save(folder / f"maps/{i}.png")
    save_tones(folder / "dull", [440, 660], 0.6, harmonics=[1, 0.1])
    save_tones(folder / "bright", [550], 0.6, harmonics=[1, 0.9, 0.8, 0.7])
    return Material(folder, tiny_models, tiny_clip)


@pytest.fixture(scope="module", autouse=True)
def _quickly():
    """Shorten what takes long and is tested elsewhere: CLIP's texts, sound transforms, and playing sounds."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(zero_shot, "AGES", range(20, 30))
        patched.setattr(zero_shot, "TEMPLATES", zero_shot.TEMPLATES[:1])
        patched.setattr(
            WaveNet, "generate", lambda self, x, seed: x.new_zeros(len(x), x.shape[3] * self.cfg.hop)
        )
        for module in (sound_sources, vocoder):
            patched.setattr(module, "load_sounds", cache(load_sounds))
        patched.setattr(vocoder, "TEST_FRAMES", 32)
        yield


@cache
def case_of(name, material):
    """A step of the training loop with all that it writes, and another one after the checkpoint is read."""
    recipe_name = name.partition("+")[0]
    module = importlib.import_module("ganedit.train.recipes." + recipe_name.replace("-", "_"))
    given = CASES[name](material)
    batch = given.setdefault("batch", 2)
    options = RECIPES[recipe_name](**{"kimg": batch / 1000, "precision": "float32", **given})

    def case(device):
        recipe = module.start(options, device, lambda text: None)
        for optimizer in recipe.optimizers.values():
            for group in optimizer.param_groups:
                group["foreach"] = True  # the default on real GPUs
        fabric = SimpleNamespace(
            device=device, is_global_zero=True, global_rank=0, world_size=1, all_reduce=lambda x, reduce_op: x
        )
        run, seen, step = Run(fabric, options), [], recipe.step
        recipe.step = lambda run: seen.append(step(run)) or seen[-1]
        out = material.folder / "runs" / f"{name}-{device.type}"
        train(recipe, run, out)
        load_checkpoint(recipe, run, out)
        seen.append(step(run))
        states = [network.state_dict() for network in recipe.networks.values()]
        slots = [slot for optimizer in recipe.optimizers.values() for slot in optimizer.state.values()]
        moments = [{key: value for key, value in slot.items() if key != "step"} for slot in slots]
        return Near(seen[0], RTOL.get(name, 1e-4)), Near((seen, states, moments))

    return case


# ---- losses and augmentations by themselves ----


def losses(device):
    real, fake = noise(device, 4, 3, 8, 8).requires_grad_(), noise(device, 4, 3, 8, 9)[..., :8]
    discriminator = torch.nn.Conv2d(3, 2, 3, stride=2).to(device)
    on_real, on_fake = discriminator(real), discriminator(fake)
    each = [gan_d_loss(kind, on_real, on_fake) for kind in ("vanilla", "lsgan")]
    each += [gan_g_loss(kind, on_fake) for kind in ("vanilla", "lsgan")]
    each += [hinge_d_loss([on_real], [on_fake]), hinge_g_loss([on_fake]), out_of_range(real)]
    each += [orthogonality(discriminator)]
    each += [feature_distance([on_fake], [on_real]), over_scales(hinge_g_loss, [on_fake])]
    each += [r1_penalty(on_real, real), gradient_penalty(discriminator, real, fake)]
    each += [local_gradient_penalty(discriminator, real, fake)]
    slopes = torch.autograd.grad(torch.stack(each).sum(), list(discriminator.parameters()))
    ws = noise(device, 2, 4, 5).requires_grad_()
    lengths = path_lengths(ws.square().view(2, 1, 4, 5).expand(-1, 3, -1, -1), ws)
    return each, list(slopes), lengths, style_divergence(noise(device, 2, 3), noise(device, 2, 3))


def augmentations(device):
    images = noise(device, 2, 3, 16, 16).requires_grad_()
    strong, controller = AdaPipeline(1.0), AdaController(0.6, 1.0, every=2)
    given = [strong(images), strong(images, torch.Generator().manual_seed(0))]
    given.append(diff_augment(images, ("color", "translation", "cutout")))
    first = torch.autograd.grad(sum(x.square().sum() for x in given), images, create_graph=True)[0]
    second = torch.autograd.grad(first.square().sum(), images)[0]
    shares = [controller.step(images.mean(dim=(1, 2, 3)), 10) for _ in range(4)]
    restored = AdaController(0.6, 1.0, every=2)
    restored.load_state_dict(controller.state_dict())
    return given, first, second, shares, vary(images.detach()[:, :1])


def averages(device):
    network, average = torch.nn.BatchNorm2d(3).to(device), torch.nn.BatchNorm2d(3).to(device)
    network.train()(noise(device, 4, 3, 5, 5))
    update_ema(average, network, 0.5)
    shown = History(2, 3, 4).to(device)
    pictures = [shown(noise(device, 3, 3, 4, 4)) for _ in range(2)]
    return (
        list(average.state_dict().values()),
        pictures,
        join_lightness(*split_lightness(noise(device, 1, 3, 4, 4))),
    )


PARTS = [losses, augmentations, averages]


@pytest.mark.parametrize("name", CASES)
def test_recipe(name, material):
    functions_reached(case_of(name, material))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_part(part):
    functions_reached(part)


def test_nothing_is_left_out(material):
    assert {name.partition("+")[0] for name in CASES} == RECIPES.keys()
    cases = [*PARTS, *(case_of(name, material) for name in CASES)]
    assert_nothing_left_out(cases, "ganedit.train", "ganedit.data")
