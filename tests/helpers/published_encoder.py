"""The encoders of pixel2style2pixel and encoder4editing, with the names and order of the published files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Unit(nn.Module):
    """A residual unit with the names and the order of the published files."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        se = nn.Module()
        se.fc1, se.fc2 = nn.Conv2d(o, o // 16, 1, bias=False), nn.Conv2d(o // 16, o, 1, bias=False)
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(i), nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.PReLU(o),
            nn.Conv2d(o, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), se,
        )  # fmt: skip
        if i != o:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
        self.stride = stride

    def forward(self, x):
        short = self.shortcut_layer(x) if hasattr(self, "shortcut_layer") else F.max_pool2d(x, 1, self.stride)
        for layer in self.res_layer[:5]:
            x = layer(x)
        se = self.res_layer[5]
        return short + x * se.fc2(F.relu(se.fc1(F.adaptive_avg_pool2d(x, 1)))).sigmoid()


class PublishedEncoder(nn.Module):
    """pSp's and e4e's encoder as the papers draw it.

    Args:
        stem: Channels of the first convolution.
        widths: Channels of the four stages; the last is that of the code.
        units: Residual units of a stage.
        halvings: How often the head of each row of the code halves its features, down to 1 px.
    """

    def __init__(
        self, stem: int, widths: Sequence[int], units: Sequence[int], halvings: Sequence[int]
    ) -> None:
        super().__init__()
        self.halvings, self.ends = list(halvings), [sum(units[: i + 1]) - 1 for i in range(4)]
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem), nn.PReLU(stem)
        )
        shapes, before = [], stem
        for width, count in zip(widths, units, strict=True):
            shapes += [(before, width, 2)] + [(width, width, 1)] * (count - 1)
            before = width
        self.body = nn.Sequential(*(Unit(*shape) for shape in shapes))
        wide = widths[-1]
        self.latlayer1, self.latlayer2 = nn.Conv2d(widths[2], wide, 1), nn.Conv2d(widths[1], wide, 1)
        self.styles = nn.ModuleList(self.style(wide, n) for n in halvings)

    @staticmethod
    def style(wide: int, halvings: int) -> nn.Module:
        style = nn.Module()
        convs = [[nn.Conv2d(wide, wide, 3, 2, 1), nn.LeakyReLU()] for _ in range(halvings)]
        style.convs = nn.Sequential(*(layer for pair in convs for layer in pair))
        style.linear = nn.Linear(wide, wide)  # its weight is divided by the root of `wide` when used
        return style

    def forward(self, x):
        x = self.input_layer(x)
        found = []
        for block in self.body:
            x = block(x)
            found.append(x)
        c1, c2, c3 = (found[end] for end in self.ends[1:])
        p2 = F.interpolate(c3, c2.shape[2:], mode="bilinear", align_corners=True) + self.latlayer1(c2)
        p1 = F.interpolate(p2, c1.shape[2:], mode="bilinear", align_corners=True) + self.latlayer2(c1)
        least = min(self.halvings)
        features = {least: c3, least + 1: p2, least + 2: p1}
        rows = []
        for style, n in zip(self.styles, self.halvings, strict=True):
            h = style.convs(features[n]).flatten(1)
            weight = style.linear.weight / style.linear.in_features**0.5
            rows.append(F.linear(h, weight, style.linear.bias))
        return torch.stack(rows, 1)


def tamed(network: PublishedEncoder, scale: float) -> PublishedEncoder:
    """The network with the last layer of its heads times `scale`: codes near the mean code."""
    for style in network.styles:
        style.linear.weight.data *= scale
        style.linear.bias.data *= scale
    return network


def save_encoder(path: Path, network: PublishedEncoder, mean: Tensor, **options: object) -> Path:
    """A file as the training code writes it; of the generator in it, there is only a trace."""
    state = {f"encoder.{key}": value for key, value in network.state_dict().items()}
    state["decoder.input.input"] = torch.zeros(3)
    torch.save({"state_dict": state, "latent_avg": mean, "opts": options}, path)
    return path
