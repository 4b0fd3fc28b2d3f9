"""How close to a sound vocoders bring its spectrogram, and how fast."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from ganedit.audio.spectrogram import SpectrogramConfig, levelled, picture
from ganedit.audio.vocoders import vocoder_of
from ganedit.errors import UsageError
from ganedit.metrics.sounds import read_sounds
from ganedit.metrics.spectra import multi_resolution_distance

Watch = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True)
class VocoderQuality:
    """What `measure_vocoders` finds of one vocoder: means over the sounds, lower is closer.

    Attributes:
        spectral_convergence: Norm of the difference of the magnitudes, relative to those of the sound.
        log_magnitude: Mean absolute difference of the natural logarithms of the magnitudes.
        times_real_time: Seconds of sound made in a second.
        sounds: Number of sounds.
    """

    spectral_convergence: float
    log_magnitude: float
    times_real_time: float
    sounds: int

    @property
    def distance(self) -> float:
        """The multi-resolution STFT distance: the sum of the two differences."""
        return self.spectral_convergence + self.log_magnitude


def measure_vocoders(
    folders: Sequence[str | Path],
    vocoders: Sequence[str] = ("griffin-lim", "gan", "wavenet"),
    *,
    limit: int | None = None,
    seconds: float | None = None,
    device: str = "auto",
    seed: int = 0,
    watch: Watch | None = None,
) -> dict[str, VocoderQuality]:
    """Measure vocoders by copy synthesis: draw sounds as spectrograms, make them sound again, and compare.

    The multi-resolution STFT distance of Parallel WaveGAN (Yamamoto et al., arXiv:1910.11480, eqs. 4 and 5),
    over windows of 512, 1024 and 2048 samples at 16 kHz.

    Args:
        folders: Folders of sounds.
        vocoders: "griffin-lim", "gan", "wavenet", or names or folders of vocoder models.
        limit: Use only the first `limit` sounds of each folder by name; None uses all.
        seconds: Use only the first seconds of each sound; None uses all.
        device: For models: "auto", "cpu", "cuda" or "cuda:N".
        seed: Of a WaveNet's draws.
        watch: `watch(title, total)` is entered around each vocoder and gives its progress callback.

    Returns:
        What was measured, by vocoder.

    Raises:
        UsageError: `seconds` that are not finite and above 0.
        InputError: A folder without sounds, or a sound that cannot be read.
        CheckpointError: A model is not a vocoder, or is one for other spectrograms.

    Examples:
        >>> found = ganedit.measure_vocoders(["examples"], ["gan"], limit=1, seconds=0.5)
        >>> found["gan"].distance < 2
        True
    """
    watch = watch or (lambda title, total: nullcontext(lambda done, of: None))
    cfg = SpectrogramConfig()
    if seconds is not None and not 0 < seconds < math.inf:
        raise UsageError(f"`seconds={seconds}` must be above 0 and finite", "such as 5; leave it out for all")
    given = [sound for folder in folders for sound in read_sounds(Path(folder), cfg.rate, limit).values()]
    most = None if seconds is None else round(seconds * cfg.rate)
    clips = [levelled(sound[:most], cfg.rate, cfg).samples for sound in given]
    rows = {}
    for name in vocoders:
        vocode = vocoder_of(cfg, name, device=device, seed=seed)
        took, found = 0.0, []
        with watch(name, len(clips)) as progress:
            for clip in clips:
                drawn, before = picture(clip, cfg), time.perf_counter()
                heard = vocode(drawn, len(clip))
                took += time.perf_counter() - before
                found.append(multi_resolution_distance(torch.from_numpy(heard), torch.from_numpy(clip)))
                progress(len(found), len(clips))
        off, logs = (sum(each) / len(each) for each in zip(*found, strict=True))
        rows[name] = VocoderQuality(off, logs, sum(map(len, clips)) / cfg.rate / took, len(clips))
    return rows
