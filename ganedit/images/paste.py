"""Pastes an edited crop back into the photo that it was cut from, without a visible seam.

A generator of 128 px cannot draw the skin, hair and background of a photo of 2,000 px. But it knows
the difference between the projected face and the edited face, so by default only this
change is enlarged and added, and everything else comes from the photo.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ganedit.images.align import crop_from_affine
from ganedit.images.pixels import resize

Mode = Literal["change", "replace"]

# Changes in levels of 255 between which the photo's own detail fades to that of the generated face.
_YIELDS = {"change": (24.0, 64.0), "replace": (2.0, 10.0)}


def paste(
    photo: np.ndarray,
    affine: np.ndarray,
    reconstructed: np.ndarray,
    edited: np.ndarray,
    *,
    mode: Mode = "change",
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """The photo with the edited face in it; for several faces, call it for one after the other.

    Args:
        photo: [H, W, 3], uint8 or uint16.
        affine: [2, 3], from continuous positions in the crop to positions in the photo, as in `AlignedFace`.
        reconstructed: [S, S, 3] uint8, drawn by the generator for the photo's own latent code.
        edited: [S, S, 3] uint8, drawn for the edited code.
        mode: "change" adds `edited - reconstructed`; where these agree, the photo stays exactly the same.
            "replace" inserts `edited` regardless of `reconstructed`, with its colours matched to the photo's
            at the border; where it agrees with the photo's own crop, nothing changes.
        mask: [S, S] float in [0, 1], where to change; None means `face_mask(S)`.

    Returns:
        A new array like `photo`; nothing changes outside the mask.

    In both modes the photo's fine detail, which the crop is too small to contain, stays where the change is
    small, and fades where it is large: closed lips must not show through an open mouth.
    """
    size = edited.shape[0]
    out = photo.copy()
    mask = face_mask(size) if mask is None else np.asarray(mask, np.float32)
    own = crop_from_affine(photo, affine, size).astype(np.float32)
    if mode == "replace":
        change = edited - own
        change += _smooth(-change, 4 * mask * (1 - mask))  # weighted to the band where the mask fades
        reference = own
    else:
        change = edited.astype(np.float32) - reconstructed
        # Match light and colour to the photo, wherever the crop replaces the photo's detail.
        reference = reconstructed + _smooth(own - reconstructed, np.ones_like(mask), share=1 / 16)
    if not change.any():
        return out
    window, (reference, change, weight) = warp_to_photo(photo.shape, affine, reference, change, mask)
    white = np.iinfo(photo.dtype).max
    levels = photo[window].astype(np.float32) * (255 / white)
    change -= _faded_detail(change, affine, mode) * (levels - reference)
    # Whole levels are added to whole levels, so a pixel without a change stays exactly the same.
    step = np.rint(weight * change * (white / 255))
    out[window] = np.clip(photo[window] + step, 0, white).astype(photo.dtype)
    return out


def face_mask(size: int) -> np.ndarray:
    """[size, size] float32: 1 on the face, falling smoothly to 0 before the border of the crop."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    radius = (
        np.abs(axis) ** 4 + np.abs(axis[:, None]) ** 4
    ) ** 0.25  # a shape between an ellipse and a square
    return _smoothstep(0.97, 0.70, radius)


def _smoothstep(zero: float, one: float, values: np.ndarray) -> np.ndarray:
    t = np.clip((values - zero) / (one - zero), 0, 1)
    return t * t * (3 - 2 * t)


def _smooth(field: np.ndarray, weight: np.ndarray, share: float = 1 / 6) -> np.ndarray:
    """The weighted mean of `field` [S, S, 3] around each pixel, blurred by `share` of its side."""
    import cv2

    size = len(field)
    small = min(size, 64)  # enough for such a smooth field
    weight = resize(weight, small)[..., None]
    sigma = small * share
    total = cv2.GaussianBlur(resize(field, small) * weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    part = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)[..., None]
    return resize(total / (part + 1e-6), size)


def _faded_detail(change: np.ndarray, affine: np.ndarray, mode: Mode) -> np.ndarray:
    """[h, w, 1] in [0, 1]: how far the photo's detail fades, from the amount of change nearby."""
    import cv2

    strength = np.abs(change).max(axis=2)
    radius = max(float(np.hypot(*affine[:, 0])), 1.0)  # of about a pixel of the crop
    strength = cv2.GaussianBlur(strength, (0, 0), radius)
    return _smoothstep(*_YIELDS[mode], strength)[..., None]


def warp_to_photo(
    shape: tuple[int, ...], affine: np.ndarray, *planes: np.ndarray
) -> tuple[tuple[slice, slice], list[np.ndarray]]:
    """Warp arrays [S, S(, C)] to the photo's resolution; returns them and the window of the photo that they
    cover.

    The last array is the mask, which is 0 outside the crop; the others repeat their border.
    """
    import cv2

    size = len(planes[0])
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]], float) @ affine.T
    left, top = np.clip(np.floor(corners.min(0)), 0, None).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0)), (shape[1], shape[0])).astype(int)
    # A crop finer than the photo is reduced first, as interpolation alone would skip pixels.
    scale = float(np.hypot(*affine[:, 0]))
    small = max(round(size * scale), 1) if scale < 1 else size
    linear = np.asarray(affine)[:, :2] * (size / small)
    # cv2 counts pixels from their centres: index = position - 0.5, in the window and in the crop.
    origin = affine[:, 2] + linear.sum(axis=1) * 0.5 - 0.5 - (left, top)
    matrix = np.concatenate([linear, origin[:, None]], axis=1)
    warped = []
    for i, plane in enumerate(planes):
        last = i == len(planes) - 1
        warped.append(
            cv2.warpAffine(
                resize(plane.astype(np.float32), small),
                np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2],
                (int(right - left), int(bottom - top)),
                flags=cv2.WARP_INVERSE_MAP | (cv2.INTER_LINEAR if last else cv2.INTER_CUBIC),
                borderMode=cv2.BORDER_CONSTANT if last else cv2.BORDER_REPLICATE,
            )
        )
    warped[-1] = np.clip(warped[-1], 0, 1)[..., None]
    return (slice(top, bottom), slice(left, right)), warped
