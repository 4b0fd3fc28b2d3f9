"""Random variation of pictures, similar to that of photographs and of generated pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def vary(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror, move, rotate and scale images a little, blur them to as little as a quarter of the resolution,
    change their brightness, and add noise.

    Args:
        images: [N, C, S, S] in [-1, 1].

    Returns:
        The changed images, and which of them were mirrored, [N].
    """
    n, device = len(images), images.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n).mul(high - low).add(low).to(device)

    mirror = (torch.rand(n) < 0.5).to(device)
    angle, scale = uniform(-0.12, 0.12), uniform(0.92, 1.08)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    flip = 1 - 2 * mirror.float()
    rows = [cos * flip, -sin, uniform(-0.07, 0.07), sin * flip, cos, uniform(-0.07, 0.07)]
    grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, "bilinear", "reflection", align_corners=False)

    images = torch.cat([_blur(piece) for piece in images.chunk(8)])
    images = images * uniform(0.7, 1.3).view(-1, 1, 1, 1) + uniform(-0.25, 0.25).view(-1, 1, 1, 1)
    noise = torch.randn(images.shape).to(device) * uniform(0, 0.08).view(-1, 1, 1, 1)
    return (images + noise).clamp(-1, 1), mirror


def _blur(images: Tensor) -> Tensor:
    """With probability 1/2, reduce to a random size and enlarge again."""
    size = images.shape[-1]
    if torch.rand(()) < 0.5:
        return images
    small = int(torch.randint(size // 4, size, ()))
    reduced = F.interpolate(images, (small, small), mode="bilinear", antialias=True)
    return F.interpolate(reduced, (size, size), mode="bicubic")
