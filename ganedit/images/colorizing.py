"""Colours for grey photographs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganedit.images.bands import in_bands
from ganedit.images.face_by_face import change_faces
from ganedit.images.io import Photo, as_photo
from ganedit.images.pixels import resize
from ganedit.images.tiles import Progress, check_tile
from ganedit.images.translation import seen_size, takes_faces
from ganedit.store.models import Translator
from ganedit.store.uses import need

AB_RANGE = 110.0  # value of CIE a and b that a network's 1 stands for


def colorize(
    photo: Photo | str | Path,
    model: Translator,
    *,
    size: int | None = None,
    tile: int | None = None,
    face: str | int = "largest",
    aligned: bool = False,
    progress: Progress | None = None,
) -> Photo:
    """Colourise a photo: its own lightness (CIE L) with colours (CIE a, b) from the model.

    A model of aligned faces colours the faces of a photo; the rest stays as it is.

    Args:
        photo: A greyscale photo, or its path; colours of a colour photo are removed first.
        model: A colourisation model, such as pix2pix (Isola et al., arXiv:1611.07004) in the colour space
            Lab.
        size: Side in pixels of the square that a U-Net sees, for other networks of the shorter side; None
            takes that of the model.
        tile: Side of the tiles in pixels; 0 takes the image whole, None what memory allows.
        face: For a model of faces: "largest", "all", or N for the N-th largest face of a photo.
        aligned: For a model of faces: the photo is an aligned crop.
        progress: Called with (tiles done, tiles in all).

    Returns:
        A colour photo in sRGB, of the same size and bit depth.

    Raises:
        InputError: A photo without a face, for a model of faces.
        CheckpointError: The model is for something else.

    Examples:
        >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
        >>> grey = sample.pixels.mean(axis=2, keepdims=True).repeat(3, axis=2).astype("uint8")
        >>> ganedit.colorize(ganedit.Photo(grey), ganedit.load("colorize-faces"), aligned=True).grey
        False
    """
    need(model, "colorize")
    photo = as_photo(photo)
    check_tile(tile)

    def change(photo: Photo) -> Photo:
        return _colorized(photo, model, size, tile, progress)

    if not takes_faces(model):
        return change(photo)
    return change_faces(photo, model, change, face=face, aligned=aligned)


def _colorized(
    photo: Photo, model: Translator, size: int | None, tile: int | None, progress: Progress | None
) -> Photo:
    import cv2

    white = np.iinfo(photo.pixels.dtype).max
    lightness = cv2.cvtColor(photo.pixels.astype(np.float32) / white, cv2.COLOR_RGB2LAB)[..., :1]
    own: tuple[int, int] = lightness.shape[:2]
    seen = seen_size(model, own, size)
    small = resize(lightness[..., 0], seen) / 50 - 1

    def cut(rows: slice, columns: slice) -> Tensor:
        return torch.from_numpy(small[rows, columns])[None, None]

    colours = torch.empty(2, *seen)
    for top, band in in_bands(model, model, cut, seen, tile, progress):
        colours[:, top : top + band.shape[2]] = band[0].cpu()
    planes = [resize(plane.clamp(-1, 1).numpy() * AB_RANGE, own)[..., None] for plane in colours]
    rgb = cv2.cvtColor(np.concatenate([lightness, *planes], axis=2), cv2.COLOR_LAB2RGB)
    pixels = (rgb * white).round().clip(0, white).astype(photo.pixels.dtype)
    return replace(photo, pixels=pixels, grey=False, icc=None, lost=None)
