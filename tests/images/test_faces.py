"""Finding faces: how many, where, which way up, and what is said when there are none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from ganedit.errors import InputError, UsageError
from ganedit.images.face_detection import check, detect, luminance, roll, unrotate
from ganedit.images.faces import Face, find_faces, load_landmarks, select_faces
from ganedit.images.io import read_image
from ganedit.images.pixels import resize

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
    back = unrotate(upright.landmarks, turned.shape, turns)
    np.testing.assert_allclose(face.landmarks, back, atol=3)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turn_back_is_rot90(turns):
    """A pixel's position follows the pixel."""
    grid = np.arange(5 * 7).reshape(5, 7)
    rows, columns = np.mgrid[: np.rot90(grid, turns).shape[0], : np.rot90(grid, turns).shape[1]]
    points = np.stack([columns.ravel(), rows.ravel()], axis=1)
    x, y = unrotate(points, grid.shape, turns).T
    np.testing.assert_array_equal(grid[y, x], np.rot90(grid, turns).ravel())


def test_sixteen_bits(portrait):
    pixels = read_image(portrait).pixels[:300, 80:400]
    (narrow,), (wide,) = find_faces(pixels), find_faces(pixels.astype(np.uint16) * 257)
    np.testing.assert_array_equal(wide.landmarks, narrow.landmarks)


def test_no_face_says_what_was_tried():
    with pytest.raises(InputError, match=r"tried 160x120.* quarter turns, turns by 30 degrees$") as caught:
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


def badge(portrait: np.ndarray) -> np.ndarray:
    return portrait[300:450]


def sunglasses(portrait: np.ndarray) -> np.ndarray:
    painted = portrait.copy()
    for eye in ((207, 108), (245, 106)):
        cv2.ellipse(painted, eye, (24, 18), 0, 0, 360, (10, 10, 10), -1)
    return painted[40:450]


@pytest.mark.parametrize("change", [badge, sunglasses])
def test_a_badge_is_no_face(portrait, change):
    """The detector sees a face in the badge of the suit. The message says where, and how to get it."""
    pixels = change(read_image(portrait).pixels)
    with pytest.raises(InputError, match="one uncertain spot at") as caught:
        find_faces(pixels)
    x, y, threshold = re.search(r"at (\d+), (\d+) \(`threshold=(\S+)`", str(caught.value)).groups()
    spots = [face.landmarks.mean(0) for face in find_faces(pixels, threshold=float(threshold))]
    assert any(np.abs(spot - (int(x), int(y))).max() < 1 for spot in spots)


@pytest.mark.parametrize("picture", ["horse", "noise"])
def test_nothing_in_pictures_without_faces(portrait, picture):
    if picture == "horse":
        pixels = read_image(portrait.with_name("horse.png")).pixels
    else:
        coarse = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
        pixels = cv2.resize(coarse, (160, 160), interpolation=cv2.INTER_CUBIC)
    with pytest.raises(InputError, match="found no face"):
        find_faces(pixels)


def test_landmarks_of_good_faces_are_kept(portrait):
    """The check in the crop changes nothing unless the eyes are askew there."""
    grey = luminance(read_image(portrait).pixels)
    (face, badge) = sorted(detect(grey, 2.0, 0, 0.0), key=lambda face: -face.score)
    certainty, same = check(grey, face)
    assert same is face
    assert certainty > 1
    assert check(grey, badge)[0] < 0


@pytest.mark.parametrize("degrees", [15, 45, 75, 135, 210, 315])
def test_rolled_heads(portrait, degrees):
    """Eyes are level in the crop within 10 degrees; without the check there, 45 degrees give 9."""
    pixels = read_image(portrait).pixels
    (upright,) = find_faces(pixels)
    turn = cv2.getRotationMatrix2D((230, 110), degrees, 1.0)
    turn[:, 2] += 160 - np.array([230, 110])
    (face,) = find_faces(cv2.warpAffine(pixels, turn, (320, 320), borderMode=cv2.BORDER_REPLICATE))
    error = roll(face.landmarks) - roll(upright.landmarks) + degrees
    assert abs((error + 180) % 360 - 180) < 10
    expected = upright.landmarks @ turn[:, :2].T + turn[:, 2]
    assert np.linalg.norm(face.landmarks - expected, axis=1).mean() < 5  # the eyes are 38 px apart


@pytest.fixture(scope="module")
def panorama(portrait) -> np.ndarray:
    """Three faces in 6000x700 pixels: of 300 px, and two of 130 px, one where tiles overlap."""
    pixels = np.full((700, 6000, 3), 120, np.uint8)
    head = read_image(portrait).pixels[20:220, 110:330]
    for x, scale in ((3000, 3.3), (1700, 1.45), (5000, 1.45)):
        face = resize(head, (round(200 * scale), round(220 * scale)))
        pixels[20 : 20 + len(face), x : x + face.shape[1]] = face
    return pixels


def test_small_faces_in_large_photos(panorama):
    """At 2048 px the small ones have 44 px; every face is found once, though two tiles show the second."""
    faces = find_faces(panorama)
    assert [round(face.box[0], -3) for face in faces] in ([3000, 2000, 5000], [3000, 5000, 2000])
    (alone,) = find_faces(panorama, largest=True)
    np.testing.assert_array_equal(alone.landmarks, faces[0].landmarks)


def test_only_small_faces_in_a_large_photo(panorama):
    """`largest` searches the tiles, too, if nothing is found without them."""
    (face,) = find_faces(panorama[:350, 3700:], largest=True)
    assert 1300 < face.box[0] < face.box[2] < 1300 + 320
