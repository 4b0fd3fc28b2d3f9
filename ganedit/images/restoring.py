"""Restores the faces of photographs by networks of aligned faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ganedit.errors import InputError, NoFaceError, UsageError
from ganedit.images.face_by_face import change_faces
from ganedit.images.io import Photo, as_photo
from ganedit.images.pixels import levelled, to_depth
from ganedit.images.sizes import resized, sized
from ganedit.images.tensors import to_unit
from ganedit.images.tiles import Progress, check_tile
from ganedit.images.upscaling import check_pixels, check_scale, scaled_size, upscale
from ganedit.store.models import Restorer, Upscaler
from ganedit.store.uses import need

BALANCE = 0.5  # fidelity if none is given


def restore(
    photo: Photo | str | Path,
    model: Restorer,
    *,
    face: str | int = "all",
    aligned: bool = False,
    fidelity: float | None = None,
    background: Upscaler | None = None,
    scale: float | None = None,
    tile: int | None = None,
    faceless: bool = False,
    progress: Progress | None = None,
) -> Photo:
    """Restore the faces of a photo (GFPGAN, Wang et al., arXiv:2101.04061; RestoreFormer; CodeFormer).

    Each face is cut out by the alignment that the network was trained with, restored, and pasted back with
    its colours matched to the photo's around it. Greyscale photos stay greyscale; bit depth, alpha and colour
    profile are kept.

    Args:
        photo: A photo of any size, or its path.
        model: A model that restores faces.
        face: "all", "largest", or N for the N-th largest.
        aligned: The photo is an aligned crop: do not look for faces.
        fidelity: From 0, a good face, to 1, one like the input, for a model with such a weight (CodeFormer);
            None is 0.5.
        background: An upscaler that first enlarges the whole photo; the faces are then pasted into that. None
            leaves the rest of the photo as it is.
        scale: How many times as wide and high the result is; None takes the scale of the upscaler, or 1.
            Without an upscaler, the rest of the photo is resized by a Lanczos filter.
        tile: Side of the upscaler's tiles, as in `upscale`.
        faceless: Take a photo without a face as well: it is enlarged, nothing more.
        progress: Called with (tiles done, tiles in all) by the upscaler.

    Returns:
        A photo of the same size, or the enlarged photo.

    Raises:
        NoFaceError: There is no face, and `faceless` does not allow that.
        InputError: There is no N-th face, an aligned crop is not square, or the result would have more pixels
            than ganedit reads.
        UsageError: `scale` or `fidelity` is out of range, or the model has no such weight.
        CheckpointError: The model does not restore faces, or `background` is not an upscaler.

    Examples:
        >>> model = ganedit.load("gfpgan")  # doctest: +SKIP
        >>> photo = ganedit.restore("examples/portrait.png", model)  # doctest: +SKIP
    """
    need(model, "restore")
    check_fidelity(fidelity, model)
    check_scale(scale)
    check_tile(tile)
    photo = as_photo(photo)
    height, width = photo.pixels.shape[:2]
    if aligned and height != width:
        raise InputError(
            f"{photo.path or 'the photo'} has {width}x{height} pixels; an aligned crop is square",
            "leave out `aligned`, or cut it with ganedit align",
        )
    side = model.card.resolution

    def change(crop: Photo) -> Photo:
        x = to_unit(sized(crop.pixels, (side, side)))
        with torch.inference_mode():
            y = model(x, BALANCE if fidelity is None else fidelity)[0].clamp(0, 1).permute(1, 2, 0)
        pixels = (y.cpu().numpy() * 255).round().astype(np.uint8)
        return replace(crop, pixels=levelled(pixels) if crop.grey else pixels)

    onto = _enlarged(photo, background, scale, tile, progress)
    try:
        found = change_faces(
            photo, model, change, size=side, face=face, aligned=aligned, onto=onto, mode="replace"
        )
    except NoFaceError:
        if not faceless:
            raise
        return onto
    pixels = to_depth(sized(found.pixels, onto.pixels.shape[:2]), onto.pixels.dtype)
    lost = onto.lost  # what sRGB cannot hold of the photo does not belong to a new face
    if lost is not None:
        lost = np.where((pixels != onto.pixels).any(axis=2, keepdims=True), 0, lost)
    return replace(onto, pixels=pixels, lost=lost)


def check_fidelity(fidelity: float | None, model: Restorer | None = None) -> None:
    """Refuse a fidelity that is not from 0 to 1, or that the model does not take.

    Raises:
        UsageError: It is.
    """
    if fidelity is None:
        return
    if not 0 <= fidelity <= 1:
        raise UsageError(
            f"`fidelity={fidelity}` must be from 0 to 1", "0: a good face, 1: one like the input"
        )
    if model is not None and not model.has_fidelity:
        raise UsageError(
            f"the model {model.name} has no such weight as `fidelity`", "leave it out; CodeFormer has one"
        )


def _enlarged(
    photo: Photo,
    background: Upscaler | None,
    scale: float | None,
    tile: int | None,
    progress: Progress | None,
) -> Photo:
    if background is not None:
        return upscale(photo, background, scale=scale, tile=tile, progress=progress)
    if scale is None:
        return photo
    wanted = scaled_size(photo, scale)
    check_pixels(photo, wanted)
    return resized(photo, wanted)
