"""Finding faces: how many, where, which way up, and what is said when there are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ganedit.errors import InputError, UsageError
from ganedit.images.faces import Face, _unrotate, find_faces, load_landmarks, select_faces
from ganedit.images.io import read_image

NOSE = 30


def test_portrait_has_one_face(portrait):
    """The detector also fires on the badge of the suit, which the second look rejects."""
    (face,) = find_faces(read_image(portrait).pixels)
    assert face.landmarks.shape == (68, 2)
    np.testing.assert_allclose(face.landmarks[NOSE], (230, 127), atol=12)
    assert face.score > 1
    assert face.turns == 0


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("obama_portrait.jpg", {1}),
        ("obama_speech.jpg", {1}),  # the second by eye is blurred and cut off
        ("biden_portrait.jpg", {1}),
        ("astronaut.jpg", {1}),
        ("two_people.jpg", {2}),
        ("voc_2008_001322.jpg", {3}),
        ("voc_2008_002506.jpg", {3}),
        ("voc_2007_007763.jpg", {6, 7}),  # one of the small faces is as faint as false detections are
    ],
)
def test_counts_by_eye(shared, name, counts):
    faces = find_faces(read_image(shared / "data" / "photos" / name).pixels)
    assert len(faces) in counts
    assert [f.area for f in faces] == sorted((f.area for f in faces), reverse=True)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_photos(portrait, turns):
    """A photo on its side gives the same landmarks, turned with it."""
    pixels = read_image(portrait).pixels[:300, 80:400]
    (upright,) = find_faces(pixels)
    turned = np.ascontiguousarray(np.rot90(pixels, -turns))
    (face,) = find_faces(turned)
    assert face.turns == turns
    back = _unrotate(upright.landmarks, turned.shape, turns)
    np.testing.assert_allclose(face.landmarks, back, atol=3)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turn_back_is_rot90(turns):
    """A pixel's position follows the pixel."""
    grid = np.arange(5 * 7).reshape(5, 7)
    rows, columns = np.mgrid[: np.rot90(grid, turns).shape[0], : np.rot90(grid, turns).shape[1]]
    points = np.stack([columns.ravel(), rows.ravel()], axis=1)
    x, y = _unrotate(points, grid.shape, turns).T
    np.testing.assert_array_equal(grid[y, x], np.rot90(grid, turns).ravel())


def test_sixteen_bits(portrait):
    pixels = read_image(portrait).pixels[:300, 80:400]
    (narrow,), (wide,) = find_faces(pixels), find_faces(pixels.astype(np.uint16) * 257)
    np.testing.assert_array_equal(wide.landmarks, narrow.landmarks)


def test_no_face_says_what_was_tried():
    with pytest.raises(InputError, match=r"tried 160x120.* quarter turns, threshold 0") as caught:
        find_faces(np.full((48, 64, 3), 128, np.uint8))
    assert "`threshold=-0.5`" in caught.value.hint


def _face(width: float) -> Face:
    return Face(np.zeros((68, 2)), (0, 0, width, width), 1.0)


def test_select_faces():
    faces = [_face(3), _face(2)]
    assert select_faces(faces, "all") == faces
    assert select_faces(faces, "largest") == faces[:1]
    assert select_faces(faces, 2) == select_faces(faces, "2") == faces[1:]
    with pytest.raises(InputError, match="no face 3"):
        select_faces(faces, 3)
    for nonsense in ("smallest", "0", -1):
        with pytest.raises(UsageError):
            select_faces(faces, nonsense)


def test_landmarks_from_json(tmp_path: Path):
    points = [[i, i * 2] for i in range(68)]
    large = [[x * 2, y * 2] for x, y in points]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"landmarks_68": points}))
    (face,) = load_landmarks(path)
    np.testing.assert_array_equal(face.landmarks, points)
    path.write_text(json.dumps([points, large]))
    assert [f.landmarks[1, 0] for f in load_landmarks(path)] == [2, 1]


@pytest.mark.parametrize("content", ["", "{}", "[[1, 2]]", '{"landmarks": "no"}', "[[1, 2], [3]]"])
def test_bad_landmarks(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=r"x\.json"):
        load_landmarks(tmp_path / "x.json")
