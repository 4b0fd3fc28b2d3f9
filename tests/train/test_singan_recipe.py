"""SinGAN of tiny photos: scales follow each other, runs resume within one, and patches are learned."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import InputError, UsageError
from ganedit.store.load import load
from ganedit.train.losses import local_gradient_penalty
from ganedit.train.options.singan import SinGANOptions
from ganedit.train.recipes.singan import scale_sizes, start


@pytest.fixture
def options(tmp_path):
    photo = draw_pictures(tmp_path / "photo", 1, (24, 18)) / "0.png"

    def make(**more):
        values = {"kimg": 0.012, "smallest": 9, "scales": 3, "width": 4, "layers": 3, "crop": 12}
        values |= {"d_steps": 1, "g_steps": 2, "data": (str(photo),), "precision": "float32"}
        return SinGANOptions(**{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


@pytest.mark.parametrize("concurrent", [1, 2])
@pytest.mark.parametrize("kimg", [0.012, 0.016])  # the cut is where a scale begins, and within one
def test_resume(options, tmp_path, concurrent, kimg):
    opts = options(kimg=kimg, snapshot_kimg=kimg / 2, concurrent=concurrent, scales=4)
    assert_resumes(make, opts, tmp_path)


def test_scales_learn_one_by_one(options):
    """Only the networks of the current scale change, and of those that learn with it."""
    for concurrent, learning in ((1, [2]), (2, [1, 2])):
        recipe = make(options(concurrent=concurrent))
        recipe._begin(0), recipe._begin(1), recipe._begin(2)
        before = {key: value.clone() for key, value in recipe.g.state_dict().items()}
        run_step(recipe, at=0.9)
        changed = {int(key.split(".")[1]) for key in differing(recipe.g, before) if key.startswith("scales")}
        assert sorted(changed) == learning


def differing(network, before):
    return [key for key, value in network.state_dict().items() if not torch.equal(value, before[key])]


def run_step(recipe, at):
    from ganedit.train.run import Run, start_fabric

    run = Run(start_fabric("cpu", 1), recipe.options)
    run.step = round(at * recipe.options.kimg * 1000)
    torch.manual_seed(0)
    return recipe.step(run)


def test_a_scale_begins_where_the_one_before_ended(options):
    recipe = make(options())
    recipe._begin(0)
    recipe._begin(1)
    for network in (recipe.g, recipe.d):
        first, second = (one.state_dict() for one in network.scales[:2])
        assert all(torch.equal(value, second[key]) for key, value in first.items())
    coarse = recipe._again(1)
    enlarged = torch.nn.functional.interpolate(coarse, recipe.sizes[1], mode="bicubic")
    error = (enlarged - recipe.photos[1]).square().mean().sqrt()
    assert float(recipe.g.gains[1]) == pytest.approx(0.1 * float(error), rel=1e-5)
    assert float(recipe.g.gains[0]) == 1


def test_the_photo_is_learned(options, tmp_path):
    """Of two photos, each is drawn again from its own noise; an exported model draws the same."""
    data = str(draw_pictures(tmp_path / "two", 2, (24, 18), seed=3))
    opts = options(kimg=0.3, width=12, data=(data,), lr=2e-3, batch=2, crop=0)
    recipe = trained(make, opts, tmp_path / "run")
    again = recipe._again(3)
    for i in range(2):
        errors = [float((again[i] - photo).abs().mean()) for photo in recipe.photos[-1]]
        assert errors[i] < 0.25
        assert errors[i] < errors[1 - i] / 1.5
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.scales, model.size) == (3, (18, 24))
    for i in range(2):
        torch.testing.assert_close(model(model.fixed(image=i))[0], again[i], atol=0.02, rtol=0)
    assert recipe.samples().shape == (3, 18, 6 * 24)


def test_an_unfinished_run_leaves_a_smaller_model(options, tmp_path):
    with pytest.MonkeyPatch.context() as patched:
        recipe = make(options())
        patched.setattr(recipe, "scale", 1)
        recipe.export(tmp_path / "model", 8)
    model = load(tmp_path / "model", device="cpu")
    assert (model.scales, model.size) == (2, recipe.sizes[1])


@pytest.mark.parametrize("more", [{"norm": "instance"}, {"border": "noise"}, {"batch": 2, "accumulate": 2}])
def test_other_options(options, tmp_path, more):
    recipe = trained(make, options(**{"kimg": 0.006, **more}), tmp_path)
    assert all(bool(torch.isfinite(value).all()) for value in recipe.g.state_dict().values())
    assert load(tmp_path / "model", device="cpu").scales == 3


def test_scales_by_factor():
    """250x188 with 3/4: eight scales from 33x25, as in the published code."""
    sizes = scale_sizes(188, 250, SinGANOptions(data=("x",)))
    assert (len(sizes), sizes[0], sizes[-1]) == (9, (25, 33), (188, 250))
    steps = [b[1] / a[1] for a, b in pairwise(sizes)]
    assert max(steps) < 1 / 0.75 + 0.03
    assert scale_sizes(25, 30, SinGANOptions(data=("x",))) == [(25, 30)]


def test_scales_by_number():
    """ConSinGAN's formula for six: exponents log(5), log(4), ... of a fifth of the logarithm."""
    sizes = scale_sizes(250, 250, SinGANOptions(data=("x",), scales=6))
    powers = [4 / math.log(5) * math.log(5 - n) + 1 for n in range(5)] + [0]
    assert sizes == [(round(250 * 0.1 ** (p / 5)),) * 2 for p in powers]
    assert (sizes[0], sizes[-1]) == ((25, 25), (250, 250))


def test_penalty_by_hand():
    """The sum of 3x3 patches, 2 times each pixel: slopes of 2·√3 inside, so (2·√3·9 - 1)² there."""
    network = torch.nn.Conv2d(3, 1, 3)
    torch.nn.init.constant_(network.weight, 2.0)
    image = torch.zeros(1, 3, 3, 3)  # a single patch, so that each pixel is seen once
    found = local_gradient_penalty(network, image, image)
    assert float(found.detach()) == pytest.approx((2 * math.sqrt(3) - 1) ** 2, rel=1e-5)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"smallest": 6}, "leaves no room for patches of 7 pixels"),
        ({"crop": 8}, "`crop=8` must be at least `smallest=9`"),
        ({"factor": 1.0}, "must be between 0 and 1, and neither"),
        ({"size": 8}, "`size=8` must be at least `smallest=9`"),
        ({"layers": 1}, "at least 2"),
        ({"norm": "instance", "concurrent": 2}, "without `norm=instance`"),
    ],
)
def test_bad_options(options, more, words):
    with pytest.raises(UsageError, match=words):
        make(options(**more))


def test_bad_photos(options, tmp_path):
    with pytest.raises(InputError, match="24x18 pixels is too small: the coarsest scale has 20"):
        make(options(smallest=20, crop=0))
    other = draw_pictures(tmp_path / "other", 1, (20, 18)) / "0.png"
    with pytest.raises(InputError, match=r"differ in size: .* has 24x18 pixels, .* 20x18"):
        make(options(data=(*options().data, str(other))))
    with pytest.raises(InputError, match="does not exist"):
        make(options(data=(str(tmp_path / "none.png"),)))
