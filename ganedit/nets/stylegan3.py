"""StyleGAN3: a style-based generator whose details move and turn with its content.

Karras et al., "Alias-Free Generative Adversarial Networks" (arXiv:2106.12423). Parameters carry the names of
the published checkpoints, so these load key by key.

Feature maps are samples of continuous signals. They extend beyond the picture by a margin, start as Fourier
features whose frequencies and phases a transform may turn and shift, and every leaky ReLU works at twice the
sampling rate, between an up-sampling and a down-sampling low-pass filter. Configuration T has 3x3
convolutions and separable filters; R has 1x1 convolutions, and down-samples with radially symmetric filters.

Written for eager PyTorch without compiled extensions: filters are depthwise convolutions in channels-last
memory, up-sampling is a transposed one that never stores the zeros between samples, samples that the crop
after a filter would drop are not computed, and gains are applied to small tensors.

`dtype` on the synthesis network sets the type of the convolutions; styles and the image stay float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.layers import LRELU_GAIN, Linear
from ganedit.nets.layers_style import Config, MappingNetwork, StyleGenerator, StyleLayer


@dataclass(frozen=True)
class GeneratorConfig(Config):
    """The tuples hold one number per layer, coarse first, for its output; the last layer makes the image,
    and the input of the first layer has the size, rate and filter of its output.

    `paper_config` gives the published ones.
    """

    resolution: int
    channels: tuple[int, ...]  # the last are those of the image
    sizes: tuple[int, ...]  # sides of the feature maps with their margin
    rates: tuple[int, ...]  # samples per picture width
    cutoffs: tuple[float, ...]  # of the low-pass filter, in periods per picture width
    half_widths: tuple[float, ...]  # of the filter's transition band
    z_dim: int = 512
    w_dim: int = 512
    num_classes: int = 0
    mapping_layers: int = 2
    mapping_lr_multiplier: float = 0.01
    kernel: int = 3
    radial: bool = False
    critical: int = 2  # last layers, before the image, that are sampled critically: with separable filters
    filter_taps: int = 6  # per sample of the slower signal
    upsampling: int = 2  # around the leaky ReLU, beyond the faster of both rates
    output_scale: float = 0.25
    clamp: float | None = None  # activations are held within ±clamp; 256 in the published checkpoints
    magnitude_decay: float = 0.999  # of the running mean of the activations' squares

    @property
    def num_ws(self) -> int:
        return len(self.channels) + 1

    @property
    def row_sizes(self) -> list[float]:
        """Pixels that could show what each row of a code works on: two per period of its cutoff."""
        return [2 * cutoff for cutoff in (self.cutoffs[0], *self.cutoffs)]

    @property
    def image_channels(self) -> int:
        return self.channels[-1]

    @property
    def names(self) -> list[str]:
        """Names of the layers, as in the checkpoints: number, size, channels."""
        return [f"L{i}_{s}_{c}" for i, (s, c) in enumerate(zip(self.sizes, self.channels, strict=True))]


def paper_config(
    resolution: int,
    *,
    rotation: bool = False,
    base: int | None = None,
    most: int | None = None,
    layers: int = 14,
    critical: int = 2,
    margin: int = 10,
    image_channels: int = 3,
    **others: int,
) -> GeneratorConfig:
    """The schedule of section 3.2: cutoffs and stopbands rise geometrically up to the critical layers.

    Args:
        resolution: Pixels, a power of two.
        rotation: Configuration R rather than T; has twice the channels.
        base: Channels times cutoff; 32768 in the paper, for R 65536.
        most: Channels at most; 512 in the paper, for R 1024.
        layers: Number of layers before the one that makes the image.
        critical: How many of them, at the end, are sampled critically.
        margin: Samples around the picture.
        image_channels: Of the picture.
        others: Further fields of the config.
    """
    base, most = base or 2**15 * (1 + rotation), most or 512 * (1 + rotation)
    rise = [min(i / (layers - critical), 1.0) for i in range(layers + 1)]
    last = resolution / 2
    cutoffs = [2.0 * (last / 2) ** r for r in rise]
    first_stop, last_stop = 2**2.1, last * 2**0.3
    stops = [first_stop * (last_stop / first_stop) ** r for r in rise]
    rates = [2 ** math.ceil(math.log2(min(2 * stop, resolution))) for stop in stops]
    return GeneratorConfig(
        resolution=resolution,
        channels=(*(round(min(base / 2 / cutoff, most)) for cutoff in cutoffs[:-1]), image_channels),
        sizes=(*(rate + 2 * margin for rate in rates[:-2]), resolution, resolution),
        rates=tuple(rates),
        cutoffs=tuple(cutoffs),
        half_widths=tuple(max(s, r / 2) - c for s, r, c in zip(stops, rates, cutoffs, strict=True)),
        kernel=1 if rotation else 3,
        radial=rotation,
        critical=critical,
        **others,
    )


ON_CPU = torch.device("cpu")
"""Context in which buffers are computed. On the meta device, where a network is made to compare shapes,
any arithmetic takes a second to start, since PyTorch imports its symbolic machinery for it."""


def lowpass(taps: int, cutoff: float, half_width: float, rate: float, *, radial: bool = False) -> Tensor:
    """Kaiser-windowed filter [taps], or radially symmetric [taps, taps], that sums to 1 (appendix C).

    Args:
        taps: Length.
        cutoff: Where the transition band is centred.
        half_width: Half the width of that band.
        rate: Samples per unit.
        radial: A jinc in two dimensions, instead of a sinc for each of them.
    """
    attenuation = 2.285 * (taps - 1) * math.pi * (4 * half_width / rate) + 7.95
    with ON_CPU:
        window = torch.kaiser_window(
            taps, periodic=False, beta=_kaiser_beta(attenuation), dtype=torch.float64
        )
        at = (torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2) / rate
        if radial:
            r = torch.hypot(at, at[:, None])
            f = torch.special.bessel_j1(2 * math.pi * cutoff * r) / r.clamp(min=1e-9)
            f = f.where(r > 0, math.pi * cutoff) * window * window[:, None]
        else:
            f = torch.sinc(2 * cutoff * at) * window
        kernel: Tensor = f / f.sum()
        return kernel.float()


def _kaiser_beta(attenuation: float) -> float:
    """Shape of a Kaiser window with this attenuation in the stopband, in decibels."""
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * math.pow(attenuation - 21, 0.4) + 0.07886 * (attenuation - 21)
    return 0.0


class SynthesisInput(nn.Module):
    """Fourier features [N, C, S, S], rotated and shifted by the code and by the user's transform."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        width, self.bandwidth = cfg.channels[0], cfg.cutoffs[0]
        self.size, self.rate = cfg.sizes[0], cfg.rates[0]
        with ON_CPU:
            angle, radius = torch.rand(width) * 2 * math.pi, torch.rand(width).sqrt() * self.bandwidth
            freqs = torch.stack([angle.cos() * radius, angle.sin() * radius], dim=1)
            self.register_buffer("transform", torch.eye(3))
            self.register_buffer("freqs", freqs)
            self.register_buffer("phases", torch.rand(width) - 0.5)
        self.weight = nn.Parameter(torch.randn(width, width))
        self.affine = Linear(cfg.w_dim, 4)
        nn.init.zeros_(self.affine.weight)
        with torch.no_grad():
            self.affine.bias[0] = 1.0  # no rotation, no shift
        self.transform: Tensor
        self.freqs: Tensor
        self.phases: Tensor

    def forward(self, pose: Tensor, transform: Tensor | None) -> Tensor:
        # pose [N, 4]: cosine and sine of the rotation up to a common factor, shift; transform [3, 3] from the
        # picture's coordinates to the signal's
        moves = self._moves(pose) @ (self.transform if transform is None else transform)  # [N, 3, 3]
        phases = self.phases + (self.freqs @ moves[:, :2, 2:]).squeeze(2)  # [N, C]
        freqs = self.freqs @ moves[:, :2, :2]  # [N, C, 2]
        fade = 1 - (freqs.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        at = (torch.arange(self.size, device=pose.device) + 0.5 - self.size / 2) / self.rate
        x = at[:, None] * freqs[:, None, :, 0]  # [N, S, C]
        y = at[:, None] * freqs[:, None, :, 1] + phases[:, None]
        waves = torch.sin((x[:, None] + y[:, :, None]) * (2 * math.pi))  # [N, S, S, C]
        waves = waves * fade.clamp(0, 1)[:, None, None]
        mixed = F.linear(waves, self.weight / math.sqrt(len(self.weight)))
        return mixed.permute(0, 3, 1, 2)  # channels-last

    @staticmethod
    def _moves(pose: Tensor) -> Tensor:
        """Inverse of the shift followed by the rotation, [N, 3, 3]: from the picture to the signal."""
        cos, sin, x, y = (pose / pose[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        turn = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1).view(-1, 3, 3)
        shift = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1).view(-1, 3, 3)
        return turn @ shift


class SynthesisLayer(nn.Module):
    """Modulated convolution, then a leaky ReLU between up- and down-sampling filters."""

    def __init__(self, cfg: GeneratorConfig, index: int) -> None:
        super().__init__()
        before, image = max(index - 1, 0), index == len(cfg.channels) - 1
        width, out = cfg.channels[before], cfg.channels[index]
        kernel = 1 if image else cfg.kernel
        self.cfg, self.image = cfg, image
        self.affine = Linear(cfg.w_dim, width, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out, width, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out))
        self.register_buffer("magnitude_ema", torch.ones(()))
        self.magnitude_ema: Tensor
        if not image:
            self._add_filters(before, index)

    def _add_filters(self, before: int, index: int) -> None:
        cfg = self.cfg
        middle = cfg.upsampling * max(cfg.rates[before], cfg.rates[index])  # the rate of the leaky ReLU
        self.up, self.down = middle // cfg.rates[before], middle // cfg.rates[index]
        up_taps, down_taps = cfg.filter_taps * self.up, cfg.filter_taps * self.down
        radial = cfg.radial and index < len(cfg.channels) - 1 - cfg.critical
        self.register_buffer(
            "up_filter", lowpass(up_taps, cfg.cutoffs[before], cfg.half_widths[before], middle)
        )
        self.register_buffer(
            "down_filter",
            lowpass(down_taps, cfg.cutoffs[index], cfg.half_widths[index], middle, radial=radial),
        )
        self.up_filter: Tensor
        self.down_filter: Tensor
        self.padding = self._padding(before, index, up_taps, down_taps)
        crop = up_taps - 1 - self.padding[0]  # of the up-sampled map, at either side
        if crop < 0:
            raise ValueError(f"layer {index} grows from {cfg.sizes[before]} to {cfg.sizes[index]} samples")
        skip = max(0, (crop - up_taps + self.up) // self.up)  # samples that only reach what is cropped
        self.crop, self.margin = crop - skip * self.up, cfg.kernel - 1 - skip

    def _padding(self, before: int, index: int, up_taps: int, down_taps: int) -> tuple[int, int]:
        """Samples added before and after the up-sampled map, so that the result has the layer's size."""
        wanted = (self.cfg.sizes[index] - 1) * self.down + 1 + up_taps + down_taps - 2
        total = wanted - (self.cfg.sizes[before] + self.cfg.kernel - 1) * self.up
        first = (total + self.up) // 2
        return first, total - first

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        # x [N, I, S, S], styles [N, I] float32 -> [N, O, S', S']
        if self.training:
            self._track(x)
        scale = self.magnitude_ema.rsqrt()
        return self._to_image(x, styles, scale) if self.image else self._features(x, styles, scale)

    @torch.no_grad()
    def _track(self, x: Tensor) -> None:
        self.magnitude_ema.lerp_(x.float().square().mean(), 1 - self.cfg.magnitude_decay)

    def _to_image(self, x: Tensor, styles: Tensor, scale: Tensor) -> Tensor:
        styles = styles * (scale / math.sqrt(self.weight[0].numel()))
        y = F.conv2d(x * styles[:, :, None, None].to(x.dtype), self.weight.to(x.dtype))
        y = y.float() + self.bias.view(1, -1, 1, 1)
        clamp = self.cfg.clamp
        return y if clamp is None else y.clamp(-clamp, clamp)

    def _features(self, x: Tensor, styles: Tensor, scale: Tensor) -> Tensor:
        weight = self.weight * self.weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
        styles = styles * styles.square().mean(dim=1, keepdim=True).rsqrt()
        energy = weight.square().sum(dim=(2, 3))  # [O, I]
        demod = (styles.square() @ energy.t() + 1e-8).rsqrt() * (scale * LRELU_GAIN)  # [N, O]
        if self.margin < 0:
            x = x[:, :, -self.margin : self.margin, -self.margin : self.margin]
        x = x * styles[:, :, None, None].to(x.dtype)
        x = F.conv2d(x, weight.to(x.dtype), padding=max(self.margin, 0))
        bias = (self.bias * LRELU_GAIN).view(1, -1, 1, 1).to(x.dtype)
        x = torch.addcmul(bias, x, demod[:, :, None, None].to(x.dtype))
        return self._activate(x)

    def _activate(self, x: Tensor) -> Tensor:
        """Leaky ReLU at the higher rate; x [N, C, S, S] already has its gain."""
        dtype = x.dtype
        if x.device.type == "cpu" and dtype == torch.bfloat16:
            x = x.float()  # on a CPU, a transposed depthwise convolution takes ten times as long in bfloat16
        x = F.leaky_relu_(upsample(x, self.up_filter, self.up, self.crop), 0.2)
        if self.cfg.clamp is not None:
            x = x.clamp(-self.cfg.clamp, self.cfg.clamp)
        return downsample(x, self.down_filter, self.down).to(dtype)


def upsample(x: Tensor, f: Tensor, factor: int, crop: int) -> Tensor:
    """[N, C, H, W] to `factor` times the rate by the separable filter f [T], `crop` samples off each side."""
    c = x.shape[1]
    f = (f * factor).to(x.dtype)
    column, row = (f.view(shape).expand(c, *shape[1:]) for shape in ((1, 1, -1, 1), (1, 1, 1, -1)))
    x = F.conv_transpose2d(x, column, stride=(factor, 1), padding=(crop, 0), groups=c)
    return F.conv_transpose2d(x, row, stride=(1, factor), padding=(0, crop), groups=c)


def downsample(x: Tensor, f: Tensor, factor: int) -> Tensor:
    """Every `factor`-th sample of [N, C, H, W], filtered by f [T] along both sides, or by f [T, T]."""
    c = x.shape[1]
    f = f.flip(tuple(range(f.ndim))).to(x.dtype)
    if f.ndim == 2:
        return F.conv2d(x, f.expand(c, 1, -1, -1), stride=factor, groups=c)
    x = F.conv2d(x, f.view(1, 1, -1, 1).expand(c, 1, -1, 1), stride=(factor, 1), groups=c)
    return F.conv2d(x, f.expand(c, 1, 1, -1), stride=(1, factor), groups=c)


class SynthesisNetwork(nn.Module):
    """Style codes ws [N, L, w_dim] to images [N, 3, H, W], about [-1, 1] (not clamped).

    Row 0 of `ws` turns and shifts the input, row i + 1 drives layer i.
    """

    def __init__(self, cfg: GeneratorConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.dtype = torch.float32
        self.input = SynthesisInput(cfg)
        for index, name in enumerate(cfg.names):
            self.add_module(name, SynthesisLayer(cfg, index))

    @property
    def layers(self) -> list[SynthesisLayer]:
        return [getattr(self, name) for name in self.cfg.names]

    def noise_maps(self) -> dict[str, Tensor]:
        """An empty dictionary, as this network has no noise."""
        return {}

    @property
    def style_layers(self) -> list[StyleLayer]:
        """Describes the codes that `styles` returns, in their order."""
        sizes = self.cfg.row_sizes
        layers = [StyleLayer(0, 4, sizes[0], "pose")]
        for row, layer in enumerate(self.layers, 1):
            width = layer.weight.shape[1]
            layers.append(StyleLayer(row, width, sizes[row], "image" if layer.image else "features"))
        return layers

    def styles(self, ws: Tensor) -> list[Tensor]:
        """The pose of the input [N, 4], then one style-space code [N, channels] per layer."""
        maps = [self.input.affine, *(layer.affine for layer in self.layers)]
        return [affine(ws[:, row]) for row, affine in enumerate(maps)]

    def forward(self, ws: Tensor, noise: str | Mapping[str, Tensor] = "const") -> Tensor:
        """Images of ws; `noise` is accepted for compatibility with StyleGAN2, and ignored."""
        return self.from_styles(self.styles(ws), noise)

    def transformed(self, ws: Tensor, transform: Tensor) -> Tensor:
        """Like `forward`, with the picture's content moved by `transform` [3, 3] instead of the stored one.

        Coordinates are picture widths from the centre, x to the right and y down.
        """
        return self.from_styles(self.styles(ws), transform=transform)

    def from_styles(
        self,
        styles: Sequence[Tensor],
        noise: str | Mapping[str, Tensor] = "const",
        transform: Tensor | None = None,
    ) -> Tensor:
        """Like `forward`, from the codes that `styles` returns."""
        inverse = None if transform is None else torch.linalg.inv(transform)
        x = self.input(styles[0], inverse).to(self.dtype)
        for layer, style in zip(self.layers, styles[1:], strict=True):
            x = layer(x, style)
        image: Tensor = x * self.cfg.output_scale
        return image


class Generator(StyleGenerator):
    """Mapping and synthesis."""

    def __init__(self, cfg: GeneratorConfig) -> None:
        layers = cfg.mapping_layers, cfg.mapping_lr_multiplier
        super().__init__(cfg, MappingNetwork(cfg.z_dim, cfg.num_classes, cfg.w_dim, *layers))
        self.synthesis = SynthesisNetwork(cfg)
