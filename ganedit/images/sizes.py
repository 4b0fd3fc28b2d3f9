"""Computes sizes for pictures, and resizes photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ganedit.errors import InputError, UsageError
from ganedit.images.io import Photo
from ganedit.images.labels import LabelMap
from ganedit.images.pixels import resize
from ganedit.limits import MAX_PIXELS


def shape_of(photo: Photo | LabelMap) -> tuple[int, int]:
    """Height and width of a photo."""
    height, width = (photo.labels if isinstance(photo, LabelMap) else photo.pixels).shape[:2]
    return height, width


def fitted(shape: Sequence[int], size: int) -> tuple[int, int]:
    """Height and width of a picture [H, W, ...] after resizing its shorter side to `size`.

    Raises:
        InputError: the result would have more pixels than ganedit supports.
    """
    check_size(size)
    height, width = (max(round(side * size / min(shape[:2])), 1) for side in shape[:2])
    if height * width > MAX_PIXELS:
        raise InputError(
            f"an image of {shape[1]}x{shape[0]} pixels would become one of {width}x{height}; the limit is "
            f"{MAX_PIXELS // 10**6} megapixels",
            "cut it, or choose a smaller `size`",
        )
    return height, width


def check_size(size: int | None) -> None:
    """Refuse a `size` below 1.

    Raises:
        UsageError: it is not positive.
    """
    if size is not None and size < 1:
        raise UsageError(f"`size={size}` must be at least 1", "it is the shorter side in pixels, such as 256")


def resized(photo: Photo, size: tuple[int, int]) -> Photo:
    """A photo resized to another height and width, with its alpha."""
    return resized_like(photo, resize(photo.pixels, size))


def resized_like(photo: Photo, pixels: np.ndarray) -> Photo:
    """A photo with new pixels [H, W, 3] of another size, to which all else of it is resized."""
    size = (pixels.shape[0], pixels.shape[1])
    alpha = None if photo.alpha is None else resize(photo.alpha, size)
    lost = photo.lost
    if lost is not None:
        lost = np.rint(resize(lost.astype(np.float32), size)).astype(lost.dtype)
    return replace(photo, pixels=pixels, alpha=alpha, lost=lost)


def sized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Like `resize`, but without copying pixels that already have the size."""
    return pixels if pixels.shape[:2] == size else resize(pixels, size)
