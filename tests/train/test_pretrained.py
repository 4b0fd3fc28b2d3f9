"""Losses on pretrained features, in every recipe that draws images: they teach it, and resume exactly."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import UsageError
from ganedit.latent.inversion.perceptual import distance_to, feature_distance
from ganedit.nets.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_generator, save_model
from ganedit.train.options.recipes import RECIPES

LITE = "efficientnet-lite0"
BOTH = {"perceptual": LITE, "feature_discriminator": LITE}
NARROW = {"width": 4, "d_width": 4}
SMALL = {
    "pix2pix": {**NARROW, "patch": 16},
    "pix2pixhd": {**NARROW, "labels": "0", "downs": 1, "blocks": 1, "scales": 1, "edges": False},
    "spade": {**NARROW, "labels": "2", "hidden": 4},
    "cyclegan": {**NARROW, "blocks": 1, "history": 2},
    "cut": {**NARROW, "blocks": 1, "patches": 8},
    "unit": {**NARROW, "blocks": 1, "scales": 1},
    "inpaint": NARROW,
    "srgan": {"width": 4, "blocks": 1, "scale": 2},
    "stargan": {**NARROW, "blocks": 1, "labels": "red=kind=red", "critic": 1},
    "encoder": {},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Images of two kinds and their negatives, maps of two labels, and a generator."""
    root = tmp_path_factory.mktemp("data")
    images = draw_pictures(root / "images", 6, (36, 36))
    names = sorted(path.name for path in images.iterdir())
    for name in ("negatives", "maps"):
        (root / name).mkdir()
    for path in images.iterdir():
        image = Image.open(path)
        ImageOps.invert(image).save(root / "negatives" / path.name)
        Image.fromarray((np.asarray(image)[..., 0] > 128).astype(np.uint8)).save(root / "maps" / path.name)
    rows = [f"{name},{'red' if i % 2 else 'blue'}" for i, name in enumerate(names)]
    (images / "labels.csv").write_text("\n".join(["file,kind", *rows]))
    widths = (8, 8, 8, 8)
    torch.manual_seed(0)
    g = GeneratorConfig(32, widths, z_dim=6, w_dim=6, num_classes=0, mapping_layers=1)
    d = DiscriminatorConfig(32, widths)
    card = ModelCard(
        name="toy", task="generator", architecture="stylegan2", config=g.to_dict(), resolution=32
    )
    discriminator = (d.to_dict(), Discriminator(d).state_dict())
    save_model(root / "toy", card, Generator(g).state_dict(), discriminator=discriminator)
    return root


@pytest.fixture
def options(folders):
    def make(recipe: str, **more):
        kind = RECIPES[recipe]
        first = "maps" if recipe == "spade" else "images"
        paired = recipe not in ("inpaint", "srgan", "stargan", "encoder")
        second = "images" if recipe == "spade" else "negatives"
        data = [first, second] if paired else [first]
        values = {"kimg": 0.008, "batch": 2, "data": tuple(str(folders / x) for x in data), **SMALL[recipe]}
        values |= {"model": str(folders / "toy")} if recipe == "encoder" else {"size": 32}
        return kind(precision="float32", **{**values, **more})

    return make


def starter(recipe: str):
    module = importlib.import_module(f"ganedit.train.recipes.{recipe}")
    return lambda opts: module.start(opts, CPU, lambda text: None)


@pytest.mark.parametrize("recipe", ["srgan", "cyclegan", "stargan", "encoder"])
def test_resume_with_them(options, tmp_path, recipe):
    assert_resumes(starter(recipe), options(recipe, **BOTH, snapshot_kimg=0.004), tmp_path)


@pytest.mark.parametrize("recipe", SMALL)
def test_the_generator_learns_from_both(options, tmp_path, recipe):
    """Without their weights the generator of the first steps is another."""
    reports = []
    make = starter(recipe)
    asked = {"feature_discriminator": LITE} if recipe == "cut" else BOTH  # it has no targets
    more = {"kimg": 0.004, "sample_kimg": 0.002, **asked}
    with_both = trained(make, options(recipe, **more), tmp_path / "a", reports=reports)
    unweighted = options(recipe, **more, perceptual_weight=0.0, feature_gan_weight=0.0)
    without = trained(make, unweighted, tmp_path / "b")
    stats = reports[-1].stats
    assert {name.removeprefix("g/") for name in stats} >= {"feature_gan", "features/loss"} | (
        {"perceptual"} & {*asked}
    )
    name = next(iter(with_both.networks))
    ours, theirs = (x.networks[name].state_dict() for x in (with_both, without))
    assert any(not torch.equal(value, theirs[key]) for key, value in ours.items())
    heads = [name for name in with_both.networks if name.startswith("features")]
    assert heads == (["features_a", "features_b"] if recipe in ("cyclegan", "unit") else ["features"])


def test_the_perceptual_loss_alone_teaches(options, tmp_path):
    reports = []
    opts = options(
        "pix2pix", kimg=0.1, batch=2, lr=0.005, gan_weight=0.0, l1=0.0, perceptual=LITE, sample_kimg=0.02
    )
    trained(starter("pix2pix"), opts, tmp_path, reports=reports)
    losses = [report.stats["g/perceptual"] for report in reports]
    assert losses[-1] < losses[0] * 0.75


def test_colours_are_compared_as_images(options, tmp_path, folders):
    opts = options("pix2pix", **BOTH, colorization=True, kimg=0.004, sample_kimg=0.002)
    opts = RECIPES["pix2pix"](**{**vars(opts), "data": (str(folders / "images"),)})
    reports = []
    trained(starter("pix2pix"), opts, tmp_path, reports=reports)
    assert reports[-1].stats["g/perceptual"] > 0


def test_projection_can_compare_by_them(folders):
    generator = load_generator(folders / "toy", "cpu")
    images = generator.generate(seeds=range(2))
    distance = distance_to(images, generator, "efficientnet-lite1")
    assert distance(images).abs().max() < 1e-5
    assert distance(images.flip(0)).min() > 0.01


def test_distance_of_features_by_hand():
    """Unit vectors at a right angle are 2 apart, opposite ones 4; equal ones of other lengths not at all."""
    target = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    distance = feature_distance(target, lambda x: [x])
    seen = torch.tensor([[0.0, 3.0], [-2.0, 0.0], [5.0, 0.0]]).view(3, 2, 1, 1)
    assert distance(seen).tolist() == pytest.approx([2.0, 4.0, 0.0])


def test_images_need_a_side_that_features_can_halve(options):
    with pytest.raises(UsageError, match="multiple of 32 pixels, not 48"):
        options("inpaint", size=48, feature_discriminator=LITE)
    assert options("inpaint", size=48, perceptual=LITE).size == 48
