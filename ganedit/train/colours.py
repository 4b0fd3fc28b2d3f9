"""Lightness and colours of training pictures, on the scales used by colorization networks.

Lightness is CIE L / 50 - 1, colours are a and b / 110, like in `ganedit colorize`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganedit.images.colorizing import AB_RANGE


def split_lightness(images: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness [N, 1, H, W] and colours [N, 2, H, W], about [-1, 1], of RGB [N, 3, H, W] in [-1, 1]."""
    import cv2

    stacked = images.add(1).div(2).permute(0, 2, 3, 1).flatten(0, 1).contiguous().cpu().numpy()
    lab = torch.from_numpy(cv2.cvtColor(stacked, cv2.COLOR_RGB2LAB)).to(images.device)
    lab = lab.unflatten(0, (len(images), -1)).permute(0, 3, 1, 2)
    return lab[:, :1] / 50 - 1, lab[:, 1:] / AB_RANGE


def join_lightness(lightness: Tensor, colours: Tensor) -> Tensor:
    """Inverse of `split_lightness`; colours outside RGB are clamped."""
    import cv2

    lab = torch.cat([(lightness + 1) * 50, colours.clamp(-1, 1) * AB_RANGE], dim=1)
    stacked = lab.permute(0, 2, 3, 1).flatten(0, 1).contiguous().float().cpu().numpy()
    rgb = torch.from_numpy(cv2.cvtColor(stacked, cv2.COLOR_LAB2RGB)).to(colours.device)
    pixels: Tensor = rgb.unflatten(0, (len(lab), -1)).permute(0, 3, 1, 2)
    return pixels.clamp(0, 1) * 2 - 1
