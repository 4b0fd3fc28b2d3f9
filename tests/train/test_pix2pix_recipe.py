"""pix2pix on tiny pairs: it learns, resumes exactly, and what it exports translates or colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.store.load import load
from ganedit.train.colours import join_lightness, split_lightness
from ganedit.train.options.translators import Pix2pixOptions
from ganedit.train.recipes.pix2pix import start


@pytest.fixture
def pairs(tmp_path):
    """Pictures and their negatives."""
    folder = draw_pictures(tmp_path / "a", 6, (20, 20))
    (tmp_path / "b").mkdir()
    for path in folder.iterdir():
        ImageOps.invert(Image.open(path)).save(tmp_path / "b" / path.name)
    return (str(folder), str(tmp_path / "b"))


@pytest.fixture
def options(pairs):
    def make(**more):
        values = {
            "data": pairs,
            "kimg": 0.016,
            "batch": 4,
            "size": 16,
            "width": 4,
            "d_width": 4,
            "patch": 16,
        }
        return Pix2pixOptions(precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_resume(options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.008), tmp_path)


@pytest.mark.parametrize(
    "more", [{}, {"gan_weight": 0.0}, {"unconditional": True, "gan": "lsgan", "patch": 1}]
)
def test_it_learns(options, tmp_path, more):
    reports = []
    opts = options(kimg=0.4, lr=0.003, sample_kimg=0.04, **more)
    recipe = trained(make, opts, tmp_path, reports=reports)
    assert reports[-1].stats["g/l1"] < reports[0].stats["g/l1"] / 2
    assert ("d" in recipe.networks) == (opts.gan_weight > 0)
    assert recipe.samples().shape == (3, 3 * 16, 6 * 16)


@pytest.mark.parametrize(("patch", "field"), [(1, 1), (16, 16), (70, 70), (286, 286)])
def test_the_discriminator_judges_the_patch_asked_for(options, patch, field):
    recipe = make(options(patch=patch, size=128))
    assert recipe.d.cfg.receptive_field == field
    assert recipe.d.cfg.in_channels == 6


def test_direction(options):
    layers = [torch.zeros(1), torch.ones(1)]
    assert make(options())._ends(layers) == (layers[0], layers[1])
    assert make(options(direction="BtoA"))._ends(layers) == (layers[1], layers[0])


def test_the_export_is_a_translator(options, tmp_path):
    recipe = trained(make, options(name="negative", input="edges"), tmp_path / "run")
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.card.task, model.name, model.card.resolution) == ("translator", "negative", 16)
    assert model.network.cfg.downs == 4
    assert model.card.details == {"input": "edges"}
    x = torch.rand(2, 3, 16, 32) * 2 - 1
    recipe.g.eval()
    with torch.no_grad():
        torch.testing.assert_close(model(x), recipe.g(x), atol=0.02, rtol=0)  # float16
    assert model(torch.zeros(1, 3, 21, 35)).shape == (1, 3, 21, 35)


def test_it_goes_on_from_a_model(options, tmp_path):
    first = trained(make, options(gan_weight=0.0), tmp_path / "run")
    second = make(options(start=str(tmp_path / "run/model")))
    weights = first.g.down[0].conv.weight, second.g.down[0].conv.weight
    torch.testing.assert_close(*weights, atol=1e-3, rtol=1e-3)
    with pytest.raises(CheckpointError, match="not a UNetGenerator of this size"):
        make(options(start=str(tmp_path / "run/model"), width=8))


def test_colorization(options, pairs, tmp_path):
    recipe = trained(make, options(data=pairs[:1], colorization=True, batch=2), tmp_path / "run")
    assert recipe.samples().shape == (3, 3 * 16, 6 * 16)
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.in_channels, model.card.details["use"]) == (1, "colorize")
    assert model(torch.zeros(1, 1, 30, 20)).shape == (1, 2, 30, 20)


def test_lightness_and_colours_are_those_of_opencv():
    images = torch.rand(2, 3, 6, 5) * 2 - 1
    lightness, colours = split_lightness(images)
    torch.testing.assert_close(
        join_lightness(lightness, colours), images, atol=8e-3, rtol=0
    )  # OpenCV rounds by tables
    white, colourless = split_lightness(torch.ones(1, 3, 4, 4))
    assert float((white - 1).abs().max()) < 1e-3
    assert float(colourless.abs().max()) < 1e-3
    red = torch.tensor([1.0, -1, -1]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    lab = [
        float(x) * k + o
        for x, k, o in zip(
            (split_lightness(red)[0][0, 0, 0, 0], *split_lightness(red)[1][0, :, 0, 0]),
            (50, 110, 110),
            (50, 0, 0),
        )
    ]
    assert np.allclose(lab, (53.24, 80.09, 67.20), atol=0.1)  # sRGB's red in CIE Lab


def test_what_is_refused(options, tmp_path):
    for wrong in (
        {"patch": 5},
        {"size": 24},
        {"gan_weight": 0.0, "l1": 0.0},
        {"input": "edges", "colorization": True},
        {"residual": True, "colorization": True},
        {"decay": 2.0},
        {"load_size": 8},
    ):
        with pytest.raises(UsageError):
            options(**wrong)
    with pytest.raises(InputError, match="smaller than the crop of 32"):
        make(options(size=32, keep_size=True))
