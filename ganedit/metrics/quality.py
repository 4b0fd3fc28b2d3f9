"""Measures the similarity of pictures, and the share of pictures in which dlib detects faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

DETECTION_SIDE = 256  # px to which small crops are enlarged, as dlib's detector needs faces of 80 px


def psnr(images: Tensor, references: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image.

    Args:
        images, references: Float [N, C, H, W] in [-1, 1].

    Returns:
        [N] in dB; infinite if the images are equal.
    """
    error = (images.clamp(-1, 1) - references).square().mean(dim=(1, 2, 3))
    return 10 * (4 / error).log10()


def ssim(images: Tensor, references: Tensor) -> Tensor:
    """Structural similarity of each image (Wang et al. 2004), 11-pixel Gaussian window.

    Args:
        images, references: Float [N, C, H, W] in [-1, 1], at least 11 pixels on a side.

    Returns:
        [N]; 1 if the images are equal.
    """
    from ganedit.images.similarity import similarity_to

    shown, wanted = (x.clamp(-1, 1).add(1).div(2) for x in (images, references))
    return similarity_to(wanted)(shown)


def luma(images: Tensor) -> Tensor:
    """Y of ITU-R BT.601 as in MATLAB's rgb2ycbcr, on which super-resolution is evaluated.

    Args:
        images: Float [N, 3, H, W] in [-1, 1].

    Returns:
        [N, 1, H, W] on a scale of 255 levels, of which black is 16 and white 235.
    """
    from ganedit.images.tensors import from_levels

    red, green, blue = images.clamp(-1, 1).add(1).div(2).split(1, dim=1)
    levels = 16 + 65.481 * red + 128.553 * green + 24.966 * blue
    return from_levels(levels)


def luma_quality(images: Tensor, references: Tensor, border: int) -> tuple[Tensor, Tensor]:
    """PSNR and SSIM, each [N], on the luma of pictures rounded to 8 bits, without `border` pixels at the
    edges.

    This is the usual evaluation of super-resolution; the other arguments are as in `psnr`.
    """
    from ganedit.images.tensors import from_levels, to_levels

    rounded = from_levels(to_levels(images))
    inner = slice(border, -border or None)
    y, wanted = (luma(x)[:, :, inner, inner] for x in (rounded, references))
    return psnr(y, wanted), ssim(y, wanted)


def detection_rate(crops: np.ndarray, progress: Callable[[int, int], None] | None = None) -> float:
    """Share of crops in which dlib's frontal detector finds a face.

    Args:
        crops: uint8 [N, S, S, 3] RGB; small ones are enlarged to 256 pixels or more first.
        progress: Called with (done, total) now and then.

    Returns:
        A number from 0 to 1.
    """
    import dlib
    import numpy as np

    detector = dlib.get_frontal_face_detector()
    doublings, side = 0, crops.shape[1]
    while side < DETECTION_SIDE:
        doublings, side = doublings + 1, side * 2
    detected = 0
    for i, crop in enumerate(crops, 1):
        detected += len(detector(np.ascontiguousarray(crop), doublings)) > 0
        if progress and (i % 64 == 0 or i == len(crops)):
            progress(i, len(crops))
    return detected / len(crops)
