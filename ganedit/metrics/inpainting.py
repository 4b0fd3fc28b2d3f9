"""Measures how well holes are filled, in comparison with two methods that need no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.images.inpainting import redraw
from ganedit.images.tensors import from_levels, to_levels
from ganedit.store.models import Translator
from ganedit.store.uses import need

BATCH = 16
REACH = 3  # radius in pixels of the neighbourhood that OpenCV's method uses


@dataclass(frozen=True)
class InpaintQuality:
    """What `measure_inpainting` finds: mean PSNR in the hole, in dB.

    Attributes:
        psnr: Of the model.
        rim_psnr: Of the mean colour around the hole.
        opencv_psnr: Of the method of Telea (2004), as in cv2.inpaint.
        pictures: Number of images.
        share: Fraction of the image that the hole covers, 0 to 1.
    """

    psnr: float
    rim_psnr: float
    opencv_psnr: float
    pictures: int
    share: float


def measure_inpainting(
    model: Translator, crops: Tensor, *, progress: Callable[[int, int], None] | None = None
) -> InpaintQuality:
    """Measure an inpainting model by a square hole in the middle, a quarter of the area.

    Args:
        model: An inpainting model.
        crops: Images [N, 3, S, S] uint8 of the size and kind it was trained on, which it has not seen.
        progress: Called with (images done, images in all).

    Returns:
        PSNR in the hole, beside those of the mean colour around it and of OpenCV's inpainting.

    Raises:
        CheckpointError: The model is for something else.

    Examples:
        >>> import torch
        >>> pixels = ganedit.read_image("examples/portrait.png").pixels[::4, ::4]  # 128 px
        >>> crops = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        >>> found = ganedit.measure_inpainting(ganedit.load("inpaint-faces"), crops)
        >>> found.pictures, found.share
        (1, 0.25)
    """
    need(model, "inpaint")
    hole = centre_hole(crops.shape[-1])
    scores = np.empty((len(crops), 3))
    for start in range(0, len(crops), BATCH):
        images = from_levels(crops[start : start + BATCH])
        drawn = redraw(model, images, hole.expand(len(images), -1, -1, -1))
        filled = torch.where(hole, drawn, images), fill_with_rim(images, hole), fill_by_opencv(images, hole)
        for column, each in enumerate(filled):
            scores[start : start + len(images), column] = hole_psnr(each, images, hole).numpy()
        if progress:
            progress(start + len(images), len(crops))
    network, rim, opencv = scores.mean(0).tolist()
    return InpaintQuality(network, rim, opencv, len(crops), float(hole.float().mean()))


def centre_hole(side: int) -> Tensor:
    """[1, 1, side, side] bool, true in the central square of half the side."""
    hole = torch.zeros(1, 1, side, side, dtype=torch.bool)
    middle = slice(side // 4, side // 4 + side // 2)
    hole[..., middle, middle] = True
    return hole


def hole_psnr(filled: Tensor, images: Tensor, hole: Tensor) -> Tensor:
    """PSNR [N] in dB, at most 100, of pictures [N, 3, S, S] in [-1, 1], over the pixels in the hole."""
    error = ((filled - images).square() * hole).sum(dim=(1, 2, 3)) / (3 * hole.sum())
    return (4 / error.clamp(min=4e-10)).log10() * 10


def fill_with_rim(images: Tensor, hole: Tensor) -> Tensor:
    """Pictures [N, 3, S, S] whose hole [1, 1, S, S] has the mean colour of the pixels next to it."""
    rim = nn.functional.max_pool2d(hole.float(), 3, stride=1, padding=1).bool() & ~hole
    mean = (images * rim).sum(dim=(2, 3), keepdim=True) / rim.sum()
    return torch.where(hole, mean, images)


def fill_by_opencv(images: Tensor, hole: Tensor) -> Tensor:
    """Pictures [N, 3, S, S] in [-1, 1] whose hole [1, 1, S, S] is filled by Telea's method."""
    import cv2

    mask = hole[0, 0].numpy().astype(np.uint8)
    pixels = to_levels(images).permute(0, 2, 3, 1).numpy()
    filled = [cv2.inpaint(np.ascontiguousarray(one), mask, REACH, cv2.INPAINT_TELEA) for one in pixels]
    return from_levels(torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2))
