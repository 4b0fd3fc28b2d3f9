"""Lightness and colours of training pictures, on the scales used by colorization networks.

Lightness is CIE L / 50 - 1, colours are a and b / 110, like in `ganedit colorize`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganedit.images.colorizing import AB_RANGE

# sRGB (IEC 61966-2-1): X, Y and Z of its white D65, linear RGB from XYZ, and where its curve begins.
WHITE = (0.950456, 1.0, 1.088754)
RGB_OF_XYZ = (
    (3.240479, -1.53715, -0.498535),
    (-0.969256, 1.875991, 0.041556),
    (0.055648, -0.204043, 1.057311),
)
CURVE_FROM = 0.0031308


def split_lightness(images: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness [N, 1, H, W] and colours [N, 2, H, W], about [-1, 1], of RGB [N, 3, H, W] in [-1, 1]."""
    import cv2

    stacked = images.add(1).div(2).permute(0, 2, 3, 1).flatten(0, 1).contiguous().cpu().numpy()
    lab = torch.from_numpy(cv2.cvtColor(stacked, cv2.COLOR_RGB2LAB)).to(images.device)
    lab = lab.unflatten(0, (len(images), -1)).permute(0, 3, 1, 2)
    return lab[:, :1] / 50 - 1, lab[:, 1:] / AB_RANGE


def join_lightness(lightness: Tensor, colours: Tensor) -> Tensor:
    """RGB [N, 3, H, W] in [-1, 1] of what `split_lightness` gives, with gradients; clamped to the gamut."""
    y = (lightness.float() * 50 + 66) / 116  # (L + 16) / 116
    a, b = (colours.float().clamp(-1, 1) * AB_RANGE).split(1, dim=1)
    roots = torch.cat([y + a / 500, y, y - b / 200], dim=1)
    small = (roots - 16 / 116) * (108 / 841)
    xyz = torch.where(roots > 6 / 29, roots**3, small) * _column(WHITE, roots)
    linear = torch.einsum("ij,njhw->nihw", torch.tensor(RGB_OF_XYZ, device=xyz.device), xyz).clamp(0, 1)
    curved = 1.055 * linear.clamp(min=CURVE_FROM) ** (1 / 2.4) - 0.055
    return torch.where(linear > CURVE_FROM, curved, 12.92 * linear) * 2 - 1


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device).view(1, -1, 1, 1)
