"""Inpainting on tiny pictures: it learns, resumes, measures against other ways, and its model loads."""

from __future__ import annotations

import pytest
import torch
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import UsageError
from ganedit.store.load import load
from ganedit.train.options import InpaintOptions
from ganedit.train.recipes.inpaint import holes, start


@pytest.fixture
def options(tmp_path):
    data = draw_pictures(tmp_path / "set", 6, (36, 36))

    def make(**more):
        values = {"kimg": 0.016, "batch": 4, "size": 32, "width": 4, "judge_width": 4}
        return InpaintOptions(data=(str(data),), precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_resume(options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.008), tmp_path)


@pytest.mark.parametrize("gan_weight", [0.0, 0.001])
def test_it_learns(options, tmp_path, gan_weight):
    reports = []
    opts = options(kimg=0.6, lr=0.005, sample_kimg=0.06, gan_weight=gan_weight, test=options().data[0])
    recipe = trained(make, opts, tmp_path, reports=reports)
    first, last = reports[0].stats, reports[-1].stats
    assert last["PSNR in the hole"] > first["PSNR in the hole"] + 1
    assert last["PSNR of OpenCV"] == first["PSNR of OpenCV"]
    assert recipe.samples().shape == (3, 3 * 32, 6 * 32)


def test_the_export_fills_holes(options, tmp_path):
    recipe = trained(make, options(template="close-up"), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert (model.card.details, model.card.template) == ({"use": "inpaint"}, "close-up")
    assert (model.card.resolution, model.in_channels) == (32, 4)
    x = torch.rand(1, 4, 32, 32)
    recipe.g.eval()
    with torch.no_grad():
        torch.testing.assert_close(model(x), recipe.g(x), atol=0.02, rtol=0)  # float16


def test_holes():
    torch.manual_seed(0)
    centre = holes("center", 3, 32)
    assert torch.equal(centre[0], centre[2])
    assert float(centre.float().mean()) == 0.25
    assert centre[0, 0, 7:9, 8].tolist() == [False, True]
    anywhere = holes("random", 50, 32).float().mean(dim=(1, 2, 3))
    assert float(anywhere.min()) > 0.01
    assert float(anywhere.max()) < 0.8
    both = holes("both", 50, 32)
    assert 10 < sum(torch.equal(one, centre[0]) for one in both) < 40


def test_sizes_that_do_not_suit(options):
    for size in (16, 40):
        with pytest.raises(UsageError):
            options(size=size)
