"""Paste-back: what may change, what may not, and where the change lands."""

from __future__ import annotations

import numpy as np
import pytest

from ganedit.images.align import TEMPLATES, align_face, find_faces
from ganedit.images.io import read_image
from ganedit.images.paste import face_mask, paste


@pytest.fixture(scope="module")
def photo(portrait) -> np.ndarray:
    return read_image(portrait).pixels


@pytest.fixture(scope="module")
def landmarks(photo) -> np.ndarray:
    return find_faces(photo)[0].landmarks


def aligned(photo, landmarks, size, template="close-up"):
    return align_face(photo, landmarks, size, TEMPLATES[template])


def covered(photo, affine, size) -> np.ndarray:
    """[H, W] bool: pixels of the photo under the mask, found the slow way."""
    y, x = np.mgrid[0 : photo.shape[0], 0 : photo.shape[1]] + 0.5
    inverse = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))[:2]
    u, v = np.moveaxis(np.stack([x, y, np.ones_like(x)], axis=-1) @ inverse.T, -1, 0)
    inside = (u >= 0) & (u < size) & (v >= 0) & (v < size)
    column, row = np.clip(u.astype(int), 0, size - 1), np.clip(v.astype(int), 0, size - 1)
    return inside & (face_mask(size)[row, column] > 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_zero_edit_leaves_every_bit(photo, landmarks, dtype):
    deep = photo.astype(dtype) * (257 if dtype == np.uint16 else 1)
    face = aligned(photo, landmarks, 64)
    drawn = 255 - face.crop  # whatever the generator made of it
    np.testing.assert_array_equal(paste(deep, face.affine, drawn, drawn), deep)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("size", [64, 256, 1024])
def test_replacing_by_the_untouched_crop(photo, landmarks, size, template):
    face = aligned(photo, landmarks, size, template)
    out = paste(photo, face.affine, face.crop, face.crop, mode="replace")
    moved = np.abs(out.astype(int) - photo)
    inside = covered(photo, face.affine, size)
    assert moved[~inside].max() == 0
    assert moved[inside].mean() <= 2


@pytest.mark.parametrize("mode", ["change", "replace"])
@pytest.mark.parametrize("size", [64, 1024])  # coarser and finer than the photo
def test_an_edit_lands_where_it_was_made(photo, landmarks, size, mode):
    """Darkening a spot of the crop darkens that spot of the photo, and nothing outside the mask."""
    face = aligned(photo, landmarks, size)
    edited = face.crop.copy()
    near, far = round(size * 0.55), round(size * 0.70)
    edited[near:far, near:far] //= 2
    out = paste(photo, face.affine, face.crop, edited, mode=mode)
    darker = (photo.astype(float) - out).mean(axis=2)
    y, x = np.mgrid[0:512, 0:512] + 0.5
    weight = np.clip(darker, 0, None)
    centre = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
    expected = face.affine @ ((near + far) / 2, (near + far) / 2, 1)
    np.testing.assert_allclose(centre, expected, atol=2.5)
    assert darker.max() > 60
    assert (out == photo)[~covered(photo, face.affine, size)].all()


def test_depths_agree(photo, landmarks):
    face = aligned(photo, landmarks, 64)
    edited = np.roll(face.crop, 2, axis=0)
    narrow = paste(photo, face.affine, face.crop, edited)
    wide = paste(photo.astype(np.uint16) * 257, face.affine, face.crop, edited)
    assert wide.dtype == np.uint16
    assert np.abs(wide / 257 - narrow).max() <= 0.51


def test_replace_matches_colours_at_the_rim(photo, landmarks):
    """A crop drawn 20 levels too bright all over is brought back to the photo's brightness."""
    face = aligned(photo, landmarks, 128)
    brighter = np.clip(face.crop.astype(int) + 20, 0, 255).astype(np.uint8)
    moved = paste(photo, face.affine, face.crop, brighter, mode="replace").astype(int) - photo
    assert np.abs(moved[covered(photo, face.affine, 128)]).mean() < 3


def test_a_face_at_the_border(landmarks, photo):
    """The part of the crop that lies outside the photo is left out."""
    left, top = 150, 60
    cut = photo[top : top + 150, left : left + 100]
    face = aligned(cut, landmarks - (left, top), 64)
    edited = 255 - face.crop
    out = paste(cut, face.affine, face.crop, edited)
    assert out.shape == cut.shape
    assert (out != cut).any()


def test_mask_vanishes_before_the_border():
    mask = face_mask(64)
    assert mask[32, 32] == 1
    assert max(mask[0].max(), mask[:, -1].max()) == 0
    np.testing.assert_array_equal(mask, mask[::-1, ::-1])
