"""Finds the faces of photos: upright, on their side, askew, and small ones in large photos."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ganedit.errors import InputError, NoFaceError, UsageError
from ganedit.files import parse_json, read_text, spelling
from ganedit.images.face_detection import Face as Face
from ganedit.images.face_detection import check, detect, detect_rolled, luminance, shifted

_SIDE = 1024  # px of the longer side for detection; faces from 80 px are found
_LARGE_SIDE = 2048  # the same for a second attempt; larger photos are searched in tiles, too
_LEAST = 80  # px, the side of the detector's window
_ROLLS = (30, 330, 60, 300, 120, 240, 150, 210)  # degrees, between the quarter turns
_DOUBTFUL = 0.1  # a score may lie this far below the threshold if the face is certain in its own crop
_STRICTER = 0.2  # turns by 30 degrees try so much that false detections come near the threshold
_FAINT = 0.6  # how far below the threshold uncertain spots are mentioned
_TILES, _ROLLED = "tiles at full size", "turns by 30 degrees"


def find_faces(pixels: np.ndarray, *, threshold: float = 0.0, largest: bool = False) -> list[Face]:
    """All faces that dlib's frontal detector finds, largest first.

    Tries the photo at one scale, then larger, then in tiles at full size, then in quarter turns, then in
    turns by 30 degrees, and stops at the first attempt that finds a face. Only the tiles are searched in any
    case, for smaller faces; photos of up to 2048 pixels need none. Every detection is checked in its own
    crop, which false ones rarely pass.

    Args:
        pixels: The photo [H, W, 3], uint8 or uint16.
        threshold: Score that a face needs. A lower one finds fainter faces, but also more false ones.
        largest: Skip the tiles if a face is found without them, since only smaller faces can be there.

    Raises:
        NoFaceError: There is no face; the message says what was tried, and where a face is possible.
        MissingError: The landmark data is not installed.
    """
    grey = luminance(pixels)
    tried: list[str] = []
    rejected = False
    for words, detections in _attempts(grey, threshold - _DOUBTFUL):
        tried += [words] if words not in tried else []
        faces = _certain(grey, detections, threshold + (_STRICTER if words == _ROLLED else 0))
        if faces and words != _TILES and max(grey.shape) > _LARGE_SIDE and not largest:
            faces += _certain(grey, _in_tiles(grey, threshold - _DOUBTFUL), threshold)
        if faces:
            return sorted(_merged(faces), key=lambda face: -face.area)
        rejected = rejected or bool(detections)
    height, width = grey.shape
    raise NoFaceError(
        f"found no face in {width}x{height} pixels{_uncertain_spot(grey, threshold) if rejected else ''}; "
        f"tried {', '.join(tried)}" + (f", threshold {threshold:g}" if threshold else ""),
        "crop the photo around the face, or try ganedit align with `threshold=-0.5` or `landmarks`",
    )


def _certain(grey: np.ndarray, detections: list[Face], threshold: float) -> list[tuple[float, Face]]:
    """The detections that are certain enough in their own crops, with their certainty."""
    return [one for one in (check(grey, face) for face in detections) if one[0] >= threshold]


def _uncertain_spot(grey: np.ndarray, threshold: float) -> str:
    """Words for the most likely face of the first upright attempt that finds any at a lower threshold.

    No attempt before it finds any there, so this threshold does let it through.
    """
    lower = threshold - _FAINT
    for _, detections in islice(_attempts(grey, lower - _DOUBTFUL), 2):
        if faces := _certain(grey, detections, lower):
            certainty, face = max(faces, key=lambda one: one[0])
            x, y = face.landmarks.mean(0).round().astype(int).tolist()
            needed = math.floor(certainty * 10) / 10
            return f"; one uncertain spot at {x}, {y} (`threshold={needed:g}` lets it through)"
    return ""


def _attempts(grey: np.ndarray, threshold: float) -> Iterator[tuple[str, list[Face]]]:
    """What is tried, in words, and the detections that it gives, one attempt after another."""
    first = min(_SIDE / max(grey.shape), 2.5)
    for scale in (first, min(_LARGE_SIDE / max(grey.shape), 4.0)):
        yield (
            f"{max(round(grey.shape[1] * scale), 1)}x{max(round(grey.shape[0] * scale), 1)}",
            detect(grey, scale, 0, threshold),
        )
    if max(grey.shape) > _LARGE_SIDE:
        yield _TILES, _in_tiles(grey, threshold)
    for turns in (1, 3, 2):
        yield "quarter turns", detect(grey, first, turns, threshold)
    yield _ROLLED, [face for angle in _ROLLS for face in detect_rolled(grey, first, angle, threshold)]


def _in_tiles(grey: np.ndarray, threshold: float) -> list[Face]:
    """Faces at full size, in tiles that overlap by more than the smallest face that is found without them."""
    overlap = math.ceil(1.5 * _LEAST * max(grey.shape) / _LARGE_SIDE)
    side = max(_LARGE_SIDE, 4 * overlap)
    faces = []
    for top in range(0, max(grey.shape[0] - overlap, 1), side - overlap):
        for left in range(0, max(grey.shape[1] - overlap, 1), side - overlap):
            tile = np.ascontiguousarray(grey[top : top + side, left : left + side])
            faces += [shifted(face, (left, top)) for face in detect(tile, 1.0, 0, threshold)]
    return faces


def _merged(faces: list[tuple[float, Face]]) -> list[Face]:
    """One face of those that several views show, the most certain; in the order in which they came."""
    kept: list[int] = []
    for number in sorted(range(len(faces)), key=lambda number: -faces[number][0]):
        if not any(_same(faces[number][1], faces[other][1]) for other in kept):
            kept.append(number)
    return [faces[number][1] for number in sorted(kept)]


def _same(one: Face, other: Face) -> bool:
    apart = np.hypot(*(one.landmarks.mean(0) - other.landmarks.mean(0)))
    return bool(apart < 0.4 * math.sqrt(max(one.area, other.area)))


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
        content: Any = parse_json(read_text(path))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", spelling(path)) from None
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
