"""Parts shared by the image-to-image networks: normalised convolutions, residual blocks, their trunk.

A convolution before a normalisation has no bias, since the normalisation removes it; any other has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import outputs

Norm = Literal["batch", "instance", "instance_affine", "instance_running", "none"]
Up = Literal["transposed", "resize"]  # how a network doubles the size
Activation = Callable[[Tensor], Tensor]


class PictureConfig:
    """Properties of a network that turns pictures into pictures; the config of the network adds `downs`.

    Attributes:
        labels: Length of the target vector that it takes; 0 without one.
        two_way: Whether it is called with a direction.
    """

    downs: int  # halvings of the size
    labels: int = 0
    two_way: bool = False

    @property
    def multiple(self) -> int:
        """Number by which both sides of the input must be divisible."""
        return 1 << self.downs

    @property
    def smallest(self) -> int:
        """Side below which it fails: reflection padding has nothing to reflect."""
        return max(4, 2 * self.multiple)


class InstanceNorm(nn.GroupNorm):
    """Instance normalisation (arXiv:1607.08022), made of groups of one channel.

    It gives the same numbers as PyTorch's own, ten times as fast on channels-last activations on a CPU. The
    backward pass is no faster: it takes three times as long in bfloat16 as in float32, so training uses
    float32.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).to(x.dtype) if x.requires_grad else super().forward(x)


def norm2d(kind: Norm, channels: int) -> nn.Module:
    """Normalisation of [N, C, H, W].

    "instance_running" also keeps running statistics and uses these in evaluation, as batch
    normalisation does.

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind in ("instance", "instance_affine"):
        return InstanceNorm(channels, channels, affine=kind == "instance_affine")
    if kind == "instance_running":
        return nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"norm must be one of {', '.join(get_args(Norm))}, not {kind!r}")


def relu(x: Tensor) -> Tensor:
    return F.relu(x, inplace=True)


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)


class _Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        outwards = ((x < -1) & (grad > 0)) | ((x > 1) & (grad < 0))
        return grad.masked_fill(outwards, 0)


def clamped(x: Tensor) -> Tensor:
    """Clamped to [-1, 1], with a gradient wherever it leads back inside.

    With an ordinary clamp, which has no gradient outside, what a residual network once drew too black would
    stay black.
    """
    y: Tensor = _Clamp.apply(x)
    return y


def halved(x: Tensor) -> Tensor:
    """Half the size, averaged over 3x3 pixels; pixels outside the picture do not count."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class ConvNorm(nn.Module):
    """Convolution, normalisation, activation, padded with reflections or zeros to keep or halve the size."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        norm: Norm,
        stride: int = 1,
        padding: int | None = None,
        reflect: bool = False,
        activation: Activation | None = relu,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            stride,
            padding=(kernel - 1) // 2 if padding is None else padding,
            padding_mode="reflect" if reflect else "zeros",
            bias=norm == "none",
        )
        self.norm = norm2d(norm, out_channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return self.activation(x) if self.activation else x


class ResizeConv(nn.Conv2d):
    """Every pixel repeated to 2x2, then a 3x3 convolution: no checkerboards (Odena et al., 2016, Distill)."""

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def doubling(up: Up, in_channels: int, out_channels: int, kernel: int, *, bias: bool) -> nn.Module:
    """The convolution from [N, I, H, W] to [N, O, 2H, 2W]; `kernel` is that of a transposed one."""
    if up == "resize":
        return ResizeConv(in_channels, out_channels, bias=bias)
    # An odd kernel leaves a row and a column short of the double: the output padding adds them.
    return nn.ConvTranspose2d(
        in_channels, out_channels, kernel, stride=2, padding=1, output_padding=kernel % 2, bias=bias
    )


class GrowNorm(nn.Module):
    """Convolution that doubles the size, normalisation, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, *, norm: Norm, up: Up = "transposed"
    ) -> None:
        super().__init__()
        self.conv = doubling(up, in_channels, out_channels, kernel, bias=norm == "none")
        self.norm = norm2d(norm, out_channels)

    def forward(self, x: Tensor) -> Tensor:  # [N, I, H, W] -> [N, O, 2H, 2W]
        return relu(self.norm(self.conv(x)))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, nothing after the sum (He et al., arXiv:1512.03385)."""

    def __init__(self, channels: int, *, norm: Norm, reflect: bool = True, dropout: bool = False) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, norm=norm, reflect=reflect)
        self.second = ConvNorm(channels, channels, norm=norm, reflect=reflect, activation=None)
        self.dropout = 0.5 if dropout else 0.0

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first(x)
        if self.dropout and self.training:
            y = F.dropout(y, self.dropout)
        y = self.second(y)
        return x + y


class ResidualTrunk(nn.Module):
    """Pictures [N, C, H, W] to features [N, width, H, W] through residual blocks at 1/2^downs of the size.

    Johnson et al., arXiv:1603.08155, with reflection padding; both sides divisible by 2^downs, and at least
    twice that.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        downs: int,
        blocks: int,
        *,
        norm: Norm,
        dropout: bool = False,
        up: Up = "transposed",
    ) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(downs + 1)]
        self.stem = ConvNorm(in_channels, width, 7, norm=norm, reflect=True)
        self.down = nn.ModuleList(ConvNorm(w, 2 * w, norm=norm, stride=2) for w in widths[:-1])
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[-1], norm=norm, dropout=dropout) for _ in range(blocks)
        )
        self.up = nn.ModuleList(GrowNorm(2 * w, w, norm=norm, up=up) for w in reversed(widths[:-1]))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in (*self.down, *self.blocks):
            x = layer(x)
        return self.decode(x)

    def encode(self, x: Tensor) -> list[Tensor]:
        """The output of each reduction and block, finest first."""
        return outputs([*self.down, *self.blocks], self.stem(x))

    def decode(self, x: Tensor) -> Tensor:
        """Features [N, width, H, W] from the output of the last block."""
        for layer in self.up:
            x = layer(x)
        return x


class ToImage(nn.Conv2d):
    """The last convolution of a network: a wide kernel, stride 1, from many channels to the few of a picture.

    When no gradient is needed, a CPU computes it by `to_few_channels`: the same sums in another order.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 7,
        *,
        reflect: bool = False,
        bias: bool = True,
    ) -> None:
        mode: Literal["reflect", "zeros"] = "reflect" if reflect else "zeros"
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, padding_mode=mode, bias=bias)

    def forward(self, x: Tensor) -> Tensor:  # [N, I, H, W] -> [N, O, H, W]
        learns = torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad)
        if learns or x.device.type != "cpu":
            return super().forward(x)
        padding = self.kernel_size[0] // 2
        if self.padding_mode == "reflect":
            x, padding = F.pad(x, (padding,) * 4, mode="reflect"), 0
        return to_few_channels(x, self.weight, self.bias, padding)


def to_few_channels(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """A convolution of stride 1 to few channels, fast on a CPU.

    CPUs compute channels by the dozen, and would do five times the work for three of them. So each row of the
    kernel is computed as an output channel of its own, and the rows are added up afterwards. In bfloat16, AMX
    is nine times as fast as that without such detours, as it does not take kernels of one row.

    Args:
        x: [N, I, H, W].
        weight: [O, I, K, K].
        bias: [O], or None.
        padding: Rows and columns of zeros around `x`.
    """
    if x.dtype == torch.bfloat16 and torch.cpu._is_amx_tile_supported():
        return F.conv2d(x, weight, bias, padding=padding)
    channels, _, kernel, _ = weight.shape
    height = x.shape[2] + 2 * padding - kernel + 1
    weight = weight.permute(2, 0, 1, 3).reshape(kernel * channels, -1, 1, kernel)
    rows = F.conv2d(x, weight, padding=padding).contiguous()  # [N, K·O, H + 2·padding, W + 2·padding - K + 1]
    out = rows.new_zeros(len(x), channels, height, rows.shape[3], dtype=torch.float32)
    if bias is not None:
        out += bias.view(-1, 1, 1)
    for i in range(kernel):
        out += rows[:, i * channels : (i + 1) * channels, i : i + height]
    return out.to(x.dtype)


def to_image(in_channels: int, out_channels: int) -> ToImage:
    """The last convolution of a translator: 7x7, padded by reflection."""
    return ToImage(in_channels, out_channels, reflect=True)


@torch.no_grad()
def initialise_normal(network: nn.Module, std: float = 0.02) -> None:
    """Weights from N(0, std²), gains from N(1, std²), zero biases, as in pix2pix and its successors."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.weight.normal_(0.0, std)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            module.weight.normal_(1.0, std)
        bias = getattr(module, "bias", None)
        if isinstance(bias, nn.Parameter):
            bias.zero_()
