"""Models of aligned faces change the faces of whole photos, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ganedit.errors import InputError
from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.face_by_face import change_faces, is_crop
from ganedit.images.io import Photo, read_image

MODEL = SimpleNamespace(card=SimpleNamespace(template="close-up", resolution=64))
PATCH = (slice(24, 40), slice(24, 40))  # the middle of a crop of 64 pixels


def marked(crop):
    """The crop with a white patch in its middle."""
    pixels = crop.pixels.copy()
    pixels[PATCH] = 255
    return replace(crop, pixels=pixels)


@pytest.fixture(scope="module")
def photo(portrait):
    return read_image(portrait)


@pytest.fixture(scope="module")
def crop(photo):
    ((_, face),) = align_faces(photo.pixels, size=64, template=TEMPLATES["close-up"])
    return face


def test_the_face_changes_and_the_rest_stays(photo, crop):
    changed = change_faces(photo, MODEL, marked, size=64)
    assert changed.pixels.shape == photo.pixels.shape
    x, y = (crop.affine @ [32, 32, 1]).astype(int)  # the middle of the face
    assert changed.pixels[y, x].min() > 240
    corners = np.array([[0, 0, 1], [64, 0, 1], [0, 64, 1], [64, 64, 1]]) @ crop.affine.T
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    outside = np.ones(photo.pixels.shape[:2], bool)
    outside[low[1] : high[1], low[0] : high[0]] = False
    assert np.array_equal(changed.pixels[outside], photo.pixels[outside])


def test_without_a_size_the_model_sees_the_photos_own_resolution(photo, crop):
    sides = []
    change_faces(photo, MODEL, lambda one: sides.append(one.pixels.shape[0]) or one)
    assert sides == [round(64 * np.hypot(*crop.affine[:, 0]))]


def test_an_unchanged_face_leaves_the_photo_as_it_is(photo):
    assert np.array_equal(change_faces(photo, MODEL, lambda one: one, size=64).pixels, photo.pixels)


def test_aligned_crops_are_changed_as_a_whole(photo, crop):
    found = Photo(crop.crop)
    assert np.array_equal(change_faces(found, MODEL, marked, aligned=True).pixels, marked(found).pixels)
    by_record = {"command": "align", "parameters": {"template": "close-up"}}
    known = replace(found, provenance=by_record)
    assert is_crop(known, "close-up")
    assert not is_crop(known, "ffhq")
    assert np.array_equal(change_faces(known, MODEL, marked).pixels, marked(found).pixels)


def test_a_crop_without_a_record_is_recognised_by_its_face(photo):
    ((_, large),) = align_faces(photo.pixels, size=256, template=TEMPLATES["close-up"])
    seen = []
    change_faces(Photo(large.crop), MODEL, lambda one: seen.append(one) or one, size=64)
    assert seen[0].pixels.shape == (256, 256, 3)


def test_without_a_face_it_says_what_to_do():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="no face") as raised:
        change_faces(Photo(rng.integers(0, 256, (80, 90, 3), np.uint8)), MODEL, marked)
    assert "`aligned=True`" in raised.value.hint


def test_every_face_can_be_changed(photo):
    two = Photo(np.concatenate([photo.pixels, photo.pixels[:, ::-1]], axis=1))
    both = change_faces(two, MODEL, marked, size=64, face="all")
    changed = (both.pixels != two.pixels).any(axis=2)
    assert changed[:, :512].any()
    assert changed[:, 512:].any()
