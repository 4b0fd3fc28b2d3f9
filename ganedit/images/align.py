"""Cuts out of photos the oriented square that face generators are trained on, like FFHQ's authors did.

Source: Karras et al., "A style-based generator architecture for generative adversarial networks",
arXiv:1812.04948, appendix A (the FFHQ data set).

Coordinates: landmarks count pixels, so that (0, 0) is the centre of the top left pixel. Affines map
continuous positions, in which that centre lies at (0.5, 0.5) and the crop covers [0, S] x [0, S].
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.images.encode import preview_png
from ganedit.images.face_detection import LEFT_EYE, RIGHT_EYE, oriented_square
from ganedit.images.faces import Face as Face
from ganedit.images.faces import find_faces as find_faces
from ganedit.images.faces import load_landmarks as load_landmarks
from ganedit.images.faces import select_faces as select_faces
from ganedit.images.io import Photo, as_photo
from ganedit.images.pixels import to_depth

if TYPE_CHECKING:
    from ganedit.store.cards import ModelCard

LOG = logging.getLogger(__name__)

_FINEST = 4096  # side at which the published recipe transforms crops of any size


@dataclass(frozen=True)
class Template:
    """How much of a head a crop shows: the FFHQ square, scaled about a centre that is moved towards the chin.

    Attributes:
        scale: Side of the square relative to the FFHQ square; smaller is closer.
        shift_down: Shift of its centre down the face, in half sides of the FFHQ square.
    """

    scale: float
    shift_down: float


TEMPLATES = {"ffhq": Template(1.0, 0.0), "close-up": Template(0.60, 0.208)}


def template_of(card: ModelCard) -> Template | None:
    """How a model wants faces aligned; None if it is not for faces.

    Raises:
        CheckpointError: Its card names an unknown template.
    """
    if card.template and card.template not in TEMPLATES:
        raise CheckpointError(
            f"the model {card.name} wants photos aligned as {card.template!r}, which is unknown",
            f"known: {', '.join(TEMPLATES)}",
        )
    return TEMPLATES.get(card.template)


def window(inner: Template, outer: Template, size: int) -> tuple[int, int, int] | None:
    """Where the crop of a face by one template lies in its crop by another.

    Args:
        inner: Of the crop that is looked for.
        outer: Of the crop that is there.
        size: Side of the latter in pixels.

    Returns:
        Top, left and side in pixels; None if part of it lies outside.

    Examples:
        >>> window(TEMPLATES["close-up"], TEMPLATES["ffhq"], 1000)
        (304, 200, 600)
    """
    half = inner.scale / outer.scale
    down = (inner.shift_down - outer.shift_down) / outer.scale
    if half + abs(down) > 1:
        return None
    return round((1 + down - half) / 2 * size), round((1 - half) / 2 * size), round(half * size)


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A square crop, and where it lies in its photo.

    Attributes:
        crop: [S, S, 3] uint8.
        affine: [2, 3] float64, from continuous positions in the crop to continuous positions in the photo.
        size: S, in pixels.
        template: What the square shows; None for a crop that was not oriented by a face.
    """

    crop: np.ndarray
    affine: np.ndarray
    size: int
    template: Template | None

    def _repr_png_(self) -> bytes:
        return preview_png(self.crop)


def align_face(
    pixels: np.ndarray, landmarks: np.ndarray, size: int = 256, template: Template = TEMPLATES["ffhq"]
) -> AlignedFace:
    """Cut out a face upright, centred and at a standard scale; beyond its edges, the photo is mirrored.

    Args:
        pixels: The photo [H, W, 3], uint8 or uint16.
        landmarks: [68, 2] pixel positions in the usual order of 68 points.
        size: Side of the crop.
        template: What the crop shows.
    """
    corner, right, down = _oriented_square(landmarks, template)
    height, width = pixels.shape[:2]
    shrink = _shrink(float(np.hypot(*right)), size)
    # The recipe divides pixel indices by `shrink` and adds half a pixel afterwards; with the rounding of
    # the reduced photo's sides, this is the true position of its crops.
    ratio = np.array([width / round(width / shrink), height / round(height / shrink)])
    origin = (corner / shrink + 0.5) * ratio
    axes = np.stack([right, down], axis=1) / shrink * ratio[:, None] / size
    affine = np.concatenate([axes, origin[:, None]], axis=1)
    return AlignedFace(crop_from_affine(pixels, affine, size), affine, size, template)


def align_faces(
    photo: Photo | np.ndarray | str | Path,
    *,
    size: int = 256,
    template: Template | None = TEMPLATES["ffhq"],
    face: str | int = "largest",
    threshold: float = 0.0,
    faces: list[Face] | None = None,
) -> list[tuple[int, AlignedFace]]:
    """Find the faces of a photo and cut them out, upright and at one size.

    The crop is that of the FFHQ data set (Karras et al., arXiv:1812.04948, appendix A); dlib finds the faces
    and their 68 landmarks.

    Args:
        photo: A photo, its path, or pixels [H, W, 3] RGB, uint8 or uint16.
        size: Side of the crops in pixels.
        template: How much of the head a crop shows; None crops the middle of the photo without looking for
            faces.
        face: "largest", "all", or N for the N-th largest.
        threshold: Lowest detection score of a face; about 0 for doubtful faces, 1 to 3 for clear ones.
        faces: Faces that are already known; the detector is then not run.

    Returns:
        Pairs of a number (1 is the largest face) and a crop.

    Raises:
        InputError: There is no face, or no N-th one; landmarks of another photo; or the file is not an image.
        UsageError: A size below 1.

    Examples:
        >>> ((number, face),) = ganedit.align("examples/portrait.png", size=128)
        >>> face.crop.shape
        (128, 128, 3)
    """
    photo = as_photo(photo)
    pixels = photo.pixels
    if template is None:
        return [(1, center_crop(pixels, size))]
    if size < 1:
        raise UsageError(f"`size={size}` must be at least 1")
    if faces is None:
        faces = find_faces(pixels, threshold=threshold, largest=face == "largest")
    else:
        _check_landmarks(faces, pixels)
    chosen = select_faces(faces, face)
    if face == "largest" and len(faces) > 1:
        where = photo.path.name if photo.path else "the photo"
        LOG.warning(f"{where} shows {len(faces)} faces; this takes the largest, `face=all` takes every one")
    return [(1 + faces.index(f), align_face(pixels, f.landmarks, size, template)) for f in chosen]


def _check_landmarks(faces: list[Face], pixels: np.ndarray) -> None:
    """Refuse landmarks that were not made for this photo."""
    height, width = pixels.shape[:2]
    for face in faces:
        left, right = face.landmarks[LEFT_EYE].mean(0), face.landmarks[RIGHT_EYE].mean(0)
        x, y = middle = (left + right) / 2
        apart = float(np.hypot(*(right - left)))
        if not (0 <= x < width and 0 <= y < height and 1 <= apart <= max(height, width)):
            raise InputError(
                f"the landmarks do not fit the photo of {width}x{height} pixels: the eyes lie about "
                f"{middle.round().tolist()}, {apart:.0f} pixels apart",
                "give the landmarks of this photo, in its pixels",
            )


def center_crop(pixels: np.ndarray, size: int = 256) -> AlignedFace:
    """The largest upright square in the middle, for models of anything other than faces."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    affine = np.array([[side / size, 0, (width - side) // 2], [0, side / size, (height - side) // 2]], float)
    return AlignedFace(crop_from_affine(pixels, affine, size), affine, size, None)


def crop_from_affine(pixels: np.ndarray, affine: np.ndarray, size: int) -> np.ndarray:
    """Cut out the square described by an affine, with the filters and padding of FFHQ's recipe.

    An upright square inside the photo, such as that of `center_crop`, is reduced without padding.

    Args:
        pixels: The photo [H, W, 3], uint8 or uint16.
        affine: [2, 3], from continuous positions in a crop of side `size` to positions in the photo.
        size: Side of the crop.

    Returns:
        [size, size, 3] uint8. The crop and affine of `align_face` agree exactly.
    """
    corners = np.array([[0, 0, 1], [0, size, 1], [size, size, 1], [size, 0, 1]], float)
    quad = corners @ np.asarray(affine, float).T  # top left, bottom left, bottom right, top right
    side = float(np.hypot(*(quad[3] - quad[0])))
    image = Image.fromarray(to_depth(pixels, np.uint8))
    box = (*quad[0], *quad[2])
    upright = affine[0, 1] == affine[1, 0] == 0
    if upright and min(box) >= 0 and box[2] <= image.width and box[3] <= image.height:
        # Not a face: there is nothing to rotate, and no edge to pad.
        return np.array(image.resize((size, size), Image.Resampling.LANCZOS, box))

    shrink = _shrink(side, size)
    if shrink > 1:
        reduced = (round(image.width / shrink), round(image.height / shrink))
        quad *= np.array(reduced) / image.size
        image = image.resize(reduced, Image.Resampling.LANCZOS)
        side /= shrink

    border = max(round(side * 0.1), 3)
    low, high = np.floor(quad - 0.5).min(0).astype(int), np.ceil(quad - 0.5).max(0).astype(int)
    left, top = np.clip(low - border, 0, None)
    right, bottom = np.minimum(high + border, image.size)
    if left >= right or top >= bottom:
        raise ValueError(f"the crop at {quad.round().tolist()} lies outside the photo")
    image = image.crop((left, top, right, bottom))
    quad -= (left, top)

    low, high = low - (left, top), high - (left, top)
    before = np.clip(border - low, 0, None)
    after = np.clip(high - image.size + border, 0, None)
    if max(before.max(), after.max()) > border - 4:
        least = round(side * 0.3)
        before, after = np.maximum(before, least), np.maximum(after, least)
        image = Image.fromarray(_pad(np.asarray(image), before, after, side))
        quad += before

    # A side that is as fine as the photo and twice as fine as the crop is equal within 54 dB, and much
    # faster.
    fine = max(size, min(size * max(math.ceil(side / size), 2), _FINEST))
    image = image.transform(
        (fine, fine), Image.Transform.QUAD, tuple(quad.flatten()), Image.Resampling.BILINEAR
    )
    return np.array(image.resize((size, size), Image.Resampling.LANCZOS))


def _oriented_square(landmarks: np.ndarray, template: Template) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Top left corner, and the vectors along the top and the left side, in pixel indices."""
    centre, x, y = oriented_square(landmarks)
    centre = centre + y * template.shift_down
    x, y = x * template.scale, y * template.scale
    return centre - x - y, 2 * x, 2 * y


def _shrink(side: float, size: int) -> int:
    """Whole factor by which to reduce a photo before a square of `side` pixels is resized to `size`."""
    return max(int(side / size * 0.5), 1)


def _pad(pixels: np.ndarray, before: np.ndarray, after: np.ndarray, side: float) -> np.ndarray:
    """Mirror the photo at its edges, then blur the added margin and fade it to the median colour."""
    import cv2

    padded = np.pad(pixels, ((before[1], after[1]), (before[0], after[0]), (0, 0)), "reflect")
    image = padded.astype(np.float32)
    height, width = image.shape[:2]
    y, x = np.ogrid[:height, :width]
    inside_x = np.minimum(x / np.float32(before[0]), (width - 1 - x) / np.float32(after[0]))
    inside_y = np.minimum(y / np.float32(before[1]), (height - 1 - y) / np.float32(after[1]))
    depth = (1 - np.minimum(inside_x, inside_y))[..., None].astype(np.float32)  # 0 in the photo, 1 outermost
    sigma = side * 0.02
    kernel = 2 * int(4 * sigma + 0.5) + 1
    blurred = cv2.GaussianBlur(image, (kernel, kernel), sigma, borderType=cv2.BORDER_REFLECT)
    image += (blurred - image) * np.clip(depth * 3 + 1, 0, 1)
    image += (np.median(image, axis=(0, 1)).astype(np.float32) - image) * np.clip(depth, 0, 1)
    return image.round().clip(0, 255).astype(np.uint8)
