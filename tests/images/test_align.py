"""The FFHQ square against crops of the published recipe, and the affine against the crop."""

from __future__ import annotations

import numpy as np
import pytest

from ganedit.images.align import (
    TEMPLATES,
    Template,
    align_face,
    center_crop,
    crop_from_affine,
    find_faces,
    load_landmarks,
)
from ganedit.images.io import read_image


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


@pytest.mark.parametrize("name", ["astronaut", "astronaut-cropped", "astronaut-rot25"])
def test_matches_the_published_recipe(shared, name):
    """The reference transforms at 4096 px before reducing, here it is 512: hence not exact, but near."""
    folder = shared / "golden" / "ffhq-align"
    photo = read_image(folder / f"{name}.photo.png").pixels
    (face,) = load_landmarks(folder / f"{name}.landmarks.json")
    aligned = align_face(photo, face.landmarks, 256)
    assert psnr(aligned.crop, read_image(folder / f"{name}.aligned256.png").pixels) > 52


@pytest.fixture(scope="module")
def landmarks(portrait) -> np.ndarray:
    (face,) = find_faces(read_image(portrait).pixels)
    return face.landmarks


@pytest.mark.parametrize("size", [32, 128, 300])  # the first reduces the photo beforehand
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_affine_repeats_the_crop(portrait, landmarks, size, template):
    photo = read_image(portrait).pixels
    aligned = align_face(photo, landmarks, size, template)
    np.testing.assert_array_equal(crop_from_affine(photo, aligned.affine, size), aligned.crop)


@pytest.mark.parametrize("size", [32, 128])
def test_affine_points_where_the_pixels_came_from(landmarks, size):
    """A photo whose red is x and green is y shows, in its crop, where each pixel lies in the photo."""
    y, x = np.mgrid[0:512, 0:512] + 0.5
    ramp = np.stack([x / 2, y / 2, 0 * x], axis=-1).round().astype(np.uint8)
    aligned = align_face(ramp, landmarks, size, TEMPLATES["close-up"])
    v, u = np.mgrid[0:size, 0:size] + 0.5
    where = np.stack([u, v, np.ones_like(u)], axis=-1) @ aligned.affine.T
    np.testing.assert_allclose(aligned.crop[..., :2] * 2.0, where, atol=2.5)  # rounding to 8 bits and back


def test_template_is_a_scaled_square_moved_down(landmarks):
    """Centre and sides by hand, from the definition: c + 0.2 y, and half of x and y about it."""
    photo = np.zeros((512, 512, 3), np.uint8)
    whole = align_face(photo, landmarks, 256).affine
    part = align_face(photo, landmarks, 256, Template(0.5, 0.2)).affine
    half_down = whole[:, 1] * 128
    np.testing.assert_allclose(part @ (128, 128, 1), whole @ (128, 128, 1) + 0.2 * half_down, atol=1e-9)
    np.testing.assert_allclose(part[:, :2], whole[:, :2] / 2, atol=1e-12)


def test_centre_crop():
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, 10:50] = 200
    cut = center_crop(photo, 20)
    assert (cut.crop[:, 2:-2] > 195).all()  # the filter looks a little beyond the square
    np.testing.assert_allclose(cut.affine, [[2, 0, 10], [0, 2, 0]])
