"""Distances between waveforms that ignore phase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.linalg import vector_norm  # its slope at 0 is 0, unlike that of the square root of a sum

WINDOWS = (512, 1024, 2048)
FLOOR = -80.0  # dB below the loudest, to which quieter magnitudes are raised


def magnitudes(waves: Tensor, window: int) -> Tensor:
    """Short-time spectra [N, window / 2 + 1, frames] of waves [N, T], a quarter of a window apart."""
    shape = torch.hann_window(window, device=waves.device)
    spectra = torch.stft(waves, window, window // 4, window=shape, pad_mode="constant", return_complex=True)
    return (spectra.real.square() + spectra.imag.square() + 1e-12).sqrt()  # keeps the slope at 0 finite


def spectral_differences(
    waves: Tensor, wanted: Tensor, windows: Sequence[int] = WINDOWS
) -> Iterator[tuple[Tensor, Tensor]]:
    """Spectral convergence and mean difference of the logarithms, of waves [N, T] at each resolution.

    They are the two parts of the multi-resolution STFT loss (Yamamoto et al., Parallel WaveGAN,
    arXiv:1910.11480, eqs. 4 and 5), over the batch as a whole, so that silence in it does no harm. Magnitudes
    more than `FLOOR` below the loudest wanted one are raised to that level. `wanted` gets no gradient.
    """
    for window in windows:
        ours, theirs = magnitudes(waves, window), magnitudes(wanted.detach(), window)
        least = theirs.max() * 10 ** (FLOOR / 20)
        logs = (ours.maximum(least).log() - theirs.maximum(least).log()).abs()
        yield vector_norm(ours - theirs) / vector_norm(theirs), logs.mean()


def multi_resolution_loss(waves: Tensor, wanted: Tensor, windows: Sequence[int] = WINDOWS) -> Tensor:
    """Mean over resolutions of the sum of both `spectral_differences` of waves [N, T]."""
    each = [off + logs for off, logs in spectral_differences(waves, wanted, windows)]
    return torch.stack(each).mean()


@torch.no_grad()
def multi_resolution_distance(waves: Tensor, wanted: Tensor) -> tuple[float, float]:
    """Spectral convergence and log-magnitude difference (natural logarithm) of waves [T] or [N, T].

    Means over windows of 512, 1024 and 2048 samples; see `spectral_differences`.
    """
    pairs = list(spectral_differences(torch.atleast_2d(waves), torch.atleast_2d(wanted)))
    off, logs = (float(torch.stack(each).mean()) for each in zip(*pairs, strict=True))
    return off, logs
