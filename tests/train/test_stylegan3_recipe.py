"""StyleGAN3's recipe: what it adds to that of StyleGAN2, exact resume, learning, export."""

from __future__ import annotations

import math

import pytest
import torch
from recipes import CPU, assert_resumes, trained

from ganedit.data.images import ImageSet
from ganedit.errors import UsageError
from ganedit.store.load import load
from ganedit.train.options.generators import StyleGAN3Options
from ganedit.train.recipes.stylegan3 import StyleGAN3, blur_sigma, blurred
from ganedit.train.run import Run, start_fabric

COLOUR = (200, 60, 40)


def options(**more) -> StyleGAN3Options:
    values = {
        "resolution": 16, "channel_base": 64, "channel_max": 4, "z_dim": 6, "w_dim": 8, "layers": 4,
        "batch": 4, "kimg": 0.016, "snapshot_kimg": 0.008, "precision": "float32", "seed": 5, **more,
    }  # fmt: skip
    return StyleGAN3Options(**values)


def pictures(n: int = 24, side: int = 16) -> ImageSet:
    rng = torch.Generator().manual_seed(0)
    colour = torch.tensor(COLOUR, dtype=torch.float32)[None, :, None, None]
    images = (colour + 10 * torch.randn(n, 3, side, side, generator=rng)).clamp(0, 255).round().byte()
    return ImageSet(images, [f"{i}.png" for i in range(n)], None, [], [])


def make(opts: StyleGAN3Options) -> StyleGAN3:
    return StyleGAN3(opts, pictures(), CPU)


def test_r_has_turning_filters_and_twice_the_channels():
    t, r = (make(options(variant=variant)).g.cfg for variant in "tr")
    assert (t.kernel, t.radial, r.kernel, r.radial) == (3, False, 1, True)
    assert r.channels[:-1] == tuple(2 * c for c in t.channels[:-1])


def test_the_magnitude_is_a_mean_over_twenty_thousand_images():
    """After a decay for each forward pass of 20,000 images, half of the old mean is left."""
    cfg = make(options(batch=8, accumulate=2)).g.cfg
    assert cfg.magnitude_decay ** (20_000 / 4) == pytest.approx(0.5)


def test_only_training_moves_the_magnitude_and_the_average_copies_it():
    opts = options()
    recipe, run = make(opts), Run(start_fabric("cpu", 1), opts)
    layers = recipe.g.synthesis.layers
    before = [float(layer.magnitude_ema) for layer in layers]
    recipe.samples()
    assert [float(layer.magnitude_ema) for layer in layers] == before
    recipe.step(run)
    after = [float(layer.magnitude_ema) for layer in layers]
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert [float(layer.magnitude_ema) for layer in recipe.g_ema.synthesis.layers] == after


def test_the_blur_falls_to_nothing():
    assert [blur_sigma(images, 200.0) for images in (0, 50_000, 200_000, 10**6)] == [10, 7.5, 0, 0]
    assert blur_sigma(0, 0.0) == 0


def test_a_point_becomes_a_bell():
    """2^-(x/2)² at the distances 0 to 6, over its sum, in both directions."""
    point = torch.zeros(1, 1, 17, 17)
    point[0, 0, 8, 8] = 1
    bell = [2 ** -((x / 2) ** 2) for x in range(-6, 7)]
    got = blurred(point, 2.0)[0, 0]
    row = got[8] / got[8].sum()
    assert row.tolist() == pytest.approx([0, 0, *(one / sum(bell) for one in bell), 0, 0], abs=1e-6)
    torch.testing.assert_close(got, torch.outer(row, row))
    assert torch.equal(blurred(point, 0.3), point)
    assert math.isclose(float(got.sum()), 1, rel_tol=1e-5)


@pytest.mark.parametrize(("variant", "differs"), [("t", False), ("r", True)])
def test_r_begins_with_blurred_images(variant, differs):
    recipe = make(options(variant=variant, augment="none"))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(recipe.seen(images), images) != differs
    recipe.images_seen = 200_000
    assert torch.equal(recipe.seen(images), images)


@pytest.mark.parametrize("variant", ["t", "r"])
def test_half_and_resume_is_the_whole_bit_for_bit(tmp_path, variant):
    more = {"ada_target": -1.0, "ada_kimg": 0.1, "ada_every": 1, "r1_every": 2, "blur_kimg": 0.012}
    assert_resumes(make, options(variant=variant, accumulate=2, **more), tmp_path)


def test_every_parameter_learns():
    opts = options(style_mixing=1.0)
    recipe, run = make(opts), Run(start_fabric("cpu", 1), opts)
    for _ in range(2):  # the pose of the input has a weight of 0, which hides the layers before it at first
        recipe.step(run)
    recipe.optimizers["g"].zero_grad()
    sum(recipe._g_losses(run, [])).backward()
    silent = [name for name, p in recipe.g.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


def test_the_sheet_shows_the_seeds_that_users_draw(tmp_path):
    recipe = trained(make, options(), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert model.has_transform
    assert model.has_discriminator
    wanted = model.generate(seeds=range(3), psi=0.7)
    torch.testing.assert_close(recipe.samples()[:, :16, :48], torch.cat(list(wanted), 2), atol=0.02, rtol=0)


def test_the_generator_learns_its_colour(tmp_path):
    opts = options(kimg=0.6, batch=8, lr=0.01, d_lr=0.01, ema_kimg=0.05, augment="none", sample_kimg=9.0)
    before = make(opts).samples()
    recipe = trained(make, opts, tmp_path)
    wanted = torch.tensor(COLOUR)[:, None, None] / 127.5 - 1

    def error(sheet: torch.Tensor) -> float:
        return float((sheet.mean(dim=(1, 2), keepdim=True) - wanted).abs().mean())

    assert error(recipe.samples()) < 0.5 * error(before)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resolution": 24}, "`resolution=24` must be a power of two"),
        ({"resolution": 8}, "`resolution=8` must be a power of two, 16 or more"),
        ({"layers": 3}, "`layers=3` must be at least 4"),
        ({"blur_kimg": -1.0}, "`blur_kimg=-1.0` must be a number of at least 0"),
    ],
)
def test_bad_options_are_refused(given, said):
    with pytest.raises(UsageError, match=said):
        options(**given)
