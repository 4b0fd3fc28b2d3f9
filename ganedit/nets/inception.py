"""Inception v3, whose features the Fréchet inception distance and its relatives compare.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (arXiv:1512.00567), as in
TensorFlow's graph of 2015-12-05, which all published values of FID, KID and IS are measured with: averages
leave out the padding, the last block pools by maxima, and there are 1,008 outputs. Batch normalisation is
folded into the convolutions. Layers have the names under which its PyTorch weights are published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 299  # pixels


@dataclass(frozen=True)
class InceptionConfig:
    """Sizes of the network; the published one has the defaults."""

    outputs: int = 1008  # ImageNet's classes, and 8 that are unused
    narrow: int = 1  # divides the channels of every layer

    binary = ()  # it has no attributes that are present or absent

    @property
    def classes(self) -> tuple[str, ...]:
        """Numbers of the outputs: the file does not name them."""
        return tuple(map(str, range(self.outputs)))

    @property
    def attributes(self) -> tuple[str, ...]:
        """The outputs' names, in order."""
        return self.classes


class Step(NamedTuple):
    """A convolution of a branch: its channels, kernel (height, width) and stride. A fork reads the same input
    twice, with the kernel lying and standing."""

    out: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    fork: bool = False


LYING, STANDING = (1, 7), (7, 1)
Branches = Mapping[str, tuple[Step, ...]]
Pool = Literal["mean", "max", "reduce"]


def _kept(channels: int) -> tuple[Branches, Pool, int]:
    """Block A, at 35x35: 1x1, 5x5 and two 3x3."""
    wide, thin = Step(96, (3, 3)), Step(64)
    return (
        {
            "branch1x1": (thin,),
            "branch5x5": (Step(48), Step(64, (5, 5))),
            "branch3x3dbl": (thin, wide, wide),
        },
        "mean",
        channels,
    )


def _long(channels: int) -> tuple[Branches, Pool, int]:
    """Block C, at 17x17: kernels of 7 in two halves, once and twice."""
    lying, standing = Step(channels, LYING), Step(channels, STANDING)
    return (
        {
            "branch1x1": (Step(192),),
            "branch7x7": (Step(channels), lying, Step(192, STANDING)),
            "branch7x7dbl": (Step(channels), standing, lying, standing, Step(192, LYING)),
        },
        "mean",
        192,
    )


def _forked(pool: Pool) -> tuple[Branches, Pool, int]:
    """Block E, at 8x8: kernels of 3 in two halves side by side."""
    fork = Step(384, (1, 3), fork=True)
    return (
        {
            "branch1x1": (Step(320),),
            "branch3x3": (Step(384), fork),
            "branch3x3dbl": (Step(448), Step(384, (3, 3)), fork),
        },
        pool,
        192,
    )


_HALVED: tuple[Branches, Pool, int] = (
    {
        "branch3x3": (Step(384, (3, 3), 2),),
        "branch3x3dbl": (Step(64), Step(96, (3, 3)), Step(96, (3, 3), 2)),
    },
    "reduce",
    0,
)
_HALVED_AGAIN: tuple[Branches, Pool, int] = (
    {
        "branch3x3": (Step(192), Step(320, (3, 3), 2)),
        "branch7x7x3": (Step(192), Step(192, LYING), Step(192, STANDING), Step(192, (3, 3), 2)),
    },
    "reduce",
    0,
)
BLOCKS = {
    "Mixed_5b": _kept(32), "Mixed_5c": _kept(64), "Mixed_5d": _kept(64), "Mixed_6a": _HALVED,
    "Mixed_6b": _long(128), "Mixed_6c": _long(160), "Mixed_6d": _long(160), "Mixed_6e": _long(192),
    "Mixed_7a": _HALVED_AGAIN, "Mixed_7b": _forked("mean"), "Mixed_7c": _forked("max"),
}  # fmt: skip


class Inception(nn.Module):
    """Images [N, 3, H, W] in [-1, 1] to features or class logits."""

    size = SIDE

    def __init__(self, cfg: InceptionConfig) -> None:
        super().__init__()
        self.cfg = cfg

        def wide(channels: int) -> int:
            return max(channels // cfg.narrow, 1)

        self.Conv2d_1a_3x3 = nn.Conv2d(3, wide(32), 3, 2)
        self.Conv2d_2a_3x3 = nn.Conv2d(wide(32), wide(32), 3)
        self.Conv2d_2b_3x3 = nn.Conv2d(wide(32), wide(64), 3, padding=1)
        self.Conv2d_3b_1x1 = nn.Conv2d(wide(64), wide(80), 1)
        self.Conv2d_4a_3x3 = nn.Conv2d(wide(80), wide(192), 3)
        channels = wide(192)
        for name, (branches, pool, pooled) in BLOCKS.items():
            block = Mixed(channels, branches, pool, pooled, cfg.narrow)
            self.add_module(name, block)
            channels = block.channels
        self.fc = nn.Linear(channels, cfg.outputs)

    def features(self, images: Tensor) -> Tensor:
        """[N, 2048], at least 0: what Fréchet distances compare. Images of another side than 299 are resized;
        clean-fid's resizing is that of `metrics.image_features`."""
        if images.shape[2:] != (SIDE, SIDE):
            images = F.interpolate(images, (SIDE, SIDE), mode="bilinear", antialias=True)
        x = (images + 1) * (127.5 / 128) - 1  # (levels - 128) / 128
        for conv in (self.Conv2d_1a_3x3, self.Conv2d_2a_3x3, self.Conv2d_2b_3x3):
            x = F.relu(conv(x), inplace=True)  # [N, 64, 147, 147]
        x = F.max_pool2d(x, 3, 2)
        for conv in (self.Conv2d_3b_1x1, self.Conv2d_4a_3x3):
            x = F.relu(conv(x), inplace=True)  # [N, 192, 71, 71]
        x = F.max_pool2d(x, 3, 2)
        for name in BLOCKS:
            x = self.get_submodule(name)(x)  # [N, 2048, 8, 8] in the end
        return x.mean((2, 3))

    def unbiased(self, features: Tensor) -> Tensor:
        """Logits [N, 1008] without their bias, as the Inception Score takes them."""
        return features @ self.fc.weight.T

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 1008]."""
        logits: Tensor = self.fc(self.features(images))
        return logits


class Mixed(nn.Module):
    """Branches side by side, and one that pools; their channels together."""

    def __init__(self, channels: int, branches: Branches, pool: Pool, pooled: int, narrow: int) -> None:
        super().__init__()
        self.branches = {name: self._add(name, channels, steps, narrow) for name, steps in branches.items()}
        self.pool = pool
        ends = [conv.out_channels for path in self.branches.values() for conv in path[-1]]
        if pool == "reduce":
            self.channels = sum(ends) + channels
            return
        self.branch_pool = nn.Conv2d(channels, max(pooled // narrow, 1), 1)
        self.channels = sum(ends) + self.branch_pool.out_channels

    def _add(self, name: str, channels: int, steps: tuple[Step, ...], narrow: int) -> list[list[nn.Conv2d]]:
        """The convolutions of a branch, in order; those of a fork together."""
        path = []
        for i, step in enumerate(steps, 1):
            out, stem = max(step.out // narrow, 1), name if len(steps) == 1 else f"{name}_{i}"
            kernels = {"": step.kernel} if not step.fork else {"a": step.kernel, "b": step.kernel[::-1]}
            convs = []
            for letter, kernel in kernels.items():
                padding = (0, 0) if step.stride == 2 else (kernel[0] // 2, kernel[1] // 2)
                convs.append(nn.Conv2d(channels, out, kernel, step.stride, padding))
                self.add_module(stem + letter, convs[-1])
            path.append(convs)
            channels = out
        return path

    def forward(self, x: Tensor) -> Tensor:
        results: list[Tensor] = []
        for path in self.branches.values():
            ends = [x]
            for convs in path:
                ends = [F.relu(conv(ends[0]), inplace=True) for conv in convs]
            results += ends
        if self.pool == "reduce":
            return torch.cat([*results, F.max_pool2d(x, 3, 2)], 1)
        if self.pool == "mean":
            pooled = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        else:
            pooled = F.max_pool2d(x, 3, 1, 1)
        return torch.cat([*results, F.relu(self.branch_pool(pooled), inplace=True)], 1)
