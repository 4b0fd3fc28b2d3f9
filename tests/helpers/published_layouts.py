"""Small networks laid out as the original code lays them out, to write state dictionaries as it does.

Made of plain layers only, so that they check the networks of ganedit as well as the names.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]


def instance(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels)


def old_instance(channels: int) -> nn.Module:
    """Of the time when PyTorch kept running statistics there; the original code evaluates without them."""
    norm = nn.InstanceNorm2d(channels, track_running_stats=True)
    norm.running_mean.normal_()
    return norm


def batch(channels: int) -> nn.Module:
    norm = nn.BatchNorm2d(channels)
    for tensor in (norm.running_mean, norm.weight.data, norm.bias.data):
        tensor.normal_()
    norm.running_var.uniform_(0.5, 2)
    return norm


class Nested(nn.Module):
    """Keeps its layers under one name, with a shortcut or a skip around them where asked for."""

    def __init__(self, name: str, layers: list[nn.Module], around: str = "") -> None:
        super().__init__()
        self.add_module(name, nn.Sequential(*layers))
        self.name, self.around = name, around

    def forward(self, x: Tensor) -> Tensor:
        y = getattr(self, self.name)(x)
        if self.around == "sum":
            return x + y
        return torch.cat([x, y], 1) if self.around == "skip" else y


def resnet(
    norm: Norm, *, blocks: int = 2, downs: int = 2, dropout: bool = False, bias: bool = True
) -> Nested:
    """CycleGAN's generator, and pix2pixHD's global one."""
    w = 4

    def unit(channels: int) -> list[nn.Module]:
        return [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm(channels)]

    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7, bias=bias), norm(w), nn.ReLU()]
    for i in range(downs):
        a = w * 2**i
        layers += [nn.Conv2d(a, 2 * a, 3, 2, 1, bias=bias), norm(2 * a), nn.ReLU()]
    for _ in range(blocks):
        a = w * 2**downs
        layers.append(Nested("conv_block", [*unit(a), nn.ReLU(), *[nn.Dropout()] * dropout, *unit(a)], "sum"))
    for i in reversed(range(downs)):
        a = w * 2**i
        layers += [nn.ConvTranspose2d(2 * a, a, 3, 2, 1, 1, bias=bias), norm(a), nn.ReLU()]
    return Nested("model", [*layers, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh()]).eval()


def unet(norm: Norm, downs: int, *, bias: bool, dropout: bool = True) -> nn.Module:
    """pix2pix's generator: each level holds the next; its files put "model." before all names."""
    w = 2
    widths = [w * min(2**i, 8) for i in range(downs)]
    inner: list[nn.Module] = []
    for i in reversed(range(1, downs)):
        a, b = widths[i - 1], widths[i]
        last = i == downs - 1
        down = [nn.LeakyReLU(0.2), nn.Conv2d(a, b, 4, 2, 1, bias=bias), *([] if last else [norm(b)])]
        up = [nn.ReLU(), nn.ConvTranspose2d(b if last else 2 * b, a, 4, 2, 1, bias=bias), norm(a)]
        drop = [nn.Dropout()] if dropout and 4 <= i < downs - 1 else []
        inner = [Nested("model", [*down, *inner, *up, *drop], "skip")]
    layers = [nn.Conv2d(3, w, 4, 2, 1, bias=bias), *inner, nn.ReLU(), nn.ConvTranspose2d(2 * w, 3, 4, 2, 1)]
    return Nested("model", [*layers, nn.Tanh()]).eval()


def patchgan(norm: Norm, layers: int, *, bias: bool) -> nn.Module:
    """pix2pix's discriminator; 0 layers judge pixels."""
    w = 2
    if not layers:
        inner = [nn.Conv2d(w, 2 * w, 1, bias=bias), norm(2 * w), nn.LeakyReLU(0.2)]
        head = nn.Conv2d(2 * w, 1, 1, bias=bias)
        return Nested("net", [nn.Conv2d(6, w, 1), nn.LeakyReLU(0.2), *inner, head]).eval()
    widths = [w * min(2**i, 8) for i in range(layers + 1)]
    found: list[nn.Module] = [nn.Conv2d(6, w, 4, 2, 1), nn.LeakyReLU(0.2)]
    for i in range(1, layers + 1):
        stride = 2 if i < layers else 1
        conv = nn.Conv2d(widths[i - 1], widths[i], 4, stride, 1, bias=bias)
        found += [conv, norm(widths[i]), nn.LeakyReLU(0.2)]
    return Nested("model", [*found, nn.Conv2d(widths[-1], 1, 4, 1, 1)]).eval()
