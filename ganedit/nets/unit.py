"""Two variational auto-encoders that share their code: UNIT (Liu et al., arXiv:1703.00848).

This is the variant that the authors published with MUNIT: residual blocks on both sides of the code, and
layer normalisation in the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers_translation import ConvNorm, PictureConfig, ResidualBlock, relu, to_image

Domain = Literal["a", "b"]


@dataclass(frozen=True)
class UNITConfig(PictureConfig):
    in_channels: int = 3
    width: int = 64
    blocks: int = 4  # in the encoder, and as many in the decoder
    downs: int = 2

    two_way = True


class LayerNorm(nn.Module):
    """Each picture of [N, C, H, W] to mean 0 and deviation 1, then a gain and an offset per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        std, mean = torch.std_mean(x, dim=(1, 2, 3), keepdim=True)
        x = (x - mean) / (std + 1e-5)
        return x * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class Grow(nn.Module):
    """Twice the size by repeating pixels, 5x5 convolution, layer normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 5, padding=2, padding_mode="reflect")
        self.norm = LayerNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.norm(self.conv(F.interpolate(x, scale_factor=2))))


class AutoEncoder(nn.Module):
    """One domain: pictures [N, 3, H, W] to codes [N, width·2^downs, H/2^downs, W/2^downs], and back."""

    def __init__(self, cfg: UNITConfig) -> None:
        super().__init__()
        widths = [cfg.width * 2**i for i in range(cfg.downs + 1)]
        self.stem = ConvNorm(cfg.in_channels, cfg.width, 7, norm="instance", reflect=True)
        self.down = nn.ModuleList(
            ConvNorm(w, 2 * w, 4, norm="instance", stride=2, reflect=True) for w in widths[:-1]
        )
        self.encoding = nn.ModuleList(ResidualBlock(widths[-1], norm="instance") for _ in range(cfg.blocks))
        self.decoding = nn.ModuleList(ResidualBlock(widths[-1], norm="instance") for _ in range(cfg.blocks))
        self.up = nn.ModuleList(Grow(2 * w, w) for w in reversed(widths[:-1]))
        self.to_image = to_image(cfg.width, cfg.in_channels)

    def encode(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in (*self.down, *self.encoding):
            x = layer(x)
        return x

    def decode(self, code: Tensor) -> Tensor:
        for layer in (*self.decoding, *self.up):
            code = layer(code)
        code = self.to_image(code)
        return code.tanh()


class UNIT(nn.Module):
    """Pictures of domain a to pictures of domain b, and back; both [N, 3, H, W] in [-1, 1].

    Both sides divisible by `cfg.multiple` and at least `cfg.smallest`. The code's distribution has unit
    variance: training adds noise to the mean from `encode`, translation does not.
    """

    def __init__(self, cfg: UNITConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.a = AutoEncoder(cfg)
        self.b = AutoEncoder(cfg)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def encode(self, x: Tensor, domain: Domain) -> Tensor:
        """The mean code of pictures of a domain."""
        return (self.a if domain == "a" else self.b).encode(x)

    def decode(self, code: Tensor, domain: Domain) -> Tensor:
        """Pictures of a domain from codes."""
        return (self.a if domain == "a" else self.b).decode(code)

    def forward(self, x: Tensor, direction: Literal["ab", "ba"] = "ab") -> Tensor:
        if direction == "ab":
            return self.decode(self.encode(x, "a"), "b")
        return self.decode(self.encode(x, "b"), "a")
