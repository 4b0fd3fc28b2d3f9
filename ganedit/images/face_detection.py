"""dlib's face detector and landmarks in one view of a photo, and a second look at what they find.

The detector slides histograms of oriented gradients over the photo (Dalal and Triggs, CVPR 2005); the
landmarks come from an ensemble of regression trees (Kazemi and Sullivan, CVPR 2014), whose trained data
is in the package `face_recognition_models`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganedit.errors import MissingError
from ganedit.images.pixels import resize, to_depth

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # left and right in the picture
MOUTH_CORNERS = [48, 54]

# Views of a face's own square: degrees by which it is turned, and its side; the face is half as wide.
_VIEWS = ((0, 160), (0, 200), (0, 250), (-25, 200), (25, 200))
_LEVEL = 10.0  # degrees by which the eyes may be askew in a crop; half if doubtful, or once corrected
_DOUBTFUL = 0.5  # score below which a face is doubtful
_ROUNDS = 3  # times that landmarks are corrected
_STEADY = 0.06  # unsteadiness that speaks neither for nor against a face
_FINEST = 1000  # px, side of the square in which landmarks are placed


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photo.

    Attributes:
        landmarks: [68, 2] float64 pixel positions (0, 0 = centre of the top left pixel), x before y.
        box: Left, top, right, bottom in pixels, as returned by the detector.
        score: Score of the detector: about 0 for doubtful faces, 1 to 3 for clear ones, NaN for given
            landmarks.
        turns: Counter-clockwise quarter turns of the photo for which the face was found; multiples of 1/3.
            The landmarks and the box refer to the photo as it was given.
    """

    landmarks: np.ndarray
    box: tuple[float, float, float, float]
    score: float
    turns: float = 0

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def oriented_square(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The square of the FFHQ data set: its centre, and the halves of its sides to the right and down.

    Source: Karras et al., arXiv:1812.04948, appendix A.
    """
    points = np.asarray(landmarks, float)
    left_eye, right_eye = points[LEFT_EYE].mean(0), points[RIGHT_EYE].mean(0)
    eyes = (left_eye + right_eye) / 2
    between_eyes = right_eye - left_eye
    to_mouth = points[MOUTH_CORNERS].mean(0) - eyes
    x = between_eyes - to_mouth[::-1] * (-1, 1)  # the mouth makes the direction between the eyes more stable
    x /= np.hypot(*x)
    x *= max(np.hypot(*between_eyes) * 2.0, np.hypot(*to_mouth) * 1.8)
    return eyes + to_mouth * 0.1, x, x[::-1] * (-1, 1)


def roll(landmarks: np.ndarray) -> float:
    """Degrees by which the line between the eyes falls towards the right of the picture."""
    x, y = landmarks[RIGHT_EYE].mean(0) - landmarks[LEFT_EYE].mean(0)
    return math.degrees(math.atan2(y, x))


def luminance(pixels: np.ndarray) -> np.ndarray:
    """[H, W] uint8, Rec. 601."""
    import cv2

    return cv2.cvtColor(np.ascontiguousarray(to_depth(pixels, np.uint8)), cv2.COLOR_RGB2GRAY)


def detect(grey: np.ndarray, scale: float, turns: int, threshold: float) -> list[Face]:
    """Faces of a photo [H, W] at one scale, turned by quarter turns; in coordinates of the upright photo."""
    turned = np.ascontiguousarray(np.rot90(grey, turns))
    small = rescaled(turned, scale)
    # The trees read few pixels, so the larger of the two costs the same and gives finer positions.
    canvas, fine = (small, scale) if scale > 1 else (turned, 1.0)
    faces = []
    for box, score in _boxes(small, threshold):
        corners = box / scale
        landmarks = (_landmarks(canvas, corners * fine) + 0.5) / fine - 0.5
        points = unrotate(np.concatenate([corners, landmarks]), grey.shape, turns)
        faces.append(Face(points[2:], _box_around(points[:2]), score, turns))
    return faces


def detect_rolled(grey: np.ndarray, scale: float, degrees: int, threshold: float) -> list[Face]:
    """The same in the photo turned counter-clockwise by any angle."""
    axes = _rotation(degrees) / scale
    size = np.ceil(np.abs(_rotation(degrees)) @ grey.shape[::-1] * scale).astype(int)
    last = np.array(grey.shape[::-1]) - 1
    origin = last / 2 - axes @ ((size - 1) / 2)
    faces = []
    for box, score in _boxes(_cut(grey, origin, axes, size), threshold):
        centre, half = axes @ box.mean(0) + origin, (box[1] - box[0]).max() / 2 / scale
        if ((centre >= 0) & (centre <= last)).all():
            landmarks = _fine_landmarks(grey, origin, axes, box)
            around = _box_around(np.stack([centre - half, centre + half]))
            faces.append(Face(landmarks, around, score, degrees / 90))
    return faces


def shifted(face: Face, by: tuple[int, int]) -> Face:
    """The face of a tile that begins at this position of the photo."""
    return replace(face, landmarks=face.landmarks + by, box=_box_around(np.reshape(face.box, (2, 2)) + by))


def check(grey: np.ndarray, face: Face) -> tuple[float, Face]:
    """How certain a face is in its own crop, on the scale of the detector's score.

    The detector's mean score there, upright, larger, smaller and turned a little, is corrected by how steady
    the landmarks are when the box is moved. Measured by `benchmarks/face_search.py margin` on 2026-11-30:
    landmarks of faces in 100 aligned crops of 128 px move by 0.004 to 0.056 of the distance between the eyes,
    those of eight false finds in 97 pictures without a face by 0.058 to 0.229. Before the limit by the score,
    the least certain faces have 0.24 and 0.32 (the median is 1.67). The most certain false find in an upright
    photo has -0.19, and 0.00 in one turned by 30 degrees, where `find_faces` asks for 0.2 more.

    If the eyes are not level in the crop, the landmarks are replaced by those of the crop. Landmarks are
    right within 30 degrees; a face that is rolled by 45 is sometimes found with those of an upright one.
    """
    level = _LEVEL if face.score >= _DOUBTFUL else _LEVEL / 2
    certainty, better = _look(grey, face.landmarks, level)
    for _ in range(_ROUNDS):
        if better is None:
            break
        face = replace(face, landmarks=better)
        certainty, better = _look(grey, better, _LEVEL / 2)
    return min(certainty, face.score + 0.1), face


def _look(grey: np.ndarray, landmarks: np.ndarray, level: float) -> tuple[float, np.ndarray | None]:
    """The certainty of a face, and the landmarks of its best view if the eyes are not level there."""
    centre, x, y = oriented_square(landmarks)
    scores, best = [], (-1.0, landmarks)
    for degrees, side in _VIEWS:
        axes = np.stack([x, y], axis=1) * 2 / side @ _rotation(degrees)
        origin = centre - axes @ np.full(2, (side - 1) / 2)
        view = _cut(grey, origin, axes, np.array([side, side]))
        if (degrees, side) == (0, 200):
            steady = float(np.clip(_STEADY - _unsteadiness(view), -0.05, 0.05))
        found = [(s, b) for b, s in _boxes(view, -1.0) if np.abs(b.mean(0) / side - (0.5, 0.6)).max() < 0.2]
        score, box = max(found, key=lambda one: one[0], default=(-1.0, None))
        scores.append(score)
        if box is not None and score > best[0]:
            best = score, _fine_landmarks(grey, origin, axes, box)
    across = best[1][RIGHT_EYE].mean(0) - best[1][LEFT_EYE].mean(0)
    askew = math.degrees(math.atan2(across @ y, across @ x))
    return float(np.mean(scores)) + 10 * steady, best[1] if abs(askew) > level else None


def _unsteadiness(view: np.ndarray) -> float:
    """Mean shift of the landmarks when the box of the face is moved and scaled, in distances of the eyes."""
    low, high = np.array([[0.25, 0.35], [0.75, 0.85]]) * len(view)
    moved = [(low + by, high + by) for by in ((0, 0), (6, 0), (-6, 0), (0, 6), (0, -6))]
    moved += [(low + by, high - by) for by in (5, -5)]
    landmarks = np.array([_landmarks(view, np.stack(corners)) for corners in moved])
    middle = np.median(landmarks, axis=0)
    eyes = np.hypot(*(middle[RIGHT_EYE].mean(0) - middle[LEFT_EYE].mean(0)))
    return float(np.linalg.norm(landmarks - middle, axis=2).mean() / max(eyes, 1.0))


def _fine_landmarks(grey: np.ndarray, origin: np.ndarray, axes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Landmarks [68, 2] in the photo of a box in a view, placed at the photo's own resolution."""
    side = 2 * (box[1] - box[0]).max()
    finer = float(np.clip(np.hypot(*axes[:, 0]), 1.0, _FINEST / side))
    low = box.mean(0) - side / 2
    size = np.full(2, math.ceil(side * finer))
    axes, origin = axes / finer, axes @ low + origin
    landmarks: np.ndarray = _landmarks(_cut(grey, origin, axes, size), (box - low) * finer) @ axes.T + origin
    return landmarks


def _cut(grey: np.ndarray, origin: np.ndarray, axes: np.ndarray, size: np.ndarray) -> np.ndarray:
    """A view [height, width] of a photo; beyond its edges, their colour goes on.

    Args:
        grey: The photo [H, W].
        origin: Position in the photo of the view's first pixel.
        axes: [2, 2]; its columns are the steps in the photo for a pixel to the right, and for one down.
        size: Width and height of the view.
    """
    import cv2

    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * size @ axes.T + origin
    step = float(np.hypot(*axes[:, 0]))
    margin = 2 * step + 2
    last = np.array(grey.shape[::-1]) - 1
    low = np.clip(np.floor(corners.min(0) - margin).astype(int), 0, last)
    high = np.clip(np.ceil(corners.max(0) + margin).astype(int), low, last) + 1
    patch = grey[low[1] : high[1], low[0] : high[0]]
    small = rescaled(patch, 1 / step) if step > 1 else patch
    ratio = np.array(small.shape[::-1]) / patch.shape[::-1]
    affine = np.column_stack([axes * ratio[:, None], (origin - low + 0.5) * ratio - 0.5])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    view: np.ndarray = cv2.warpAffine(
        np.ascontiguousarray(small), affine, size.tolist(), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return view


def _rotation(degrees: float) -> np.ndarray:
    """Matrix from directions in a picture turned counter-clockwise to those in the picture itself."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def _boxes(grey: np.ndarray, threshold: float) -> list[tuple[np.ndarray, float]]:
    """The detector's boxes [[left, top], [right, bottom]] and scores."""
    boxes, scores, _ = _detector().run(np.ascontiguousarray(grey), 0, threshold)
    corners = [np.array([[box.left(), box.top()], [box.right(), box.bottom()]]) for box in boxes]
    return list(zip(corners, map(float, scores), strict=True))


def _box_around(points: np.ndarray) -> tuple[float, float, float, float]:
    (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
    return left, top, right, bottom


def rescaled(grey: np.ndarray, scale: float) -> np.ndarray:
    """Resample by a factor, to at least one pixel."""
    height, width = grey.shape
    return resize(grey, (max(round(height * scale), 1), max(round(width * scale), 1)))


def _landmarks(grey: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Landmarks [68, 2] of the face in a box [[left, top], [right, bottom]]."""
    import dlib

    (left, top), (right, bottom) = corners.round().astype(int).tolist()
    shape = landmark_predictor()(grey, dlib.rectangle(left, top, right, bottom))
    return np.array([[p.x, p.y] for p in shape.parts()], dtype=np.float64)


def unrotate(points: np.ndarray, shape: tuple[int, ...], turns: int) -> np.ndarray:
    """Convert positions [N, 2] in `np.rot90(photo, turns)` to positions in the photo of this shape."""
    height, width = shape[:2]
    x, y = points[:, 0], points[:, 1]
    back = {
        0: (x, y),
        1: (width - 1 - y, x),
        2: (width - 1 - x, height - 1 - y),
        3: (y, height - 1 - x),
    }[turns]
    return np.stack(back, axis=1)


def model_file(name: str) -> Path:
    """Path of a data file in the package `face_recognition_models`, without importing the package.

    The import would need `pkg_resources`, which newer Pythons lack.

    Raises:
        MissingError: The package is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / "models" / name).is_file():
            return path
    raise MissingError(f"dlib's data file {name} is not installed", "pip install face_recognition_models")


@functools.cache
def _detector() -> Any:
    import dlib

    return dlib.get_frontal_face_detector()


@functools.cache
def landmark_predictor() -> Any:
    """dlib's predictor of 68 landmarks, read once."""
    import dlib

    return dlib.shape_predictor(str(model_file("shape_predictor_68_face_landmarks.dat")))
