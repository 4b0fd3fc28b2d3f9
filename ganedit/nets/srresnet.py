"""SRResNet and the networks of SRGAN (Ledig et al., arXiv:1609.04802)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import outputs
from ganedit.nets.layers_translation import ConvNorm, Norm, ToImage, leaky, to_few_channels


@dataclass(frozen=True)
class SRResNetConfig:
    width: int = 64
    blocks: int = 16
    doublings: int = 2  # 1, 2, 3 for x2, x4, x8
    norm: Norm = "batch"  # "none" as in EDSR (arXiv:1707.02921)
    residual: bool = False  # add the output to a bicubic enlargement, as in VDSR (arXiv:1511.04587)


@dataclass(frozen=True)
class SRDiscriminatorConfig:
    width: int = 64
    layers: int = 8  # convolutions; every second one halves the size, the next doubles the channels
    hidden: int = 1024


class Block(nn.Module):
    """Two normalised convolutions around a shortcut, a parametric ReLU between them."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.first = ConvNorm(width, width, norm=norm, activation=None)
        self.activation = nn.PReLU()
        self.second = ConvNorm(width, width, norm=norm, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.activation(self.first(x)))
        return x + y


class Double(nn.Module):
    """Twice the size by sub-pixel convolution (arXiv:1609.05158)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, 4 * width, 3, padding=1)
        self.activation = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(F.pixel_shuffle(self.conv(x), 2))
        return y


class SRResNet(nn.Module):
    """Pictures [N, 3, H, W] in [0, 1] to pictures [N, 3, sH, sW] in [0, 1], of any size.

    Initialised by PyTorch's defaults, as the paper names none.
    """

    def __init__(self, cfg: SRResNetConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.suits_bfloat16 = cfg.residual  # then only a small change is rounded, by 0.1/255 or less
        self.scale = 2**cfg.doublings
        self.stem = nn.Conv2d(3, cfg.width, 9, padding=4)
        self.activation = nn.PReLU()
        self.blocks = nn.Sequential(*(Block(cfg.width, cfg.norm) for _ in range(cfg.blocks)))
        self.tail = ConvNorm(cfg.width, cfg.width, norm=cfg.norm, activation=None)
        self.up = nn.Sequential(*(Double(cfg.width) for _ in range(cfg.doublings)))
        self.to_image = ToImage(cfg.width, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.stem(x.to(self.stem.weight.dtype)))
        y = self.enlarged(y + self.tail(self.blocks(y))).to(x.dtype)
        if self.cfg.residual:
            return F.interpolate(x, scale_factor=self.scale, mode="bicubic") + y
        return (y.tanh() + 1) / 2

    def enlarged(self, y: Tensor) -> Tensor:
        """The image [N, 3, sH, sW], not yet within its range, of features [N, C, H, W].

        Without gradients on a CPU, the last shuffle comes after the convolution to the image. That computes
        12 channels at a quarter of the places then, which is less work for a CPU than 3 at all of them.
        """
        if torch.is_grad_enabled() or y.device.type != "cpu":
            image: Tensor = self.to_image(self.up(y))
            return image
        *before, last = self.up
        assert isinstance(last, Double)
        for step in before:
            y = step(y)
        y = last.activation(last.conv(y))  # one slope for all channels: as well before the shuffle as after
        bias = self.to_image.bias
        bias = None if bias is None else bias.repeat_interleave(4)
        return F.pixel_shuffle(to_few_channels(y, before_shuffle(self.to_image.weight), bias, 2), 2)


def before_shuffle(weight: Tensor) -> Tensor:
    """Weights that do before a pixel shuffle by 2 what these do after it: [O, C, 9, 9] to [4O, 4C, 5, 5].

    Row u of the kernel reads, for row a (0 or 1) of a pair of output rows, row u + a - 4 = 2r + p of the
    shuffled features. Before the shuffle, that is the channel p of a pair in row r.
    """
    out, channels = weight.shape[:2]
    w = torch.stack([F.pad(weight, (0, 0, a, 1 - a)) for a in (0, 1)], 1)  # [O, 2, C, 10, 9]
    w = torch.stack([F.pad(w, (b, 1 - b)) for b in (0, 1)], 2)  # [O, 2, 2, C, 10, 10]
    w = w.view(out, 2, 2, channels, 5, 2, 5, 2).permute(0, 1, 2, 3, 5, 7, 4, 6)
    return w.reshape(4 * out, 4 * channels, 5, 5)


class SRDiscriminator(nn.Module):
    """Logits [N, 1] of pictures [N, 3, H, W] in [0, 1].

    The dense layers work at each position and their outputs are averaged, so that any size works; the paper
    flattens the picture. Averaging before them would lose everything: the last normalisation has
    just given every channel the same mean.
    """

    def __init__(self, cfg: SRDiscriminatorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        widths = [3, *(cfg.width * 2 ** (i // 2) for i in range(cfg.layers))]
        self.blocks = nn.ModuleList(
            ConvNorm(
                widths[i],
                widths[i + 1],
                norm="batch" if i else "none",
                stride=1 + i % 2,
                padding=1,
                activation=leaky,
            )
            for i in range(cfg.layers)
        )
        self.dense = nn.Linear(widths[-1], cfg.hidden)
        self.to_logits = nn.Linear(cfg.hidden, 1)

    def features(self, x: Tensor) -> list[Tensor]:
        """Activations after each block, finest first."""
        return outputs(self.blocks, x)

    def logits(self, features: list[Tensor]) -> Tensor:
        """Logits from the result of `features`."""
        places = features[-1].permute(0, 2, 3, 1)
        logits: Tensor = self.to_logits(leaky(self.dense(places)))
        return logits.mean(dim=(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))
