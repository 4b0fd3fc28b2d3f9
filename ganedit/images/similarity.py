"""Structural similarity of images, as a measure and, since it is differentiable, as a loss.

Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 2004.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

K1, K2 = 0.01, 0.03  # keep the quotients finite
WINDOW = 11  # pixels; the paper's, with sigma 1.5


def similarity_to(
    references: Tensor, window: int = WINDOW, sigma: float = 1.5, data_range: float = 1.0
) -> Callable[[Tensor], Tensor]:
    """Make a function from images to their SSIM with `references`, [N]; 1 if they are equal.

    Only windows that lie in the image count, as in the authors' code. What depends only on the references is
    computed once.

    Args:
        references: Float [N, C, H, W], at least `window` pixels on a side; images have the same shape. Their
            means are compared by ratio, so the result depends on which value is zero: in the paper, black.
        window: Side of the windows in pixels, odd.
        sigma: Standard deviation of their Gaussian weights in pixels.
        data_range: White minus black.

    Example:
        similarity = similarity_to(photos)
        print(similarity(photos + 0.1))
    """
    offsets = torch.arange(window, device=references.device, dtype=references.dtype) - window // 2
    weights = offsets.square().div(-2 * sigma**2).softmax(dim=0)
    channels = references.shape[1]
    kernel = torch.outer(weights, weights).expand(channels, 1, -1, -1).contiguous()

    def averages(x: Tensor) -> Tensor:
        return F.conv2d(x, kernel, groups=channels)

    means, spreads = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean = averages(references)
    spread = averages(references.square()) - mean.square()

    def similarity(images: Tensor) -> Tensor:
        ours, squares, products = averages(torch.cat([images, images.square(), images * references])).chunk(3)
        alike = (2 * ours * mean + means) / (ours.square() + mean.square() + means)
        varying = 2 * (products - ours * mean) + spreads
        alike = alike * varying / (squares - ours.square() + spread + spreads)
        return alike.mean(dim=(1, 2, 3))

    return similarity
