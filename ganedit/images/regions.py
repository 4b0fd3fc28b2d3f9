"""Label maps of faces from their 68 landmarks: where skin, brows, eyes, nose and lips are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from ganedit.errors import InputError
from ganedit.files import atomic_path
from ganedit.images.face_detection import LEFT_EYE, RIGHT_EYE
from ganedit.images.labels import Palette
from ganedit.images.provenance import png_text

REGIONS = ("background", "skin", "brows", "eyes", "nose", "lips")
PALETTE = Palette(
    np.array(
        [(0, 0, 0), (240, 190, 150), (110, 70, 40), (60, 130, 220), (240, 140, 90), (210, 50, 70)], np.uint8
    ),
    REGIONS,
)

JAW, LEFT_BROW, RIGHT_BROW = slice(0, 17), slice(17, 22), slice(22, 27)
BRIDGE, NOSTRILS, LIPS = 27, slice(31, 36), slice(48, 60)
CHIN, NOSE_BASE = 8, 33
BROW = 0.11  # thickness of the brows, relative to the distance between the eyes
WINGS = 1.25  # width of the nose, relative to its base
FOREHEAD = 0.9  # height above the brows, relative to the distance from the base of the nose to the chin
FINE = 8  # factor by which shapes are drawn larger than the map
LEAST = 0.4  # share of a pixel that a region must cover; below 0.5, so that narrow eyes do not vanish


def draw_regions(landmarks: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Draw a label map of faces from their landmarks.

    The labels are background 0, skin 1, brows 2, eyes 3, nose 4 and lips 5. Hair, ears and neck are
    background. The forehead, which has no landmarks, is half an ellipse above the ends of the jaw.

    Args:
        landmarks: [68, 2] for each face, x before y, as `ganedit.images.faces.find_faces` gives them (pixel
            centres at whole numbers); later faces cover earlier ones.
        size: Height and width of the map, in the pixels that the landmarks count.

    Returns:
        [H, W] uint8, indices of `ganedit.images.regions.REGIONS`.

    Examples:
        >>> from ganedit.images.faces import find_faces
        >>> pixels = ganedit.read_image("examples/portrait.png").pixels
        >>> labels = ganedit.draw_regions([face.landmarks for face in find_faces(pixels)], pixels.shape[:2])
        >>> labels.shape, int(labels.max())
        ((512, 512), 5)
    """
    labels = np.zeros(size, np.uint8)
    for points in landmarks:
        for region, polygons in enumerate(_shapes(np.asarray(points, float)), 1):
            for polygon in polygons:
                _fill(labels, polygon, region)
    return labels


def _shapes(points: np.ndarray) -> tuple[list[np.ndarray], ...]:
    """Polygons of skin, brows, eyes, nose and lips."""
    apart = float(np.hypot(*(points[RIGHT_EYE].mean(0) - points[LEFT_EYE].mean(0))))
    nostrils = points[NOSTRILS]
    wings = nostrils.mean(0) + (nostrils - nostrils.mean(0)) * WINGS
    nose = np.concatenate([points[BRIDGE][None], wings[::-1]])
    skin = np.concatenate([points[JAW], _forehead(points)])
    brows = [_ribbon(points[brow], BROW * apart) for brow in (LEFT_BROW, RIGHT_BROW)]
    return [skin], brows, [points[LEFT_EYE], points[RIGHT_EYE]], [nose], [points[LIPS]]


def _forehead(points: np.ndarray) -> np.ndarray:
    """Half an ellipse from the right end of the jaw to the left one."""
    left, right = points[JAW][0], points[JAW][-1]
    across = (right - left) / 2
    up = np.array([across[1], -across[0]]) / max(float(np.hypot(*across)), 1e-6)
    brows = np.concatenate([points[LEFT_BROW], points[RIGHT_BROW]]).mean(0)
    third = float(np.hypot(*(points[CHIN] - points[NOSE_BASE])))
    middle = (left + right) / 2
    height = max(float((brows - middle) @ up), 0.0) + FOREHEAD * third
    turn = np.linspace(0, np.pi, 32)[1:-1, None]
    return np.asarray(middle + np.cos(turn) * across + np.sin(turn) * up * height)


def _ribbon(line: np.ndarray, width: float) -> np.ndarray:
    """Outline of a thick line, half as thick at its ends."""
    along = np.gradient(line, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(*normal.T), 1e-6)[:, None]
    half = width / 2 * np.linspace(-1, 1, len(line))[:, None] ** 2 * -0.5 + width / 2
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]])


def _fill(labels: np.ndarray, polygon: np.ndarray, region: int) -> None:
    """Set the pixels that a polygon covers to a region, in place."""
    import cv2

    height, width = labels.shape
    low = np.clip(np.floor(polygon.min(0)).astype(int), 0, (width, height))
    high = np.clip(np.ceil(polygon.max(0)).astype(int) + 1, 0, (width, height))
    if (high <= low).any():
        return
    columns, rows = (high - low).tolist()
    fine = np.zeros((rows * FINE, columns * FINE), np.uint8)
    cv2.fillPoly(fine, [np.rint((polygon + 0.5 - low) * FINE).astype(np.int32)], 1)
    share = fine.reshape(rows, FINE, columns, FINE).mean((1, 3))
    labels[low[1] : high[1], low[0] : high[0]][share >= LEAST] = region


def write_regions(path: str | Path, labels: np.ndarray, provenance: dict[str, Any] | None = None) -> Path:
    """Write a PNG with indexed colours, atomically.

    Args:
        path: Path that ends in .png.
        labels: [H, W] uint8, numbers of `REGIONS`.
        provenance: From `images.provenance.provenance`, to be embedded in the file.

    Raises:
        InputError: Another suffix, a folder that cannot be written to, or a full disk.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"cannot write a label map to {path}", "end the name in .png")
    image = Image.fromarray(labels, "P")
    image.putpalette(PALETTE.colours.tobytes())
    info = PngImagePlugin.PngInfo()
    for key, text in png_text(provenance).items() if provenance is not None else ():
        info.add_itxt(key, text)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return path
