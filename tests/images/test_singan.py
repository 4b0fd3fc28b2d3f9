"""Images through a SinGAN: sizes, scales, masks, and the walk of a film."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ganedit
from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.images import singan
from ganedit.nets.singan import SinGAN, SinGANConfig, Window, resized
from ganedit.store.cards import ModelCard
from ganedit.store.models import Classifier, SingleImage

CFG = SinGANConfig(heights=(6, 9, 12), widths=(8, 12, 16), channels=(4, 4, 4), layers=2)


@pytest.fixture
def model():
    torch.manual_seed(0)
    network = SinGAN(CFG)
    with torch.no_grad():
        network.gains.copy_(torch.tensor([1.0, 0.3, 0.2]))
    return SingleImage(ModelCard("tiny", "single-image", "singan", {}), network.eval().requires_grad_(False))


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_random(model):
    first, second = ganedit.singan_random(model, 2, seed=5)
    assert first.pixels.shape == (12, 16, 3)
    assert not np.array_equal(first.pixels, second.pixels)
    (again,) = ganedit.singan_random(model, seed=6)
    assert np.array_equal(again.pixels, second.pixels)
    (wide,) = ganedit.singan_random(model, size=(50, 9))
    assert wide.pixels.shape == (9, 50, 3)


def test_from_scale_keeps_what_is_coarser(model):
    """Without noise from scale 2 on, the photo is drawn again; with it, only scale 2 differs."""
    coarse = model(model.fixed()[:2])
    expected = model(model.noise(model.size, 3, 2), coarse, 2)
    (photo,) = ganedit.singan_random(model, from_scale=2, seed=3)
    assert np.array_equal(photo.pixels, singan.from_tensor(expected))


def test_paint_sees_the_painting_at_one_scale(model):
    painting = picture(24, 32)
    result = ganedit.singan_paint(model, painting, scale=2, seed=1)
    coarse = singan.to_tensor(singan.resize(painting, (9, 12)))
    expected = model(model.noise((12, 16), 1, 2), coarse, 2)
    assert np.array_equal(result.pixels, singan.from_tensor(expected))
    assert ganedit.singan_paint(model, picture(40, 20)).pixels.shape == (16, 8, 3)


@pytest.mark.parametrize("change", [ganedit.singan_edit, ganedit.singan_harmonize])
def test_only_what_the_mask_shows_changes(model, change):
    photo, mask = picture(12, 16), np.zeros((12, 16, 3), np.uint8)
    mask[4:7, 1:3] = 255
    result, whole = change(model, photo, mask, scale=1), change(model, photo, scale=1)
    assert np.array_equal(result.pixels[:, 10:], photo[:, 10:])
    assert np.array_equal(result.pixels[4:7, 1:3], whole.pixels[4:7, 1:3])
    assert not np.array_equal(whole.pixels[:, 10:], photo[:, 10:])


def test_superres(model):
    photo = picture(12, 16)
    assert ganedit.singan_superres(model, photo, factor=4).pixels.shape == (48, 64, 3)
    assert ganedit.singan_superres(model, factor=2.5).pixels.shape == (30, 40, 3)
    once = ganedit.singan_superres(model, photo, factor=4 / 3)
    noise = model.network.noise(1, [(16, 21)], torch.Generator().manual_seed(1))
    assert np.array_equal(once.pixels, singan.from_tensor(model(noise, singan.to_tensor(photo), 2)))


def test_a_film_begins_with_the_photo(model):
    frames = list(ganedit.singan_animate(model, 4, alpha=0.5, beta=0.2))
    assert np.array_equal(frames[0], singan.from_tensor(model(model.fixed())))
    assert len({frame.tobytes() for frame in frames}) == 4
    still = list(ganedit.singan_animate(model, 3, alpha=1.0))
    assert all(np.array_equal(frame, still[0]) for frame in still)


def test_the_walk_by_hand(model, monkeypatch):
    """z' = alpha·home + (1 - alpha)·(z + beta·(z - before) + (1 - beta)·fresh), on numbers."""
    home, fresh = torch.tensor([2.0]), iter([torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([0.0])])
    seen = []
    monkeypatch.setattr(SingleImage, "fixed", lambda self, size: [home])
    monkeypatch.setattr(SingleImage, "noise", lambda self, size, seed, first: [next(fresh)])
    monkeypatch.setattr(
        SingleImage,
        "__call__",
        lambda self, z, start, first: seen.append(float(z[0])) or torch.zeros(3, 1, 1),
    )
    list(singan._walk(model, 3, 0.5, 0.25, 0, (12, 16), 0))
    second = 1 + 0.5 * (2 + 0.75 * 1)  # 2.375
    third = 1 + 0.5 * (second + 0.25 * (second - 2) + 0.75 * 3)
    assert seen == pytest.approx([2.0, second, third])


def test_bands_do_not_show(model, monkeypatch):
    """A large image is computed in bands of rows, which must not be seen."""
    (whole,) = ganedit.singan_random(model, size=(40, 33))
    monkeypatch.setattr("ganedit.nets.singan.BAND", 40 * 5)
    (banded,) = ganedit.singan_random(model, size=(40, 33))
    assert np.abs(whole.pixels.astype(int) - banded.pixels).max() <= 1


def test_a_window_is_a_part_of_the_whole(model):
    network = model.network
    noise = model.noise(model.size, 0)
    with torch.no_grad():
        whole, part = network(noise), network(noise, window=Window(3, 5, 6, 7))
    torch.testing.assert_close(part, whole[:, :, 3:9, 5:12])


def test_patches_are_alike_wherever_they_are(model):
    """Away from the border, a shifted image gives a shifted result: nothing is normalised."""
    image, noise = torch.rand(1, 3, 20, 24), torch.randn(1, 3, 20, 24)
    with torch.no_grad():
        one = model.network.refine(2, image, noise)
        other = model.network.refine(2, image.roll(4, 3), noise.roll(4, 3))
    torch.testing.assert_close(other[..., 8:-4], one[..., 4:-8], atol=1e-6, rtol=1e-5)


def test_resizing_filters_where_it_shrinks():
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 3, 16, 16)
    assert float(resized(stripes, (16, 4)).abs().max()) < 0.1
    assert resized(stripes, (16, 16)) is stripes


def test_every_parameter_gets_a_gradient():
    for cfg in (CFG, SinGANConfig((6,), (8,), (4,), 2, norm="instance", border="noise")):
        network = SinGAN(cfg)
        network(network.noise(2, network.sizes(12, 16))).square().mean().backward()
        assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda m: ganedit.singan_random(m, from_scale=3),
            UsageError,
            "`from_scale=3` does not exist in tiny",
        ),
        (lambda m: ganedit.singan_random(m, 0), UsageError, "`count=0` must be at least 1"),
        (lambda m: ganedit.singan_random(m, size=(4, 4)), UsageError, "`size=4x4` is too small for tiny"),
        (lambda m: ganedit.singan_random(m, size=(10**5, 10**5)), InputError, "limit is 200 megapixels"),
        (lambda m: ganedit.singan_superres(m, factor=1), UsageError, "`factor=1` must be above 1"),
        (
            lambda m: ganedit.singan_superres(m, picture(9000, 90), factor=60),
            InputError,
            "limit is 200 megapixels",
        ),
        (
            lambda m: ganedit.singan_paint(m, picture(9, 9), scale=0),
            UsageError,
            "`scale=0` starts from noise",
        ),
        (lambda m: ganedit.singan_paint(m, picture(9, 9), scale=7), UsageError, "`scale=7` does not exist"),
        (lambda m: ganedit.singan_paint(m, picture(99, 9)), InputError, "9x99 pixels is too narrow for tiny"),
        (
            lambda m: ganedit.singan_edit(m, picture(9, 9), picture(9, 8)),
            InputError,
            "the mask has 8x9 pixels, and the photo 9x9",
        ),
        (
            lambda m: ganedit.singan_harmonize(m, picture(9, 9), np.zeros((9, 9, 3), np.uint8)),
            InputError,
            "the mask is empty",
        ),
        (lambda m: ganedit.singan_animate(m, alpha=2), UsageError, "`alpha=2` must be between 0 and 1"),
        (lambda m: ganedit.singan_animate(m, 0), UsageError, "`frames=0` must be at least 1"),
    ],
)
def test_bad_input(model, call, error, words):
    with pytest.raises(error, match=words):
        call(model)


def test_another_model():
    card = ModelCard("digits", "classifier", "classifier", {})
    with pytest.raises(CheckpointError, match="digits is a classifier, not a model of a single image"):
        ganedit.singan_random(Classifier(card, torch.nn.Identity()))
