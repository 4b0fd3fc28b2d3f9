"""The residual block of the networks that look at pictures (He et al., arXiv:1512.03385)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut; `stride` 2 halves the picture."""

    def __init__(self, width_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        same = stride == 1 and width_in == width
        self.stride = stride
        self.shortcut = nn.Identity() if same else nn.Conv2d(width_in, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        # Every other pixel is taken before the 1x1 convolution: with a stride of its own, oneDNN writes past
        # its buffers when it has fewer than 8 to 16 channels (uxlfoundation/oneDNN issue 6035).
        return F.relu(self.norm2(self.conv2(h)) + self.shortcut(x[:, :, :: self.stride, :: self.stride]))
