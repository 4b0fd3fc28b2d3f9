"""Pairs of images and paths between them, where the answer is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganedit.errors import InputError, MissingError, UsageError
from ganedit.metrics import diversity
from ganedit.metrics.diversity import (
    SCALE_WEIGHTS,
    image_distance,
    measure_diversity,
    measure_pairs,
    measure_path_length,
    multi_scale_similarity,
    scales_at,
)


def flat(*levels: int, side: int = 32) -> np.ndarray:
    return np.stack([np.full((side, side, 3), level, np.uint8) for level in levels])


def noise(n: int = 4, side: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize(("side", "scales"), [(11, 1), (32, 2), (64, 3), (128, 4), (176, 5), (256, 5)])
def test_scales_that_there_is_room_for(side, scales):
    """Images are at least as large as the window of 11 px at the coarsest scale."""
    assert scales_at(side) == scales
    image = torch.zeros(1, 3, side, side)
    assert float(multi_scale_similarity(scales)(image, image)) == pytest.approx(1)


def test_too_small_for_any_scale():
    with pytest.raises(InputError, match="images of 10 px are too small"):
        measure_diversity(noise(2, 10), "ms-ssim")


def test_similarity_of_flat_images_by_hand():
    """Equal structure leaves the luminance of the coarsest scale, (2ab + C1) / (a² + b² + C1), to the power
    of its weight: at 11 px there is one scale, and the weight is 1."""
    a, b, c1 = 0.2, 0.8, 0.01**2
    wanted = (2 * a * b + c1) / (a**2 + b**2 + c1)
    got = measure_diversity(flat(51, 204, side=11), "ms-ssim", pairs=4)
    # in float32 a flat image varies by 1e-7, which is a ten-thousandth of what keeps its structure finite
    assert got.value == pytest.approx(wanted, rel=5e-4)
    assert (got.scales, got.pairs) == (1, 4)
    weight = SCALE_WEIGHTS[1] / sum(SCALE_WEIGHTS[:2])
    assert measure_diversity(flat(51, 204), "ms-ssim").value == pytest.approx(wanted**weight, rel=5e-4)


def test_pairs_stay_within_their_class():
    """Two classes of equal images each are alike within; all together they are not."""
    images = flat(0, 255, 0, 255)
    groups = {"dark": [0, 2], "light": [1, 3], "alone": [0]}
    found = measure_diversity(images, "ms-ssim", groups=groups, pairs=5)
    assert found.groups == pytest.approx({"dark": 1, "light": 1})
    assert found.pairs == 10
    assert measure_diversity(images, "ms-ssim", pairs=50).value < 0.9
    with pytest.raises(InputError, match="no class or folder has two images"):
        measure_diversity(images, "ms-ssim", groups={"alone": [0]})


def test_pairs_are_never_an_image_with_itself(monkeypatch):
    seen = []
    monkeypatch.setattr(
        diversity, "image_distance", lambda *_: lambda a, b: seen.append((a, b)) or a[:, 0, 0, 0]
    )
    measure_diversity(flat(*range(0, 250, 50)), pairs=64)
    assert all(not torch.equal(one, other) for a, b in seen for one, other in zip(a, b, strict=True))


def test_distance_of_features():
    images = noise()
    same = measure_pairs(images, images, device="cpu")
    np.testing.assert_allclose(same, 0, atol=1e-9)
    assert (measure_pairs(images, images[::-1], device="cpu") > 0.01).all()
    with pytest.raises(InputError, match="4 of 32x32 and 3 of 32x32"):
        measure_pairs(images, images[:3])
    with pytest.raises(UsageError, match="inception measures no distance"):
        image_distance("inception")


def test_lpips_needs_its_weights(monkeypatch):
    def offline(device):
        raise MissingError("LPIPS needs torchvision's VGG-16 weights")

    monkeypatch.setattr(diversity, "lpips_network", offline)
    with pytest.raises(MissingError, match="VGG-16"):
        image_distance("vgg", "cpu")


# ---- path length ----


class Line:
    """A generator whose image is flat, of a level that is the first style: w is z, and z is on a circle."""

    num_classes, device, resolution = 0, torch.device("cpu"), 8

    def z_of(self, seeds):
        return torch.tensor([[math.cos(s), math.sin(s)] for s in seeds])

    def mapping(self, z, c):
        return z[:, None].repeat(1, 2, 1)

    def synthesis(self, ws):
        return ws[:, 0, :1, None, None].expand(-1, 3, 8, 8)

    def generate(self, z, c):
        return self.synthesis(self.mapping(z, c))


def squared(a, b):
    return (a - b).square().mean((1, 2, 3))


class Straight(Line):
    """The same, from 0 to 1 + N / 100 for each seed N."""

    def z_of(self, seeds):
        return torch.tensor([[(1 + s / 100) * (s % 2), 0.0] for s in seeds])


@pytest.mark.parametrize("sampling", ["end", "full"])
def test_path_length_of_a_straight_line_by_hand(monkeypatch, sampling):
    """In a step of ε the level moves by (1 + N / 100) ε: its squared distance over ε² is the square of that,
    wherever it is measured. Of 200 ways the percentiles leave out the least and the greatest."""
    monkeypatch.setattr(diversity, "image_distance", lambda *_: squared)
    each = [(1 + (2 * n + 1) / 100) ** 2 for n in range(200)]
    got = measure_path_length(Straight(), "w", sampling, samples=200)
    assert got == pytest.approx(np.mean(each[1:199]), rel=0.002)  # float32 takes steps of a ten-thousandth


def test_path_length_on_an_arc_by_hand(monkeypatch):
    """At the ends of arcs of angle 1 the level, a cosine, moves by -sin(2N) ε."""
    monkeypatch.setattr(diversity, "image_distance", lambda *_: squared)
    each = sorted(math.sin(2 * n) ** 2 for n in range(4))
    got = measure_path_length(Line(), "z", "end", samples=4)
    assert got == pytest.approx(np.mean(each), rel=0.02)


def test_unknown_ways():
    with pytest.raises(UsageError, match="`space=s` is unknown"):
        measure_path_length(SimpleNamespace(), "s")
