"""Vocoders, which turn spectrograms back into sound, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from ganedit.audio.candidates import best_of
from ganedit.audio.phase import griffin_lim
from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.errors import CheckpointError
from ganedit.store.load import load
from ganedit.store.models import Vocoder

Vocode = Callable[[np.ndarray, int], np.ndarray]  # from a spectrogram [bins, frames] and a length to samples

BUNDLED = {"gan": "vocoder-gan", "wavenet": "vocoder-wavenet"}
DEFAULT = "gan"  # the closest in copy synthesis, and the fastest: see `ganedit metrics vocoder`
CANDIDATES = 4  # of a WaveNet, of which the closest is taken


def vocoder_of(
    cfg: SpectrogramConfig,
    name: str = DEFAULT,
    *,
    device: str = "auto",
    seed: int = 0,
    candidates: int = CANDIDATES,
) -> Vocode:
    """Open a vocoder: a function that turns spectrograms into sound.

    Args:
        cfg: How the spectrograms are drawn.
        name: "griffin-lim", "gan", "wavenet", or the name or folder of a vocoder model.
        device: For a model: "auto", "cpu", "cuda" or "cuda:N".
        seed: Seed of a WaveNet's random numbers.
        candidates: For a WaveNet: number of versions of each half second, of which the closest is kept.

    Returns:
        A function from a spectrogram [bins, frames] in [-1, 1] and a length to samples [length].

    Raises:
        CheckpointError: The model is not a vocoder, or is one for other spectrograms.
    """
    if name == "griffin-lim":
        return partial(_by_phase, cfg)
    model = load(BUNDLED.get(name, name), device)
    if not isinstance(model, Vocoder):
        raise CheckpointError(
            f"{name} is {model.card.kind}, not a vocoder",
            f"choose griffin-lim, {', '.join(BUNDLED)}, or a vocoder's folder",
        )
    if SpectrogramConfig.from_details(model.card.details) != cfg:
        raise CheckpointError(
            f"the vocoder {model.name} is for other spectrograms",
            "choose griffin-lim, or train one for these",
        )
    if model.card.architecture == "wavenet":
        return partial(_by_samples, model, cfg, candidates, seed)
    return partial(_by_network, model)


def _by_phase(cfg: SpectrogramConfig, picture: np.ndarray, length: int) -> np.ndarray:
    return griffin_lim(picture, cfg, length)


def _by_network(model: Vocoder, picture: np.ndarray, length: int) -> np.ndarray:
    return fitted(model(torch.from_numpy(picture)[None, None])[0].cpu().numpy(), length)


def _by_samples(
    model: Vocoder, cfg: SpectrogramConfig, candidates: int, seed: int, picture: np.ndarray, length: int
) -> np.ndarray:
    return fitted(best_of(model, picture, cfg, candidates, seed), length)


def fitted(samples: np.ndarray, length: int) -> np.ndarray:
    """Samples [T], cut or extended with silence to a length, since resampling may be off by one."""
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))
