"""dlib's face recognition network: a ResNet of 29 convolutions, 150-pixel faces to 128 numbers.

Source: Davis King, dlib's `dnn_face_recognition_ex.cpp` and `dlib_face_recognition_resnet_model_v1`, after
He et al., arXiv:1512.03385. dlib's affine layers after the convolutions are folded into them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 150  # pixels
FEATURES = 128
MEAN = (122.782, 117.001, 104.298)  # of the training images, red, green, blue
LEVELS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))  # channels, blocks; all but the first level halve


class FaceResNet(nn.Module):
    """Faces, cut out like dlib's `get_face_chip`, to points; one person's lie within 0.6 of each other."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.stem = nn.Conv2d(3, LEVELS[0][0], 7, stride=2)
        blocks, width = [], LEVELS[0][0]
        for level, (wider, count) in enumerate(LEVELS):
            for i in range(count):
                blocks.append(Block(width, wider, halve=level > 0 and i == 0))
                width = wider
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, FEATURES, bias=False)

    def forward(self, chips: Tensor) -> Tensor:  # [N, 3, 150, 150] RGB in [0, 255]
        h = F.relu(self.stem((chips - self.mean) / 256))  # [N, 32, 72, 72]
        h = self.blocks(F.max_pool2d(h, 3, 2))  # [N, 32, 35, 35] to [N, 256, 2, 2]
        features: Tensor = self.head(h.mean((2, 3)))  # [N, 128]
        return features


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut that averages where the block halves.

    dlib adds feature maps of different sizes by padding the smaller with zeros, on the right, at the bottom
    and after its channels. This happens here since the convolution that halves is not padded.
    """

    def __init__(self, width_in: int, width: int, *, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.conv1 = nn.Conv2d(width_in, width, 3, 2 if halve else 1, 0 if halve else 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(F.relu(self.conv1(x)))
        if self.halve:
            x = F.avg_pool2d(x, 2)
            h = F.pad(h, (0, x.shape[3] - h.shape[3], 0, x.shape[2] - h.shape[2]))
            x = F.pad(x, (0, 0, 0, 0, 0, h.shape[1] - x.shape[1]))
        return F.relu(h + x)
