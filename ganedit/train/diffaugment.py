"""DiffAugment: the same random changes of real and generated images (Zhao et al., arXiv:2006.10738).

Changes of colour have to be asked for: a discriminator that sees them cannot teach a generator the brightness
and the saturation of the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 1 / 8  # largest shift in either direction, as a share of the side
CUTOUT = 1 / 2  # side of the hole, as a share of the image's


def diff_augment(images: Tensor, changes: Sequence[str] = ("translation", "cutout")) -> Tensor:
    """Shift each image and cut a square out of it, and change its colours if asked to, differentiably.

    Args:
        images: Float [N, C, H, W], nominally in [-1, 1].
        changes: Of "color", "translation" and "cutout", in this order.

    Returns:
        The same shape. Pixels in the hole and those shifted in are 0.
    """
    for change in changes:
        images = CHANGES[change](images)
    return images


def _recolour(images: Tensor) -> Tensor:
    """Brightness by up to half the range, saturation by 0 to 2, contrast by 0.5 to 1.5."""
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1).to(images)
    images = images + brightness - 0.5
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * saturation * 2
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    recoloured: Tensor = mean + (images - mean) * (contrast + 0.5)
    return recoloured


def _shift(images: Tensor) -> Tensor:
    n, _, height, width = images.shape
    rows, columns = int(height * SHIFT), int(width * SHIFT)
    padded = F.pad(images, (columns, columns, rows, rows))
    tops, lefts = torch.randint(0, 2 * rows + 1, (n,)), torch.randint(0, 2 * columns + 1, (n,))
    corners = zip(padded, tops.tolist(), lefts.tolist(), strict=True)
    return torch.stack([image[:, y : y + height, x : x + width] for image, y, x in corners])


def _cut(images: Tensor) -> Tensor:
    n, _, height, width = images.shape
    mask = torch.ones(n, 1, height, width, dtype=images.dtype, device=images.device)
    tops, lefts = torch.randint(0, height + 1, (n,)).tolist(), torch.randint(0, width + 1, (n,)).tolist()
    tall, wide = int(height * CUTOUT), int(width * CUTOUT)
    for i, (y, x) in enumerate(zip(tops, lefts, strict=True)):
        mask[i, :, max(y - tall // 2, 0) : y + tall // 2, max(x - wide // 2, 0) : x + wide // 2] = 0
    return images * mask


CHANGES = {"color": _recolour, "translation": _shift, "cutout": _cut}
