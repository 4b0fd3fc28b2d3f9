"""Runs models of aligned faces on whole photos: cuts each face out, changes it, and pastes it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ganedit.errors import NoFaceError
from ganedit.images.align import TEMPLATES, AlignedFace, Template, align_faces, crop_from_affine
from ganedit.images.io import Photo
from ganedit.images.paste import Mode, paste
from ganedit.images.provenance import SYNTHETIC

if TYPE_CHECKING:
    from ganedit.store.models.base import Model

FINEST = 1024  # side of the largest crop that is taken at the photo's own resolution
DRAWN = ("generate", "project", "edit", "interpolate", "mix", "math", "clip edit", "clip generate")
NEAR = 0.12  # farthest that a corner of an aligned crop lies from the photo's, relative to its side


def is_crop(photo: Photo, template: str) -> bool:
    """Whether ganedit cut a photo out by this template, or drew it, according to its provenance."""
    record = photo.provenance or {}
    height, width = photo.pixels.shape[:2]
    if height != width:
        return False
    if record.get("command") == "align":
        return bool(record.get("parameters", {}).get("template") == template)
    return record.get("command") in DRAWN and record.get("digital_source_type") == SYNTHETIC


def change_faces(
    photo: Photo,
    model: Model,
    change: Callable[[Photo], Photo],
    *,
    size: int | None = None,
    face: str | int = "largest",
    aligned: bool = False,
    onto: Photo | None = None,
    mode: Mode = "change",
) -> Photo:
    """Change the faces of a photo by a model of aligned faces; the rest of the photo stays as it is.

    A photo that is an aligned crop already is changed as a whole: one that ganedit aligned or drew, and one
    whose face lies where the model's template has it.

    Args:
        photo: A photo of any size.
        model: Its card names the template.
        change: Function from an aligned square crop to the changed one.
        size: Side of the crops in pixels; None takes them at the photo's resolution.
        face: "largest", "all", or N for the N-th largest.
        aligned: The photo is an aligned crop.
        onto: An enlarged copy of the photo into which the faces are pasted; None means the photo itself.
        mode: How they are pasted, as in `paste`.

    Raises:
        NoFaceError: There is no face.
        InputError: There is no N-th face.
    """
    template = TEMPLATES[model.card.template]
    if aligned or is_crop(photo, model.card.template):
        return change(photo)
    faces = _faces(photo, template, size or model.card.resolution, face)
    if len(faces) == 1 and is_whole(faces[0], photo):
        return change(photo)
    onto, changed = onto or photo, photo
    pixels = onto.pixels
    ratio = np.array(pixels.shape[1::-1]) / photo.pixels.shape[1::-1]
    for one in faces:
        own = one if size else _finer(photo, one)
        changed = change(Photo(own.crop, grey=photo.grey))
        pixels = paste(pixels, own.affine * ratio[:, None], own.crop, changed.pixels, mode=mode)
    if photo.grey:
        onto = replace(onto, icc=None, lost=None)  # its profile is not for colours
    return replace(onto, pixels=pixels, grey=changed.grey)


def _faces(photo: Photo, template: Template, size: int, which: str | int) -> list[AlignedFace]:
    try:
        return [face for _, face in align_faces(photo, size=size, template=template, face=which)]
    except NoFaceError as problem:
        raise NoFaceError(
            problem.message,
            "this model knows aligned faces; if the image is a cropped face already, pass `aligned=True`",
        ) from problem


def is_whole(face: AlignedFace, photo: Photo) -> bool:
    """Whether the crop of a face is the photo, but for a small shift or turn."""
    height, width = photo.pixels.shape[:2]
    square = np.array([[0, 0, 1], [face.size, 0, 1], [0, face.size, 1], [face.size, face.size, 1]], float)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    return bool(abs(square @ face.affine.T - corners).max() <= NEAR * max(height, width))


def _finer(photo: Photo, face: AlignedFace) -> AlignedFace:
    """The same face at the photo's resolution, if that is finer."""
    return cut_again(photo.pixels, face, min(max(side_of(face), face.size), FINEST))


def side_of(face: AlignedFace) -> int:
    """Side of the square of a face in pixels of its photo."""
    return round(face.size * float(np.hypot(*face.affine[:, 0])))


def cut_again(pixels: np.ndarray, face: AlignedFace, size: int) -> AlignedFace:
    """The same face as a crop of another side, from its photo [H, W, 3]."""
    affine = face.affine.copy()
    affine[:, :2] *= face.size / size
    return AlignedFace(crop_from_affine(pixels, affine, size), affine, size, face.template)
