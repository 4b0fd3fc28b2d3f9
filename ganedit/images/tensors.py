"""Converts between pixels and tensors in [-1, 1]; no other module does."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

LEVELS = 127.5  # 8-bit levels per unit


def to_tensor(pixels: np.ndarray) -> Tensor:
    """Pixels [H, W, 3], uint8 or uint16, as a float32 tensor [1, 3, H, W] in [-1, 1]."""
    white = np.iinfo(pixels.dtype).max
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(values)[None] * (2 / white) - 1


def to_unit(pixels: np.ndarray) -> Tensor:
    """Pixels [H, W, 3], uint8 or uint16, as a float32 tensor [1, 3, H, W] in [0, 1]."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(planes)[None].div_(np.iinfo(pixels.dtype).max)


def from_tensor(image: Tensor) -> np.ndarray:
    """A tensor [1, 3, H, W] or [3, H, W] in [-1, 1] as uint8 [H, W, 3], rounded and clamped."""
    image = image.detach()
    if image.ndim == 4:
        if len(image) != 1:
            raise ValueError(f"expected one image, got a batch of {len(image)}")
        image = image[0]
    return to_levels(image).permute(1, 2, 0).cpu().numpy()


def from_levels(levels: Tensor) -> Tensor:
    """Levels from 0 to 255, of any type and shape, as float32 in [-1, 1]."""
    return levels.to(torch.float32, copy=True).div_(LEVELS).sub_(1)


def to_levels(values: Tensor) -> Tensor:
    """Values in [-1, 1], of any shape, as uint8 from 0 to 255, rounded and clamped."""
    return (values.float() * LEVELS + LEVELS).round().clamp(0, 255).byte()


def one_hot(labels: Tensor, count: int, edges: Tensor | None = None) -> Tensor:
    """Label maps as input for networks: a plane for each label, and one more for edges.

    Args:
        labels: [N, H, W], numbers from 0 to count - 1.
        count: Number of labels.
        edges: [N, H, W] of zeros and ones, from `boundaries`.

    Returns:
        float32 [N, count, H, W] of zeros and ones; [N, count + 1, H, W] with edges.
    """
    planes = torch.zeros(len(labels), count + (edges is not None), *labels.shape[1:], device=labels.device)
    planes.scatter_(1, labels[:, None].long(), 1.0)
    if edges is not None:
        planes[:, -1] = edges
    return planes
