"""Chooses the best of several sounds that a vocoder draws for one spectrogram.

A WaveNet draws its samples at random: every seed gives another sound, some closer to the spectrogram than
others. All candidates are continued for a stretch, the closest is kept, and all continue from there.
"""

from __future__ import annotations

import numpy as np
import torch

from ganedit.audio.spectrogram import SpectrogramConfig, picture
from ganedit.errors import UsageError
from ganedit.nets.wavenet import Generation, WaveNet
from ganedit.store.models import Vocoder

STRETCH = 0.5  # seconds after which candidates are compared
CONTEXT = 1.5  # seconds before a stretch that its spectrogram also needs, as low tones take a second


def best_of(
    vocoder: Vocoder, target: np.ndarray, cfg: SpectrogramConfig, n: int, seed: int | None = None
) -> np.ndarray:
    """Samples, float32 [columns · hop] in [-1, 1], for a spectrogram [bins, columns] in [-1, 1].

    Args:
        vocoder: A WaveNet.
        target: The spectrogram that the sound should have.
        cfg: Settings of the spectrogram, those that the vocoder was trained with.
        n: Number of candidates. Up to a dozen, more candidates take little more time.
        seed: For the random draws; None means a random seed.

    Raises:
        UsageError: the vocoder is not random, or `n` is below 1.
    """
    network = vocoder.network
    if not isinstance(network, WaveNet):
        raise UsageError(f"{vocoder.name} gives one sound each time", "candidates are for a WaveNet")
    if n < 1:
        raise UsageError(f"`candidates={n}` must be at least 1", "choose 4, for example")
    pictures = torch.from_numpy(target).float()[None, None].to(vocoder.device)
    generation = Generation(network, pictures, copies=n, seed=seed)
    samples = np.zeros(target.shape[1] * cfg.hop, np.float32)
    columns = max(round(STRETCH * cfg.rate / cfg.hop), 1)
    before = round(CONTEXT * cfg.rate / cfg.hop)
    for start in range(0, target.shape[1], columns):
        wanted = target[:, start : start + columns]
        drawn = generation.advance(wanted.shape[1] * cfg.hop).cpu().numpy()
        past = samples[max(start - before, 0) * cfg.hop : start * cfg.hop]
        nearest = min(range(n), key=[_distance(past, one, wanted, cfg) for one in drawn].__getitem__)
        samples[start * cfg.hop :][: drawn.shape[1]] = drawn[nearest]
        generation.keep(nearest)
    return samples


def _distance(past: np.ndarray, drawn: np.ndarray, wanted: np.ndarray, cfg: SpectrogramConfig) -> float:
    """Mean absolute difference between the wanted spectrogram and that of samples after `past`."""
    looks = picture(np.concatenate([past, drawn]), cfg)[:, len(past) // cfg.hop :][:, : wanted.shape[1]]
    return float(np.abs(looks - wanted).mean())
