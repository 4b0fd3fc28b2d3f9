"""Finds faces and their 68 landmarks with dlib.

The detector slides histograms of oriented gradients over the photo (Dalal and Triggs, CVPR 2005); the
landmarks come from an ensemble of regression trees (Kazemi and Sullivan, CVPR 2014), whose trained data
is in the package `face_recognition_models`.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganedit.errors import InputError, MissingError, UsageError
from ganedit.images.pixels import resize, to_depth

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # left and right in the picture
MOUTH_CORNERS = [48, 54]

_SIDE = 1024  # px of the longer side for detection; faces from 80 px are found
_LARGE_SIDE = 2048  # the same for a second attempt
# A score may lie this far below the threshold if a second look agrees, needs none this far above it, and
# the mean score of the second look must lie this far above it.
_DOUBTFUL, _SURE, _AGREE = 0.1, 0.3, 0.08


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photo.

    Attributes:
        landmarks: [68, 2] float64 pixel positions (0, 0 = centre of the top left pixel), x before y.
        box: Left, top, right, bottom in pixels, as returned by the detector.
        score: Score of the detector: about 0 for doubtful faces, 1 to 3 for clear ones, NaN for given
            landmarks.
        turns: Counter-clockwise quarter turns of the photo for which the face was found. The landmarks and
            the box refer to the photo as it was given.
    """

    landmarks: np.ndarray
    box: tuple[float, float, float, float]
    score: float
    turns: int = 0

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def find_faces(pixels: np.ndarray, *, threshold: float = 0.0) -> list[Face]:
    """All faces that dlib's frontal detector finds, largest first.

    Tries the photo at one scale, then larger, then in quarter turns, and stops at the first attempt that
    finds a face. Doubtful detections are checked again at other scales and mirrored, which false ones
    rarely survive.

    Args:
        pixels: The photo [H, W, 3], uint8 or uint16.
        threshold: Score that a face needs. A lower one finds fainter faces, but also more false ones.

    Raises:
        InputError: There is no face; the message says what was tried.
        MissingError: The landmark data is not installed.
    """
    grey = _luminance(pixels)
    height, width = grey.shape
    first = _scale(grey.shape, _SIDE, most=2.5)
    second = _scale(grey.shape, _LARGE_SIDE, most=4.0)
    attempts = [(first, 0), (second, 0), *((first, turns) for turns in (1, 3, 2))]
    doubtful: list[Face] = []
    for scale, turns in attempts:
        detections = _detect(grey, scale, turns, threshold - _DOUBTFUL)
        faces = [
            face
            for face, turned, box in detections
            if face.score >= threshold + _SURE or _second_look(turned, box) >= threshold + _AGREE
        ]
        if faces:
            return sorted(faces, key=lambda face: -face.area)
        doubtful += [face for face, _, _ in detections if face.score >= threshold]
    if doubtful:
        return [max(doubtful, key=lambda face: face.score)]
    tried = ", ".join(dict.fromkeys(_size_words(grey.shape, scale) for scale, _ in attempts))
    raise InputError(
        f"found no face in {width}x{height} pixels; tried {tried}, quarter turns, threshold {threshold:g}",
        "crop the photo around the face, or try ganedit align with `threshold=-0.5` or `landmarks`",
    )


def select_faces(faces: list[Face], which: str | int = "largest") -> list[Face]:
    """Choose faces by `which`: "largest", "all", or the N-th largest counted from 1.

    Raises:
        UsageError: `which` is none of these.
        InputError: There are fewer than N faces.
    """
    if which == "all":
        return faces
    if which == "largest":
        return faces[:1]
    try:
        number = int(which)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"`face={which}` must be largest, all, or a number from 1")
    if number > len(faces):
        raise InputError(f"there is no face {number}: found {len(faces)}", "faces count from 1, the largest")
    return [faces[number - 1]]


def load_landmarks(path: str | Path) -> list[Face]:
    """Faces from a JSON file with 68 points [x, y] in pixels.

    The file holds one list of 68 points, a list of several such lists, or an object with either under
    `landmarks_68` or `landmarks`.

    Raises:
        InputError: The file is missing, not JSON, or holds something else.
    """
    try:
        content: Any = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", "check the name") from None
    except (OSError, ValueError) as problem:
        raise InputError(
            f"{path} cannot be read as JSON: {problem}", 'write {"landmarks_68": [[x, y], ...]}'
        ) from problem
    if isinstance(content, dict):
        content = content.get("landmarks_68", content.get("landmarks"))
    try:
        points = np.asarray(content, dtype=np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim == 2:
        points = points[None]
    if points.ndim != 3 or points.shape[1:] != (68, 2) or not np.isfinite(points).all():
        raise InputError(
            f"{path} does not hold 68 points [x, y]: found an array of shape {list(points.shape)}",
            'write {"landmarks_68": [[x, y], ...]}',
        )
    faces = [Face(p, (*p.min(0), *p.max(0)), float("nan")) for p in points]
    return sorted(faces, key=lambda face: -face.area)


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


def _luminance(pixels: np.ndarray) -> np.ndarray:
    """[H, W] uint8, Rec. 601."""
    import cv2

    return cv2.cvtColor(np.ascontiguousarray(to_depth(pixels, np.uint8)), cv2.COLOR_RGB2GRAY)


def _scale(shape: tuple[int, ...], side: int, most: float) -> float:
    """Factor that brings the longer side to `side`, but at most `most`."""
    return min(side / max(shape), most)


def _size_words(shape: tuple[int, ...], scale: float) -> str:
    return f"{round(shape[1] * scale)}x{round(shape[0] * scale)}"


def _rescaled(grey: np.ndarray, scale: float) -> np.ndarray:
    height, width = grey.shape
    return resize(grey, (max(round(height * scale), 1), max(round(width * scale), 1)))


def _detect(
    grey: np.ndarray, scale: float, turns: int, threshold: float
) -> list[tuple[Face, np.ndarray, np.ndarray]]:
    """Faces at one scale and rotation, in the coordinates of `grey`, each with the rotated photo and its box
    there."""
    turned = np.ascontiguousarray(np.rot90(grey, turns))
    small = _rescaled(turned, scale)
    boxes, scores, _ = _detector().run(small, 0, threshold)
    # The trees read few pixels, so the larger of the two costs the same and gives finer positions.
    canvas, fine = (small, scale) if scale > 1 else (turned, 1.0)
    detections = []
    for box, score in zip(boxes, scores, strict=True):
        corners = np.array([[box.left(), box.top()], [box.right(), box.bottom()]]) / scale
        landmarks = (_landmarks(canvas, corners * fine) + 0.5) / fine - 0.5
        points = _unrotate(np.concatenate([corners, landmarks]), grey.shape, turns)
        low, high = points[:2].min(0), points[:2].max(0)
        face = Face(points[2:], (*low.tolist(), *high.tolist()), float(score), turns)
        detections.append((face, turned, corners))
    return detections


def _landmarks(grey: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Landmarks [68, 2] of the face in a box [[left, top], [right, bottom]]."""
    import dlib

    (left, top), (right, bottom) = corners.round().astype(int).tolist()
    shape = landmark_predictor()(grey, dlib.rectangle(left, top, right, bottom))
    return np.array([[p.x, p.y] for p in shape.parts()], dtype=np.float64)


def _second_look(grey: np.ndarray, corners: np.ndarray) -> float:
    """The detector's mean score for a box, mirrored and at scales within two levels of its pyramid.

    False detections rarely repeat: in our measurements, faint faces reach at least 0.1, false ones 0.
    """
    width = (corners[1] - corners[0]).max()
    low = np.clip((corners.mean(0) - 0.8 * width).astype(int), 0, None)
    high = np.minimum((corners.mean(0) + 0.8 * width).astype(int) + 1, grey.shape[::-1])
    patch = grey[low[1] : high[1], low[0] : high[0]]
    scores = []
    for side in (100, 112, 125):
        view = _rescaled(patch, side / width)
        for image in (view, np.ascontiguousarray(view[:, ::-1])):
            scores.append(max(_detector().run(image, 0, -1.0)[1], default=-1.0))
    return float(np.mean(scores))


def _unrotate(points: np.ndarray, shape: tuple[int, ...], turns: int) -> np.ndarray:
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
