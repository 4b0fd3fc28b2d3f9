"""Super-resolution on small smooth pictures: both phases learn, resume exactly, and measure as published."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import CPU, assert_resumes, draw_pictures, sheet_error, trained

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.store.load import load
from ganedit.train.options import SRGANOptions
from ganedit.train.pictures import with_reduction
from ganedit.train.recipes.srgan import start


@pytest.fixture
def data(tmp_path):
    return draw_pictures(tmp_path / "set", 6, (40, 36))


@pytest.fixture
def options(data):
    def make(**more):
        values = {"kimg": 0.016, "batch": 4, "scale": 2, "size": 16, "width": 6, "blocks": 1}
        return SRGANOptions(data=(str(data),), precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


@pytest.mark.parametrize("adversarial", [False, True])
def test_resume(options, tmp_path, adversarial):
    assert_resumes(make, options(adversarial=adversarial, snapshot_kimg=0.008), tmp_path)


@pytest.mark.parametrize("adversarial", [False, True])
def test_it_learns(options, tmp_path, adversarial):
    reports = []
    opts = options(kimg=0.6, lr=0.005, adversarial=adversarial)
    before = sheet_error(make(opts).samples(), 3, drawn=1, wanted=2)
    recipe = trained(make, opts, tmp_path, reports=reports)
    assert sheet_error(recipe.samples(), 3, drawn=1, wanted=2) < before / 1.5
    assert ("d/loss" in reports[-1].stats) == adversarial
    assert recipe.samples().shape == (3, 3 * 16, 6 * 16)


@pytest.mark.parametrize(("scale", "residual"), [(2, False), (4, True)])
def test_the_export_is_an_upscaler(options, tmp_path, scale, residual):
    recipe = trained(
        make, options(kimg=0.02, scale=scale, size=32, residual=residual, norm="none"), tmp_path / "run"
    )
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.card.task, model.scale, model.name) == ("upscaler", scale, f"upscale-x{scale}")
    x = torch.rand(1, 3, 9, 11)
    assert model(x).shape == (1, 3, 9 * scale, 11 * scale)
    wanted = recipe._upscaled(x * 2 - 1) / 2 + 0.5
    torch.testing.assert_close(model(x), wanted, atol=5e-3, rtol=0)  # float16


def test_it_goes_on_from_a_model(options, tmp_path):
    first = trained(make, options(), tmp_path / "run")
    second = make(options(start=str(tmp_path / "run/model"), adversarial=True))
    torch.testing.assert_close(second.g.stem.weight, first.g.stem.weight, atol=1e-3, rtol=1e-3)
    with pytest.raises(CheckpointError, match="no SRResNet of the size asked for"):
        make(options(start=str(tmp_path / "run/model"), width=8))


def test_measured_on_pairs(options, data, tmp_path):
    folder = tmp_path / "Set1"
    folder.mkdir()
    small, large = with_reduction(np.asarray(Image.open(data / "0.png")), 2)
    Image.fromarray(large).save(folder / "x_HR.png")
    Image.fromarray(small).save(folder / "x_LR.png")
    recipe = trained(make, options(test=str(folder)), tmp_path / "run")
    found = recipe.evaluate()
    assert set(found) == {"Set1 PSNR", "Set1 SSIM"}
    card = load(tmp_path / "run/model", device="cpu").card
    assert card.metrics[0].value == pytest.approx(found["Set1 PSNR"], abs=1e-3)
    with pytest.raises(InputError, match="holds no"):
        make(options(test=str(data)))


def test_options_that_make_no_sense(options):
    for wrong in ({"scale": 3}, {"size": 17}, {"size": 8}, {"width": 0}):
        with pytest.raises(UsageError):
            options(**wrong)
