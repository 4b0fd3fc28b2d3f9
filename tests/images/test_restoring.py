"""Faces of whole photos restored: what changes, what must not, and into what they are pasted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganedit
from ganedit.errors import CheckpointError, InputError, NoFaceError, UsageError
from ganedit.images.align import align_faces
from ganedit.images.io import Photo, read_image
from ganedit.images.sizes import resized
from ganedit.store.cards import ModelCard
from ganedit.store.models import Restorer, Upscaler

SIDE = 128


class Network(nn.Module):
    """Gives what it gets, moved towards one colour; keeps what it was asked."""

    def __init__(self, colour: float = 0.0, share: float = 0.0, has_fidelity: bool = False) -> None:
        super().__init__()
        self.colour = nn.Parameter(torch.tensor(colour))
        self.share, self.has_fidelity = share, has_fidelity
        self.asked: list[tuple[Tensor, float]] = []

    def forward(self, x: Tensor, fidelity: float) -> Tensor:
        self.asked.append((x, fidelity))
        return torch.lerp(x, self.colour.expand_as(x), self.share)


class Doubling(nn.Module):
    """Repeats pixels, and inverts them."""

    scale = 2

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight - nn.functional.interpolate(x, scale_factor=2)


def restorer(network: nn.Module) -> Restorer:
    card = ModelCard("r", "restorer", "x", {}, SIDE, template="ffhq")
    return Restorer(card, network.eval().requires_grad_(False))


def upscaler() -> Upscaler:
    return Upscaler(ModelCard("u", "upscaler", "x", {}), Doubling().requires_grad_(False))


@pytest.fixture(scope="module")
def photo(portrait):
    return read_image(portrait)


def around(photo, scale=1) -> np.ndarray:
    """[H, W] bool, true outside of the upright box around the crop of the face."""
    ((_, face),) = align_faces(photo.pixels, size=SIDE)
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]]) @ face.affine.T * scale
    low, high = np.floor(corners.min(0)).astype(int).clip(0), np.ceil(corners.max(0)).astype(int)
    outside = np.ones([scale * side for side in photo.pixels.shape[:2]], bool)
    outside[low[1] : high[1], low[0] : high[0]] = False
    return outside


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_network_that_changes_nothing_leaves_the_photo_as_it_is(photo, dtype):
    deep = replace(photo, pixels=photo.pixels.astype(dtype) * (np.iinfo(dtype).max // 255))
    result = ganedit.restore(deep, restorer(Network()))
    assert result.pixels.dtype == dtype
    assert np.array_equal(result.pixels, deep.pixels)


def test_the_face_changes_and_the_rest_stays(photo):
    network = Network(0.9, 0.5)
    result = ganedit.restore(photo, restorer(network))
    ((x, fidelity),) = network.asked
    ((_, face),) = align_faces(photo.pixels, size=SIDE)
    assert torch.equal((x[0] * 255).round().byte().permute(1, 2, 0), torch.from_numpy(face.crop))
    assert fidelity == 0.5
    outside = around(photo)
    assert np.array_equal(result.pixels[outside], photo.pixels[outside])
    x, y = (face.affine @ (SIDE / 2, SIDE / 2, 1)).astype(int)
    assert np.abs(result.pixels[y, x].astype(int) - photo.pixels[y, x]).max() > 10


def test_grey_photos_stay_grey(photo):
    grey = photo.pixels.mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8)
    result = ganedit.restore(Photo(grey, grey=True), restorer(Network(0.9, 0.5)))
    assert result.grey
    assert np.ptp(result.pixels, axis=2).max() == 0
    assert (result.pixels != grey).any()


def test_every_face_or_a_chosen_one(photo):
    two = Photo(np.concatenate([photo.pixels, photo.pixels[:, ::-1]], axis=1))
    network = Network(0.9, 0.5)
    both = ganedit.restore(two, restorer(network))
    assert len(network.asked) == 2
    assert all((part != before).any() for part, before in _halves(both.pixels, two.pixels))
    one = ganedit.restore(two, restorer(network), face=2)
    assert len(network.asked) == 3
    assert sum((part != before).any() for part, before in _halves(one.pixels, two.pixels)) == 1
    with pytest.raises(InputError):
        ganedit.restore(two, restorer(network), face=3)


def _halves(*pictures: np.ndarray):
    return zip(*(np.split(picture, 2, axis=1) for picture in pictures), strict=True)


def test_faces_go_into_the_enlarged_photo(photo):
    """The network sees the photo itself; what it gives belongs into the result of the upscaler."""
    network = Network()
    large = ganedit.restore(photo, restorer(network), background=upscaler())
    behind = ganedit.upscale(photo, upscaler())
    outside = around(photo, 2)
    assert np.array_equal(large.pixels[outside], behind.pixels[outside])
    ((_, face),) = align_faces(photo.pixels, size=SIDE)
    x, y = (face.affine @ (SIDE / 2, SIDE / 2, 1)).astype(int)
    own, inverted = photo.pixels[y, x].astype(int), behind.pixels[2 * y, 2 * x].astype(int)
    found = large.pixels[2 * y, 2 * x].astype(int)
    assert np.abs(found - own).sum() < np.abs(found - inverted).sum()
    assert (ganedit.restore(photo, restorer(network), background=upscaler(), scale=1).pixels.shape) == (
        photo.pixels.shape
    )


def test_a_scale_without_an_upscaler(photo):
    large = ganedit.restore(photo, restorer(Network(0.9, 0.5)), scale=2)
    behind = resized(photo, tuple(2 * side for side in photo.pixels.shape[:2]))
    outside = around(photo, 2)
    assert np.array_equal(large.pixels[outside], behind.pixels[outside])
    assert (large.pixels != behind.pixels).any()


def test_aligned_crops_are_restored_as_a_whole(photo):
    ((_, face),) = align_faces(photo.pixels, size=SIDE)
    crop = Photo(face.crop)
    assert np.array_equal(ganedit.restore(crop, restorer(Network()), aligned=True).pixels, face.crop)
    white = ganedit.restore(crop, restorer(Network(1.0, 1.0)), aligned=True, scale=1.5)
    assert white.pixels.shape == (192, 192, 3)
    assert white.pixels.min() == 255
    with pytest.raises(InputError, match="an aligned crop is square"):
        ganedit.restore(Photo(face.crop[1:]), restorer(Network()), aligned=True)


def test_a_photo_without_a_face():
    noise = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
    with pytest.raises(NoFaceError, match="no face"):
        ganedit.restore(Photo(noise), restorer(Network()))


def test_fidelity_is_for_networks_that_have_it(photo):
    network = Network(has_fidelity=True)
    ganedit.restore(photo, restorer(network), fidelity=0.9)
    assert network.asked[0][1] == 0.9
    with pytest.raises(UsageError, match="must be from 0 to 1"):
        ganedit.restore(photo, restorer(network), fidelity=1.1)
    with pytest.raises(UsageError, match="no such weight"):
        ganedit.restore(photo, restorer(Network()), fidelity=0.9)


def test_other_models_are_refused(photo):
    with pytest.raises(CheckpointError, match="u is an upscaler") as raised:
        ganedit.restore(photo, upscaler())
    assert raised.value.hint == "ganedit upscale --model u"
    with pytest.raises(CheckpointError, match="r is a model that restores faces") as raised:
        ganedit.upscale(photo, restorer(Network()))
    assert raised.value.hint == "ganedit restore --model r"
