"""Sizes that pictures are brought to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ganedit.errors import InputError, UsageError
from ganedit.images.io import MAX_PIXELS, Photo
from ganedit.images.labels import LabelMap
from ganedit.images.pixels import resize


def shape_of(photo: Photo | LabelMap) -> tuple[int, int]:
    """Height and width."""
    height, width = (photo.labels if isinstance(photo, LabelMap) else photo.pixels).shape[:2]
    return height, width


def fitted(shape: Sequence[int], size: int) -> tuple[int, int]:
    """Height and width of a picture [H, W, ...] whose shorter side has become `size`.

    Raises:
        InputError: that would be more pixels than ganedit reads.
    """
    check_size(size)
    height, width = (max(round(side * size / min(shape[:2])), 1) for side in shape[:2])
    if height * width > MAX_PIXELS:
        raise InputError(
            f"a picture of {shape[1]}x{shape[0]} pixels would become one of {width}x{height}",
            "cut it, or choose a smaller `size`",
        )
    return height, width


def check_size(size: int | None) -> None:
    """Refuse a --size that leaves no picture.

    Raises:
        UsageError: it is not positive.
    """
    if size is not None and size < 1:
        raise UsageError(f"`size={size}` must be at least 1", "it is the shorter side in pixels, such as 256")


def resized(photo: Photo, size: tuple[int, int]) -> Photo:
    """A photo of another height and width, its alpha too."""
    alpha = None if photo.alpha is None else resize(photo.alpha, size)
    return replace(photo, pixels=resize(photo.pixels, size), alpha=alpha)


def sized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`resize`, but for a copy of what has the size already, which may be large."""
    return pixels if pixels.shape[:2] == size else resize(pixels, size)
