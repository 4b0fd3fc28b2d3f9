"""Reconstructs the phases of spectrograms: Griffin and Lim's iteration with momentum.

D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP 32
(1984); N. Perraudin, P. Balazs and P. Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013. It starts
from phases that follow the spectral peaks through time, as in a phase vocoder (J. Laroche and M. Dolson,
IEEE Trans. Speech Audio Process. 7, 1999): tones are coherent before the first iteration, and 8 iterations
come closer to the sound than 32 that start from random phases.
"""

from __future__ import annotations

import librosa
import numpy as np

from ganedit.audio.spectrogram import (
    SpectrogramConfig,
    amplitudes,
    frequencies,
    inverse,
    mel_filters,
    stft_config,
    transform,
)

ITERATIONS = 8
MOMENTUM = 0.99


def griffin_lim(
    picture: np.ndarray, cfg: SpectrogramConfig, length: int, *, iterations: int = ITERATIONS
) -> np.ndarray:
    """Samples float32 [length] whose spectrogram is near `picture`, [bins, frames] in [-1, 1].

    Works on the constant-Q or short-time transform; a mel spectrogram is converted to the latter first.
    """
    amplitude = amplitudes(picture, cfg)
    if cfg.kind == "mel":
        amplitude, cfg = _unmel(amplitude, cfg), stft_config(cfg)
    spectrum = amplitude * np.exp(1j * peak_phases(amplitude, cfg)).astype(np.complex64)
    before = np.zeros_like(spectrum)
    for _ in range(iterations):
        rebuilt = transform(inverse(spectrum, cfg, length), cfg)
        ahead = rebuilt - MOMENTUM / (1 + MOMENTUM) * before
        before = rebuilt
        spectrum = amplitude * ahead / np.maximum(np.abs(ahead), 1e-12)
    return inverse(spectrum, cfg, length)


def peak_phases(amplitude: np.ndarray, cfg: SpectrogramConfig) -> np.ndarray:
    """Phases [bins, frames] in radians: every peak, with its surroundings, turns at the rate of its
    frequency.

    In each column, a peak continues from the phase of its row in the previous column.
    """
    bins, frames = amplitude.shape
    rows, pitch = np.arange(bins), frequencies(cfg)
    logs = np.log(np.maximum(amplitude, 1e-6))
    turn = 2 * np.pi * cfg.hop / cfg.rate
    phases = np.zeros((bins, frames))
    for t in range(1, frames):
        below, at, above = logs[:-2, t], logs[1:-1, t], logs[2:, t]
        peaks = np.flatnonzero((at > below) & (at >= above))
        if not len(peaks):
            phases[:, t] = phases[:, t - 1]
            continue
        below, at, above = below[peaks], at[peaks], above[peaks]
        summit = peaks + 1 + 0.5 * (below - above) / (below - 2 * at + above)  # of the parabola through three
        now = phases[peaks + 1, t - 1] + turn * np.interp(summit, rows, pitch)
        middles = (peaks[1:] + peaks[:-1]) / 2 + 1
        phases[:, t] = now[np.searchsorted(middles, rows)]
    if cfg.kind == "stft":  # phases count from the start of a window, half of it before its column
        phases += np.pi * rows[:, None]
    return phases


def _unmel(amplitude: np.ndarray, cfg: SpectrogramConfig) -> np.ndarray:
    """The non-negative short-time spectrum whose mel spectrogram is closest to this."""
    return librosa.util.nnls(mel_filters(cfg), amplitude)
