"""Holes: where the network looks, what changes, what must not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganedit
from ganedit.errors import CheckpointError, InputError
from ganedit.images.inpainting import box_hole, mask_hole, transparent_hole
from ganedit.images.io import Photo
from ganedit.store.cards import ModelCard
from ganedit.store.models import Translator


@dataclass
class Config:
    in_channels: int = 4
    multiple = smallest = 1
    labels = 0
    two_way = False


class Painter(nn.Module):
    """Paints all of it in one colour, and keeps what it was shown."""

    def __init__(self, channels: int = 4, colour: float = 0.5) -> None:
        super().__init__()
        self.cfg = Config(channels)
        self.colour = nn.Parameter(torch.tensor(colour))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return self.colour.expand(len(x), 3, *x.shape[2:])


def model(network: nn.Module, resolution: int = 32, template: str = "", **details) -> Translator:
    card = ModelCard(
        "filler", "translator", "x", {}, resolution, template=template, details={"use": "inpaint", **details}
    )
    return Translator(card, network.eval().requires_grad_(False))


def gradient(height: int, width: int, dtype=np.uint8) -> Photo:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    planes = np.stack([x / width, y / height, np.full_like(x, 0.4)], axis=2)
    white = np.iinfo(dtype).max
    return Photo((planes * white).astype(dtype), alpha=np.full((height, width), white // 3, dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_nothing_changes_outside_the_hole(dtype):
    photo = gradient(90, 130, dtype)
    hole = box_hole(photo, (40, 30, 33, 21))
    result = ganedit.inpaint(photo, hole, model(Painter()))
    assert result.pixels.dtype == dtype
    assert (result.pixels[~hole] == photo.pixels[~hole]).all()
    assert (result.alpha == photo.alpha).all()
    assert (result.pixels[hole] != photo.pixels[hole]).any()


def test_the_filling_meets_the_rim():
    """A network that paints plain grey must come out as a smooth continuation of what is around."""
    photo = gradient(100, 100)
    hole = box_hole(photo, (35, 35, 30, 30))
    holed = Photo(np.where(hole[..., None], 0, photo.pixels).astype(np.uint8))
    result = ganedit.inpaint(holed, hole, model(Painter()))
    assert np.abs(result.pixels.astype(int) - photo.pixels).max() < 10  # of 255


@pytest.mark.parametrize("channels", [3, 4])
def test_the_network_is_shown_the_picture_without_the_hole(channels):
    network = Painter(channels)
    photo = gradient(64, 64)
    hole = box_hole(photo, (16, 16, 32, 32))
    ganedit.inpaint(photo, hole, model(network, 64, fill=[-0.25, 0.0, 0.25]))
    (seen,) = network.seen
    assert seen.shape == (1, channels, 64, 64)
    inside = torch.from_numpy(hole)
    assert seen[0, :3, inside].unique(dim=1).flatten().tolist() == [-0.25, 0.0, 0.25]
    own = torch.from_numpy(photo.pixels).permute(2, 0, 1) / 127.5 - 1
    assert torch.allclose(seen[0, :3, ~inside], own[:, ~inside], atol=1e-6)
    if channels == 4:
        assert torch.equal(seen[0, 3], inside.float())


def test_each_hole_is_looked_at_for_itself():
    network = Painter()
    photo = gradient(300, 400)
    hole = box_hole(photo, (20, 20, 10, 10)) | box_hole(photo, (350, 250, 10, 10))
    near = box_hole(photo, (32, 20, 10, 10))
    ganedit.inpaint(photo, hole | near, model(network))
    assert len(network.seen) == 2
    assert sorted(int(x[0, 3].sum()) for x in network.seen)[0] == 100  # one of them holds a single hole


def test_a_model_of_faces_looks_at_the_face(portrait, caplog):
    network = Painter()
    photo = ganedit.read_image(portrait)
    ((_, face),) = ganedit.align(photo.pixels, size=32)
    x, y = (face.affine @ (16, 20, 1)).astype(int)
    hole = box_hole(photo, (x - 8, y - 8, 16, 16))
    result = ganedit.inpaint(photo, hole, model(network, template="ffhq"))
    (seen,) = network.seen
    reference = torch.from_numpy(face.crop).permute(2, 0, 1) / 127.5 - 1
    known = seen[0, 3] == 0
    assert (seen[0, :3, known] - reference[:, known]).abs().mean() < 0.05
    assert (result.pixels[~hole] == photo.pixels[~hole]).all()
    assert not caplog.messages
    corner = box_hole(photo, (0, 0, 8, 8))  # no part of a face: a square about the hole
    ganedit.inpaint(photo, corner, model(network, template="ffhq"))
    (said,) = caplog.messages
    assert said.endswith(": filler knows faces only, and the hole lies in none: the result may not fit")
    assert network.seen[-1][0, 3].sum() == 64


def test_holes_wider_than_the_picture_is_high():
    photo = gradient(40, 200)
    hole = box_hole(photo, (10, 5, 180, 30))
    result = ganedit.inpaint(photo, hole, model(Painter()))
    assert (result.pixels[~hole] == photo.pixels[~hole]).all()
    assert np.isfinite(result.pixels).all()


def test_grey_photos_stay_grey():
    pixels = np.full((50, 50, 3), 90, np.uint8)
    result = ganedit.inpaint(Photo(pixels, grey=True), np.eye(50, dtype=bool), model(Painter()))
    assert result.grey
    assert (result.pixels == result.pixels[..., :1]).all()


def test_a_mask_may_be_painted_on_a_transparent_ground():
    photo = gradient(20, 30)
    alpha = np.zeros((20, 30), np.uint8)
    alpha[5:9, 5:9] = 255
    mask = Photo(np.full((20, 30, 3), 255, np.uint8), alpha)  # white all over, and seen in a square
    assert (mask_hole(photo, mask) == (alpha > 0)).all()


def test_masks_that_do_not_suit_are_refused():
    photo = gradient(40, 60)
    with pytest.raises(InputError, match="60x41 pixels, the photo 60x40"):
        mask_hole(photo, gradient(41, 60))
    for level in (0, 255):
        with pytest.raises(InputError, match="is masked"):
            mask_hole(photo, Photo(np.full((40, 60, 3), level, np.uint8)))
    with pytest.raises(InputError, match="does not lie in"):
        box_hole(photo, (50, 0, 11, 5))
    with pytest.raises(InputError, match="no transparent part"):
        transparent_hole(Photo(photo.pixels))
    with pytest.raises(CheckpointError, match="takes 2 channels"):
        ganedit.inpaint(photo, box_hole(photo, (0, 0, 5, 5)), model(Painter(2)))


def test_transparent_pixels_are_a_hole_and_become_opaque():
    photo = gradient(40, 60)
    photo.alpha[:] = 200
    photo.alpha[10:20, 10:20] = 3
    opaque, hole = transparent_hole(photo)
    assert hole.sum() == 100
    assert (opaque.alpha[hole] == 255).all()
    assert (opaque.alpha[~hole] == 200).all()


# ---- networks that take any size ----


def any_size(network: nn.Module, finest: int = 1024) -> Translator:
    return model(network, 0, finest=finest)


def test_a_network_without_a_size_sees_the_photo_as_it_is():
    network = Painter()
    photo = gradient(700, 900)
    hole = box_hole(photo, (100, 400, 90, 30))
    result = ganedit.inpaint(photo, hole, any_size(network))
    (seen,) = network.seen
    assert seen.shape == (1, 4, 512, 512)
    top, left = 415 - 256, 0  # the hole in the middle, moved into the photo
    own = torch.from_numpy(photo.pixels[top : top + 512, left : left + 512]).permute(2, 0, 1) / 127.5 - 1
    known = seen[0, 3] == 0
    assert torch.allclose(seen[0, :3, known], own[:, known], atol=1e-6)
    assert torch.equal(~known, torch.from_numpy(hole[top : top + 512, left : left + 512]))
    assert (result.pixels[~hole] == photo.pixels[~hole]).all()


def test_a_large_hole_is_seen_with_what_is_around_it_and_reduced():
    network = Painter()
    photo = gradient(300, 1200, np.uint16)
    large = box_hole(photo, (200, 100, 700, 20))
    hole = large | box_hole(photo, (1150, 10, 3, 3))
    result = ganedit.inpaint(photo, hole, any_size(network, 400))
    small, wide = network.seen
    assert wide.shape == (1, 4, 100, 400)  # the whole photo: half of 700 on either side is 1400
    assert small.shape == (1, 4, 300, 400)
    marked = torch.nn.functional.interpolate(wide[:, 3:], (300, 1200))[0, 0] > 0
    assert marked[torch.from_numpy(large)].all()
    assert (result.pixels[~hole] == photo.pixels[~hole]).all()
    assert result.pixels.dtype == np.uint16


def test_a_small_photo_is_not_enlarged_and_a_size_can_be_asked_for():
    network = Painter()
    photo = gradient(60, 90)
    hole = box_hole(photo, (30, 20, 10, 10))
    ganedit.inpaint(photo, hole, any_size(network))
    ganedit.inpaint(photo, hole, any_size(network), size=45)
    assert [tuple(x.shape[2:]) for x in network.seen] == [(60, 90), (45, 45)]
