"""Faces in drawings: cut out as a model's template has them, from pages of any size and colour."""

from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest

from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.edges import draw_edges
from ganedit.images.io import Photo, read_image
from ganedit.images.sketches import fit_sketch


@pytest.fixture(scope="module")
def drawing(portrait) -> np.ndarray:
    """The lines of an aligned face [200, 200, 3]."""
    ((_, face),) = align_faces(read_image(portrait), size=200, template=TEMPLATES["close-up"])
    return draw_edges(face.crop)


def on_page(drawing: np.ndarray, height: int, width: int, top: int, left: int) -> np.ndarray:
    page = np.full((height, width, 3), 255, np.uint8)
    page[top : top + len(drawing), left : left + len(drawing)] = drawing
    return page


def test_a_face_is_taken_from_its_page(drawing):
    """Lines lie where they would without the paper around them, within 5 px."""
    fitted = fit_sketch(Photo(on_page(drawing, 420, 560, 120, 300)), "close-up").pixels
    assert abs(len(fitted) - 200) < 30
    fitted = cv2.resize(fitted, (200, 200), interpolation=cv2.INTER_AREA)[20:180, 20:180]
    near = cv2.erode(drawing.min(axis=2), np.ones((11, 11), np.uint8))[20:180, 20:180]  # lines, made wider
    assert (near[fitted.min(axis=2) < 100] < 128).mean() > 0.95


def test_a_fitting_drawing_stays_as_it_is(drawing):
    assert fit_sketch(sketch := Photo(drawing), "close-up") is sketch


@pytest.mark.parametrize("kind", ["light on dark", "transparent"])
def test_other_kinds_of_pages(drawing, kind):
    page = on_page(drawing, 420, 420, 110, 110)
    sketch = Photo(255 - page) if kind == "light on dark" else Photo(0 * page, alpha=255 - page[..., 0])
    fitted = fit_sketch(sketch, "close-up")
    assert abs(len(fitted.pixels) - 200) < 30
    assert fitted.alpha is None


def test_a_drawing_without_a_face_is_taken_whole_with_a_warning(caplog):
    page = np.full((200, 300, 3), 255, np.uint8)
    cv2.rectangle(page, (40, 60), (250, 150), (0, 0, 0), 3)  # a box
    with caplog.at_level(logging.WARNING):
        assert fit_sketch(sketch := Photo(page), "close-up") is sketch
    assert "shows no face that can be recognised" in caplog.text
