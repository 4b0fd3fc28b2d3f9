"""Line drawings: where the lines are, that they are few and of one width, and what sketches become."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ganedit.images.edges import clean_sketch, draw_edges, thinned
from ganedit.images.pixels import resize


@pytest.fixture(scope="module")
def disc():
    """A disc of 400 px in a picture of 1000."""
    picture = np.full((1000, 1000, 3), 200, np.uint8)
    cv2.circle(picture, (500, 500), 400, (60, 90, 120), -1)
    return picture


def ink(drawing):
    return drawing[..., 0] < 128


def overlap(a, b):
    """Intersection over union of the ink of two drawings, with a pixel of tolerance."""
    a, b = (ink(x).astype(np.uint8) for x in (a, b))
    wide = [cv2.dilate(x, np.ones((3, 3), np.uint8)) for x in (a, b)]
    return ((a & wide[1]).sum() + (b & wide[0]).sum()) / max(a.sum() + b.sum(), 1)


@pytest.mark.parametrize("side", [64, 200, 1000])
def test_a_disc_becomes_a_ring_at_any_size(disc, side):
    drawing = draw_edges(resize(disc, side))
    assert (drawing.shape, drawing.dtype) == ((side, side, 3), np.uint8)
    rows, columns = np.nonzero(ink(drawing))
    radius = np.hypot(rows + 0.5 - side / 2, columns + 0.5 - side / 2) / side
    assert radius.min() > 0.37
    assert radius.max() < 0.43
    assert 0.008 < ink(drawing).sum() / (2 * np.pi * 0.4 * side * side) < 0.024  # width of the line
    assert cv2.connectedComponents(ink(drawing).astype(np.uint8))[0] == 2  # the paper, and one line


def test_neither_flat_pictures_nor_noise_have_edges():
    rng = np.random.default_rng(0)
    noisy = (128 + rng.normal(0, 12, (256, 256, 3))).clip(0, 255).astype(np.uint8)
    assert (draw_edges(np.full((64, 80, 3), 90, np.uint8)) == 255).all()
    cv2.rectangle(noisy, (60, 60), (180, 180), (250, 20, 20), -1)
    drawn = ink(draw_edges(noisy))
    assert 0.01 < drawn.mean() < 0.08
    assert drawn[90:150, 90:150].sum() == 0


def test_size_depth_and_shape(disc):
    assert draw_edges(disc, (72, 72)).shape == (72, 72, 3)
    assert draw_edges(disc[:300, :40]).shape == (300, 40, 3)
    for strip in ((1, 1), (2, 3000), (5000, 3)):
        assert draw_edges(np.zeros((*strip, 3), np.uint8)).shape == (*strip, 3)
        assert clean_sketch(np.zeros((*strip, 3), np.uint8)).shape == (*strip, 3)
    assert (draw_edges(disc.astype(np.uint16) * 257) == draw_edges(disc)).all()


def test_a_portrait_has_its_features(portrait):
    from ganedit.images.align import TEMPLATES, align_faces
    from ganedit.images.face_detection import LEFT_EYE, RIGHT_EYE
    from ganedit.images.faces import find_faces
    from ganedit.images.io import read_image

    ((_, face),) = align_faces(read_image(portrait).pixels, size=256, template=TEMPLATES["close-up"])
    drawing = ink(draw_edges(face.crop))
    assert 0.02 < drawing.mean() < 0.15
    landmarks = find_faces(face.crop)[0].landmarks
    for points in (landmarks[LEFT_EYE], landmarks[RIGHT_EYE], landmarks[48:60]):
        low, high = points.min(0).astype(int), points.max(0).astype(int)
        assert drawing[low[1] - 4 : high[1] + 4, low[0] : high[0]].sum() > 20


# --- sketches --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strokes():
    """Share of ink [400, 400] of a drawing with lines 6 px wide."""
    sheet = np.zeros((400, 400), np.uint8)
    cv2.ellipse(sheet, (200, 200), (120, 160), 0, 0, 360, 255, 6, cv2.LINE_AA)
    cv2.line(sheet, (150, 280), (250, 280), 255, 6, cv2.LINE_AA)
    return sheet.astype(np.float32) / 255


def laid(strokes, paper, pencil, rng=None):
    paper, pencil = np.asarray(paper, float), np.asarray(pencil, float)
    picture = paper * (1 - strokes[..., None]) + pencil * strokes[..., None]
    return (picture + (0 if rng is None else rng.normal(0, 4, strokes.shape)[..., None])).clip(0, 255)


def test_sketches_of_every_kind_look_alike(strokes):
    rng = np.random.default_rng(0)
    light = (0.6 + 0.4 * np.linspace(0, 1, 400))[None, :, None]
    wanted = clean_sketch(laid(strokes, (255,) * 3, (0,) * 3).astype(np.uint8))
    assert 0.6 < ink(wanted).mean() / (strokes > 0.5).mean() < 1.4
    pictures = {
        "scan": laid(strokes, (225, 220, 205), (110, 105, 100), rng) * light,
        "chalk": laid(strokes, (25, 30, 25), (220, 220, 210), rng),
        "yellow crayon": laid(strokes, (250, 248, 240), (240, 200, 40)),
        "thick": laid(cv2.dilate(strokes, np.ones((15, 15))), (255,) * 3, (0,) * 3),
        "thin": laid(cv2.erode(strokes, np.ones((5, 5))), (255,) * 3, (90,) * 3),
    }
    for name, picture in pictures.items():
        assert overlap(clean_sketch(picture.astype(np.uint8)), wanted) > 0.9, name
    assert overlap(clean_sketch(wanted), wanted) > 0.97


@pytest.mark.parametrize("side", [64, 256, 700])
def test_our_own_drawings_are_left_as_they_are(portrait, side):
    from ganedit.images.io import read_image

    drawing = draw_edges(read_image(portrait).pixels, (side, side))
    assert (clean_sketch(drawing) == drawing).all()


def test_of_shaded_parts_the_rim_remains(strokes):
    picture = laid(strokes, (255,) * 3, (60,) * 3)
    picture[150:230, 160:240] = 120
    drawing = ink(clean_sketch(picture.astype(np.uint8)))
    assert not drawing[170:210, 180:220].any()
    assert drawing[144:156, 180:220].any(0).mean() > 0.5


@pytest.mark.parametrize("level", [0, 255])
def test_a_transparent_ground_is_paper(strokes, level):
    alpha = (strokes * 255).astype(np.uint8)
    drawing = clean_sketch(np.full((400, 400, 3), level, np.uint8), alpha)
    assert overlap(drawing, clean_sketch(np.repeat(255 - alpha[..., None], 3, axis=2))) > 0.95


def test_an_empty_sheet_stays_empty():
    rng = np.random.default_rng(0)
    paper = laid(np.zeros((300, 300)), (220, 215, 200), (0, 0, 0), rng).astype(np.uint8)
    assert (clean_sketch(paper) == 255).all()


def test_thinning_leaves_connected_lines_of_one_pixel():
    mask = np.zeros((40, 60), bool)
    mask[15:24, 5:55] = True
    middle = thinned(mask)
    assert middle.sum(0).max() == 1
    assert middle[:, 12:48].any(0).all()
    assert not (middle & ~mask).any()
