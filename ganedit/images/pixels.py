"""Converts depth and size of pixels, and computes their brightness."""

from __future__ import annotations

import numpy as np
from PIL import Image

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, like Pillow


def to_depth(pixels: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
    """The same pixels as uint8 or uint16; black stays black, white stays white."""
    dtype = np.dtype(dtype)
    if pixels.dtype == dtype:
        return pixels
    if dtype == np.uint16:
        return pixels.astype(np.uint16) * 257
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def resize(pixels: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Resample with an antialiasing Lanczos filter.

    Args:
        pixels: [H, W, C] or [H, W]; uint8, uint16 or float32.
        size: Side of a square, or (height, width).

    Returns:
        The same type; integers are rounded and clamped, float32 may overshoot.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if pixels.shape[:2] == (height, width):
        return pixels.copy()
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)).copy()
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    resized = np.stack(
        [
            np.asarray(
                Image.fromarray(np.ascontiguousarray(planes[..., c], dtype=np.float32)).resize(
                    (width, height), Image.Resampling.LANCZOS
                )
            )
            for c in range(planes.shape[2])
        ],
        axis=-1,
    )
    if pixels.dtype == np.uint16:
        resized = resized.round().clip(0, 65535).astype(np.uint16)
    return resized[..., 0] if pixels.ndim == 2 else resized


def over_white(pixels: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Pixels [H, W, 3] as they look on white paper, given their alpha [H, W] of the same type or None."""
    if alpha is None:
        return pixels
    white = int(np.iinfo(pixels.dtype).max)
    opaque = alpha[..., None].astype(np.float32) / white
    blended: np.ndarray = (pixels * opaque + white * (1 - opaque)).round().astype(pixels.dtype)
    return blended


def luma(pixels: np.ndarray) -> np.ndarray:
    """Brightness [H, W] float32 of [H, W, 3]; exact if the three channels are equal."""
    return pixels.astype(np.float32) @ LUMA


def levelled(pixels: np.ndarray) -> np.ndarray:
    """Grey pixels with three equal channels."""
    for row in range(0, len(pixels), 256):  # converting all rows to floats at once could take gigabytes
        part = pixels[row : row + 256]
        part[:] = (luma(part) + 0.5)[..., None].astype(pixels.dtype)
    return pixels
