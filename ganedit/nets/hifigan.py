"""Spectrograms into waveforms: a small HiFi-GAN (Kong et al., arXiv:2010.05646) that is given a rough source.

Three things differ from the paper. The last two up-samplings are the inverse of a short Fourier transform, as
in iSTFTNet (Kaneko et al., arXiv:2203.02395). The residual blocks are those of the paper's smallest network.
And it does not invent tones: the peaks of a constant-Q picture give their frequencies to a few cents, so that
sinusoids are drawn from the picture first and the network filters them, a noise, and adds what is missing
(after the neural source-filter models, Wang et al., arXiv:1904.12088). A picture that is some dB louder
becomes a wave that many dB louder, except below the noise floor; silence stays silent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1  # of the leaky rectifiers, as published
KERNELS = (3, 5, 7)
DILATIONS = ((1, 2), (2, 6), (3, 12))  # of each kernel: the published V3
FFT, FFT_HOP = 16, 4  # of the transform whose inverse the network ends in
BANDS = FFT // 2 + 1
PARTIALS = 64  # sinusoids at a time, the loudest
SIDELOBE = 0.05  # a peak lower than this share of a neighbour's is the shape of the analysis window
NEIGHBOURS = 3  # rows to either side that cast sidelobes
REACH = 2  # rows that a tone may glide across from one column to the next
NOISE_FFT = 1024  # samples of the windows in which noise is shaped, four hops
FLOOR_REACH = 4  # rows to either side whose minimum is taken for the level between tones ...
LOWEST_OF_NOISE = 2.2  # ... and how many times louder noise is than the minimum of nine rows of it


@dataclass(frozen=True)
class HiFiGANConfig:
    """The spectrogram: its rows, their spacing and lowest frequency, the decibels at -1, its rate and hop."""

    bins: int = 336
    bins_per_octave: int = 48
    lowest: float = 55.0  # Hz
    floor: float = -80.0  # dB
    rate: int = 16000
    hop: int = 256
    widths: tuple[int, ...] = (128, 96, 48)  # channels at the picture's columns and after each up-sampling
    ups: tuple[int, ...] = (8, 8)

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.ups) + 1 or math.prod(self.ups) * FFT_HOP != self.hop:
            raise ValueError(f"ups {self.ups} do not lead from columns {self.hop} apart to {FFT_HOP}")


class HiFiGANGenerator(nn.Module):
    """Waves [N, F · hop] of pictures [N, 1, bins, F] in [-1, 1]; column f is centred on sample f · hop."""

    window: Tensor

    def __init__(self, cfg: HiFiGANConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.read = nn.Conv1d(cfg.bins, cfg.widths[0], 5, padding=2)
        self.blocks = nn.ModuleList(Fusion(width) for width in cfg.widths)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(before, after, 2 * up, up, padding=up // 2)
            for before, after, up in zip(cfg.widths, cfg.widths[1:], cfg.ups, strict=False)
        )
        self.heard = nn.Conv1d(4 * BANDS, cfg.widths[-1], 5, padding=2)  # the sources
        self.write = nn.Conv1d(cfg.widths[-1], 4 * BANDS, 7, padding=3)
        for parameter in self.write.parameters():  # the sources pass unchanged at first
            nn.init.zeros_(parameter)
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)

    def forward(self, picture: Tensor) -> Tensor:  # [N, 1, bins, F]
        with torch.no_grad(), torch.autocast(picture.device.type, enabled=False):  # phases need every digit
            tones, level = sinusoids(picture, self.cfg)
            hiss = noise(picture, self.cfg)
            sources = torch.stack([self._spectrum(tones), self._spectrum(hiss)], dim=1)
            loud = F.max_pool1d(level, 2 * FFT_HOP, FFT_HOP, padding=FFT_HOP)[
                :, None
            ]  # [N, 1, F · hop / 4 + 1]
        h = self.blocks[0](self.read(picture[:, 0]))
        for up, block in zip(self.ups[:-1], self.blocks[1:-1], strict=True):
            h = block(up(F.leaky_relu(h, SLOPE)))
        h = F.pad(self.ups[-1](F.leaky_relu(h, SLOPE)), (1, 0), mode="replicate")
        heard = torch.view_as_real(sources).permute(0, 1, 4, 2, 3).flatten(1, 3) / (loud + 1e-6)
        h = self.blocks[-1](h + self.heard(heard))  # [N, width, F · hop / 4 + 1]
        drawn = self.write(F.leaky_relu(h, SLOPE)).float()
        gains = drawn[:, : 2 * BANDS].clamp(-12, 4).exp().unflatten(1, (2, BANDS))
        added = drawn[:, 2 * BANDS :].unflatten(1, (2, BANDS)) * loud[:, None]
        spectrum = (sources * gains).sum(dim=1) + torch.complex(added[:, 0], added[:, 1])
        return torch.istft(spectrum, FFT, FFT_HOP, window=self.window, length=tones.shape[1])

    def generate(self, picture: Tensor) -> Tensor:
        """Waves [N, F · hop] in [-1, 1]; the same for the same picture."""
        return self.forward(picture).clamp(-1, 1)

    def _spectrum(self, wave: Tensor) -> Tensor:
        """complex [N, BANDS, T / 4 + 1]."""
        return torch.stft(wave, FFT, FFT_HOP, window=self.window, pad_mode="constant", return_complex=True)


class Fusion(nn.Module):
    """Residual blocks of several kernels and dilations side by side, averaged; [N, C, T] to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.ModuleList(
                nn.Conv1d(width, width, kernel, dilation=dilation, padding=(kernel - 1) // 2 * dilation)
                for dilation in dilations
            )
            for kernel, dilations in zip(KERNELS, DILATIONS, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for branch in self.branches:
            h = x
            for conv in branch.children():
                h = h + conv(F.leaky_relu(h, SLOPE))
            total = total + h
        return total / len(self.branches)


# --- sinusoids --------------------------------------------------------------------------------------


def sinusoids(picture: Tensor, cfg: HiFiGANConfig) -> tuple[Tensor, Tensor]:
    """The peaks of pictures [N, 1, bins, F] as tones, and how loud all of the picture is.

    Every column becomes steady sinusoids that last two hops and fade into those of the next one. A peak close
    to one in the previous column continues from the phase that one has reached.

    Returns:
        Waves [N, F · hop], and root mean squares [N, F · hop]; both 0 where the picture is at its floor.
    """
    x = picture[:, 0].float().transpose(1, 2)  # [N, F, bins]
    x = torch.cat([x, x[:, -1:]], dim=1)  # the last column lasts one hop more
    amplitude, frequency = peaks(x, cfg)
    phase = phases(amplitude, frequency, cfg.hop)
    amplitude, rows = amplitude.topk(min(PARTIALS, cfg.bins), dim=2)
    frames = _steady(amplitude, frequency.gather(2, rows), phase.gather(2, rows), cfg.hop)
    fade = torch.hann_window(2 * cfg.hop, device=x.device)
    frames = frames * fade
    waves = frames[:, :-1, cfg.hop :] + frames[:, 1:, : cfg.hop]
    everything = torch.where(x > -1, 10 ** ((1 - x) * (cfg.floor / 20)), 0.0).sum(dim=2).div(2).sqrt()
    level = everything[:, :-1, None] * fade[cfg.hop :] + everything[:, 1:, None] * fade[: cfg.hop]
    return waves.flatten(1), level.flatten(1)


def peaks(x: Tensor, cfg: HiFiGANConfig) -> tuple[Tensor, Tensor]:
    """Amplitudes, 0 where no peak is, and frequencies in radians per sample of pictures [N, F, bins]."""
    below, above = (F.pad(x, pad, value=-1.0) for pad in ((1, 0), (0, 1)))
    below, above = below[..., :-1], above[..., 1:]
    curve = (2 * x - below - above).clamp(min=1e-6)
    offset = ((above - below) / (2 * curve)).clamp(-0.5, 0.5)  # of the parabola through three rows
    height = x + (above - below) * offset / 4
    amplitude = 10 ** ((1 - height) * (cfg.floor / 40))
    largest = F.max_pool1d(amplitude, 2 * NEIGHBOURS + 1, 1, NEIGHBOURS)
    is_peak = (x > below) & (x >= above) & (x > -1) & (amplitude > SIDELOBE * largest)
    row = torch.arange(x.shape[2], device=x.device) + offset
    hertz = cfg.lowest * 2 ** (row / cfg.bins_per_octave)
    return torch.where(is_peak, amplitude, 0.0), hertz * (2 * math.pi / cfg.rate)


def phases(amplitude: Tensor, frequency: Tensor, hop: int) -> Tensor:
    """Phases [N, F, bins] of the peaks; those of a continuing tone agree half-way between two columns."""
    rows = torch.arange(amplitude.shape[2], device=amplitude.device).expand(amplitude.shape)
    nearest, owner = F.max_pool1d(amplitude, 2 * REACH + 1, 1, REACH, return_indices=True)
    goes_on = nearest[:, :-1] > 0
    owner = torch.where(goes_on, owner[:, :-1], rows[:, :-1])
    turned = (frequency[:, :-1].gather(2, owner) + frequency[:, 1:]) * (hop / 2)
    fresh = rows[:, 0] * 2.399963  # the golden angle: partials that begin together do not pile up
    columns = [fresh]
    for f in range(owner.shape[1]):
        further = (columns[-1].gather(1, owner[:, f]) + turned[:, f]).remainder(2 * math.pi)
        columns.append(torch.where(goes_on[:, f], further, fresh))
    return torch.stack(columns, dim=1)


def _steady(amplitude: Tensor, frequency: Tensor, phase: Tensor, hop: int) -> Tensor:
    """Sums over K of sinusoids [N, F, K] as waves [N, F, 2 · hop]; `phase` is that in the middle.

    The cosine of a sum of angles is a product of matrices, for steps of 16 samples and the samples within.
    """
    coarse = torch.arange(-hop, hop, 16, device=phase.device)
    start = phase[:, :, None] + frequency[:, :, None] * coarse[:, None]  # [N, F, hop / 8, K]
    within = frequency[..., None] * torch.arange(16, device=phase.device)  # [N, F, K, 16]
    left = (
        torch.cat([start.cos(), -start.sin()], dim=3) * torch.cat([amplitude, amplitude], dim=2)[:, :, None]
    )
    return (left @ torch.cat([within.cos(), within.sin()], dim=2)).flatten(2)


# --- noise ------------------------------------------------------------------------------------------


def noise(picture: Tensor, cfg: HiFiGANConfig) -> Tensor:
    """Noise with the spectrum that lies between the peaks of pictures [N, 1, bins, F]; waves [N, F · hop].

    It is the same every time. A row's filter is as wide as its frequency is high, so noise that has the same
    level in every row has to fall by 3 dB per octave.
    """
    x = picture[:, 0].float()
    x = torch.cat([x, x[..., -1:]], dim=2)  # the last column lasts one hop more
    between = -F.max_pool1d(-x.transpose(1, 2), 2 * FLOOR_REACH + 1, 1, FLOOR_REACH)  # [N, F + 1, bins]
    hertz = torch.arange(NOISE_FFT // 2 + 1, device=x.device) * (cfg.rate / NOISE_FFT)
    row = (hertz.clamp(min=1.0) / cfg.lowest).log2() * cfg.bins_per_octave
    heard = row >= 0
    row = row.clamp(0, cfg.bins - 1)
    below, share = row.long(), row - row.floor()
    above = (below + 1).clamp(max=cfg.bins - 1)
    level = torch.lerp(between[..., below], between[..., above], share)  # [N, F + 1, NOISE_FFT / 2 + 1]
    width = 1.5 * hertz * (2 ** (1 / cfg.bins_per_octave) - 1)  # Hz, of a Hann window as long as the row's
    density = LOWEST_OF_NOISE * (cfg.rate / 4 / width.clamp(min=1.0)).sqrt() * heard
    gains = torch.where(level > -1, 10 ** ((1 - level) * (cfg.floor / 40)), 0.0) * density
    window = torch.hann_window(NOISE_FFT, device=x.device)
    length = (x.shape[2] - 1) * cfg.hop
    drawn = torch.randn(1, length, generator=torch.Generator().manual_seed(0)).to(x)
    white = torch.stft(
        drawn, NOISE_FFT, cfg.hop, window=window, pad_mode="constant", return_complex=True
    )  # [1, NOISE_FFT / 2 + 1, F + 1]
    return torch.istft(white * gains.transpose(1, 2), NOISE_FFT, cfg.hop, window=window, length=length)
