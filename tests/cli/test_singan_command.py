"""`ganedit singan` and `ganedit train singan` with a tiny photo: what they write, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.images.io import read_image, read_provenance
from ganedit.images.video import comment_of
from ganedit.nets.singan import SinGAN, SinGANConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model

CPU = ("--device", "cpu", "--dtype", "float32")


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    config = {"heights": (6, 9, 12), "widths": (8, 12, 16), "channels": (4, 4, 4), "layers": 2}
    network = SinGAN(SinGANConfig(**config))
    save_model(tmp_path / "coast", ModelCard("coast", "single-image", "singan", config), network.state_dict())
    return "coast"


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    mask = np.zeros((24, 32, 3), np.uint8)
    mask[2:6, 2:6] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:, :-1]).save(tmp_path / "narrow.png")
    return "photo.png"


def test_train_then_draw(ganedit, photo):
    train = ("train", "singan", *CPU, photo, "-o", "run", "--kimg", 0.004, "--size", 24, "--smallest", 9)
    ran = ganedit(*train, "--layers", 3, "--width", 4, "--crop", 0, "--name", "tiny")
    assert ran.status == 0, ran.err
    assert "scales: 12x9, 15x11, 19x14, 24x18" in ran.err
    ran = ganedit(
        "singan", "random", *CPU, "--model", "run/model", "--size", "40x25", "--count", 2, "--seed", 7
    )
    assert (ran.status, ran.lines) == (0, ["tiny.seed0007.png", "tiny.seed0008.png"]), ran.err
    assert read_image("tiny.seed0007.png").pixels.shape == (25, 40, 3)
    record = read_provenance("tiny.seed0008.png")
    assert (record["command"], record["parameters"]["seed"]) == ("singan random", 8)


def test_photos_in_photos_out(ganedit, model, photo):
    for how, name, size in (
        ("paint", "photo.painted.png", (16, 12)),
        ("edit", "photo.edited.png", (16, 12)),
        ("harmonize", "photo.harmonized.png", (16, 12)),
        ("superres", "photo.x2.png", (64, 48)),
    ):
        more = ("--factor", 2) if how == "superres" else ("--scale", 1)
        ran = ganedit("singan", how, *CPU, photo, "--model", model, *more)
        assert (ran.status, ran.lines) == (0, [name]), ran.err
        assert Image.open(name).size == size
        assert read_provenance(name)["parameters"]["how"] == how


def test_a_mask_keeps_the_rest(ganedit, model, photo):
    for how in ("edit", "harmonize"):
        ran = ganedit("singan", how, *CPU, photo, "--mask", "mask.png", "--model", model, "-o", f"{how}.png")
        assert ran.status == 0, ran.err
        small = np.asarray(Image.open(photo).resize((16, 12), Image.Resampling.LANCZOS))
        assert np.array_equal(read_image(f"{how}.png").pixels[:, 10:], small[:, 10:])
        assert not np.array_equal(read_image(f"{how}.png").pixels[:4, :4], small[:4, :4])


def test_without_a_photo(ganedit, model):
    ran = ganedit("singan", "superres", *CPU, "--model", model, "--factor", 1.5)
    assert (ran.status, ran.lines) == (0, ["coast.x1.5.png"]), ran.err
    assert Image.open("coast.x1.5.png").size == (24, 18)
    ran = ganedit("singan", "animate", *CPU, "--model", model, "--frames", 3, "--alpha", 0.5, "-o", "a.gif")
    assert (ran.status, ran.lines) == (0, ["a.gif"]), ran.err
    assert Image.open("a.gif").n_frames == 3
    assert '"alpha": 0.5' in comment_of("a.gif") or Image.open("a.gif").info["comment"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("random", "--from-scale", 3), 2, "--from-scale 3 does not exist in coast"),
        (("random", "--size", "40"), 2, "--size 40 is not WIDTHxHEIGHT"),
        (("random", "--size", "3x3"), 2, "--size 3x3 is too small for coast"),
        (("random", "--count", 0), 2, "--count 0 must be at least 1"),
        (("random", "--count", 2, "-o", "x.png"), 2, "-o x.png names one file, and there are 2 images"),
        (("superres", "--factor", 1), 2, "--factor 1 must be above 1"),
        (("animate", "--alpha", 2), 2, "--alpha 2 must be between 0 and 1"),
        (("animate", "--fps", 0), 2, "--fps 0.0 must be between 1 and 1000"),
        (("paint", "photo.png", "--scale", 0), 2, "--scale 0 starts from noise alone"),
        (("edit", "photo.png", "--mask", "narrow.png"), 3, "the mask has 31x24 pixels, and the photo 32x24"),
        (("harmonize", "photo.png", "--mask", "none.png"), 3, "none.png"),
    ],
)
def test_what_is_refused(ganedit, model, photo, words, status, said):
    ran = ganedit("singan", *words, *CPU, "--model", model)
    assert (ran.status, ran.lines) == (status, [])
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_other_models_and_commands(ganedit, model, photo):
    ran = ganedit("singan", "random", *CPU, "--model", "upscale-x4")
    assert ran.status == 4
    assert "upscale-x4 is an upscaler" in ran.err
    ran = ganedit("upscale", *CPU, photo, "--model", model)
    assert ran.status == 4
    assert "coast is a model of a single image" in ran.err
    assert "ganedit singan random --model coast" in ran.err
    ran = ganedit("generate", *CPU, "--model", model)
    assert ran.status == 4
    assert "coast is a model of a single image, not a generator" in ran.err


def test_bad_photos_for_training(ganedit, photo):
    Image.new("RGB", (30, 24)).save("other.png")
    ran = ganedit("train", "singan", *CPU, photo, "other.png", "-o", "run")
    assert (ran.status, "the photos differ in size" in ran.err) == (3, True)
    ran = ganedit("train", "singan", *CPU, photo, "-o", "run")
    assert (ran.status, "32x24 pixels is too small: the coarsest scale has 25" in ran.err) == (3, True)
    ran = ganedit("train", "singan", *CPU, "none.png", "-o", "run")
    assert (ran.status, "none.png does not exist" in ran.err) == (3, True)
