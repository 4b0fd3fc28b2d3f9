"""CUT between tiny sets: patches stay where they were, masks are learned, runs resume."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import InputError, UsageError
from ganedit.nets.patch_contrast import PatchHeads, PatchHeadsConfig, random_places
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.store.load import load
from ganedit.train.losses import patch_contrast
from ganedit.train.options.translators import CUTOptions
from ganedit.train.recipes.cut import inside, start


@pytest.fixture
def options(tmp_path):
    a = draw_pictures(tmp_path / "a", 5, (20, 22), seed=1)
    b = draw_pictures(tmp_path / "b", 3, (24, 20), seed=2)

    def make(**more):
        values = {"kimg": 0.008, "batch": 2, "size": 32, "width": 4, "d_width": 4, "blocks": 2, "patches": 16}
        data = more.pop("data", (str(a), str(b)))
        return CUTOptions(data=data, precision="float32", **{**values, **more})

    return make


@pytest.fixture
def pairs(tmp_path):
    """Dark pictures with a bright square, beside its mask."""
    rng = np.random.default_rng(0)
    (tmp_path / "pairs").mkdir()
    for i in range(6):
        top, left = rng.integers(2, 16, 2)
        mask = np.zeros((32, 32, 3), np.uint8)
        mask[top : top + 14, left : left + 14] = 255
        photo = (rng.integers(0, 60, mask.shape) + mask // 255 * 180).astype(np.uint8)
        Image.fromarray(np.concatenate([photo, mask], axis=1)).save(tmp_path / "pairs" / f"{i}.png")
    return str(tmp_path / "pairs")


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_resume(options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.004, equivariant=True), tmp_path)


def test_resume_with_masks(options, pairs, tmp_path):
    opts = options(snapshot_kimg=0.004, masks=1.0, data=(pairs, options().data[1]))
    assert_resumes(make, opts, tmp_path)


def test_the_mask_is_learned(options, pairs, tmp_path):
    opts = options(kimg=0.12, masks=20.0, lr=0.004, data=(pairs, options().data[1]))
    recipe = trained(make, opts, tmp_path)
    photo, mask = recipe.a.centres(range(6), 32)
    with torch.no_grad():
        found = recipe.g.trace(photo).mask.sigmoid()
    wanted = (mask[:, :1] + 1) / 2
    assert float((found - wanted).abs().mean()) < 0.15
    model = load(tmp_path / "model", device="cpu")
    assert model.network.cfg.attention
    outside = (model(photo) - photo).abs().mean(dim=1, keepdim=True)[found < 0.05]
    assert float(outside.max()) < 0.11


def test_patches_stay_in_place(options, tmp_path):
    opts = options(kimg=0.08, lr=0.004, contrast=10.0, identity=0.0, gan_weight=0.0)
    recipe = make(opts)
    piece = recipe.a.centres([0], 32)[0]
    before = in_place(recipe, piece)
    recipe = trained(make, opts, tmp_path)
    assert in_place(recipe, piece) < before * 0.75
    assert recipe.samples().shape == (3, 4 * 32, 3 * 32)


@torch.no_grad()
def in_place(recipe, piece):
    return float(recipe._contrast(recipe.g.encode(recipe.g(piece)), recipe.g.encode(piece)))


def test_contrast_by_hand():
    """Two orthogonal patches: the right one has likeness 1, the wrong one 0, divided by the temperature."""
    same = torch.eye(2)[None]
    assert float(patch_contrast([same], [same], 1.0)) == pytest.approx(math.log(1 + math.exp(-1)))
    assert float(patch_contrast([same], [same.flip(1)], 1.0)) == pytest.approx(math.log(1 + math.e))
    alike = torch.ones(1, 5, 1)
    assert float(patch_contrast([alike], [alike])) == pytest.approx(math.log(5))


def test_projections_are_of_the_chosen_patches():
    torch.manual_seed(0)
    heads = PatchHeads(PatchHeadsConfig((3, 5), width=8))
    features = [torch.randn(2, 3, 4, 6), torch.randn(2, 5, 2, 3)]
    places = random_places(features, 7)
    assert [len(set(one.tolist())) for one in places] == [7, 6]
    first, second = heads(features, places)
    assert (first.shape, second.shape) == ((2, 7, 8), (2, 6, 8))
    torch.testing.assert_close(first.norm(dim=2), torch.ones(2, 7))
    row, column = divmod(int(places[0][2]), 6)
    alone = heads.heads[0](features[0][1, :, row, column])
    torch.testing.assert_close(first[1, 2], alone / alone.norm())


@pytest.mark.parametrize("attention", [False, True])
def test_a_trace_is_the_same_picture(attention):
    torch.manual_seed(0)
    network = ResNetGenerator(ResNetConfig(width=4, blocks=3, attention=attention))
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    trace = network.trace(x)
    torch.testing.assert_close(trace.image, network(x))
    assert (trace.mask is not None) == attention
    assert [tuple(one.shape[1:]) for one in trace.features] == [(3, 16, 16), (8, 8, 8), *[(16, 4, 4)] * 4]
    for ours, alone in zip(trace.features, network.encode(x), strict=True):
        torch.testing.assert_close(ours, alone)


def test_discriminators_see_only_what_is_inside():
    image, mask = torch.ones(1, 3, 4, 4), torch.full((1, 1, 4, 4), -100.0)
    mask[..., :2] = 100
    seen = inside(image, mask)
    assert float(seen[..., :2].min()) == pytest.approx(1)
    assert float(seen[..., 2:].abs().max()) == pytest.approx(0, abs=1e-6)
    assert inside(image, None) is image


def test_what_it_cannot_do(options, tmp_path):
    with pytest.raises(UsageError, match="needs targets"):
        options(perceptual="efficientnet-lite0")
    with pytest.raises(UsageError, match="patches=1"):
        options(patches=1)
    (tmp_path / "odd").mkdir()
    Image.new("RGB", (33, 20)).save(tmp_path / "odd" / "0.png")
    with pytest.raises(InputError):  # it is no image beside its mask
        make(options(masks=1.0, data=(str(tmp_path / "odd"), options().data[1])))
