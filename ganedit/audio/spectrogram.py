"""Spectrograms as one-channel pictures: logarithmic magnitudes of a constant-Q, mel or short-time transform.

librosa computes the transforms. Magnitudes are calibrated so that a sine of amplitude 1 has 0 dB at any
frequency (0 to 6 dB in a mel spectrogram), and decibels from `floor` to 0 become [-1, 1]. Sound is
brought to one level before, so that the picture does not depend on the volume of the recording
(`Levelled` stores what is needed to restore it).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal, Protocol, get_args

import librosa
import numpy as np
import soxr

from ganedit.errors import CheckpointError, InputError

Kind = Literal["cqt", "mel", "stft"]
LEVEL = -18.0  # dB of full scale, root mean square without silence; leaves room for peaks
BLOCK = 0.1  # seconds per block in which power is measured
SILENCE = -70.0  # dB of full scale: blocks below this do not count for the level ...
GATE = -20.0  # ... nor do those that are this many dB below the mean of the others
RESAMPLER = "VHQ"
HEARD = -0.25  # value in a picture, 32 dB below the level, below which it counts as silence
LARGEST = 2**20  # largest number in a configuration

# librosa warns when it pads a short sound. This filter is global, as `catch_warnings` does not work with
# threads.
warnings.filterwarnings("ignore", "n_fft=", UserWarning, "librosa")


@dataclass(frozen=True)
class SpectrogramConfig:
    """How a sound is drawn as a spectrogram.

    The defaults are those of TimbreTron (Huang et al., arXiv:1811.09620), from the note A1 up.

    Attributes:
        kind: "cqt" (constant-Q), "mel" or "stft" (short-time Fourier).
        rate: Samples per second.
        hop: Samples from one column to the next.
        bins_per_octave: Rows per octave (cqt).
        octaves: Number of octaves (cqt).
        lowest: Frequency of the lowest row in Hz (cqt).
        window: Window length in samples (mel and stft).
        mels: Number of rows (mel).
        floor: Level in dB that becomes -1; 0 dB becomes 1.

    Raises:
        ValueError: Numbers that do not fit together.
    """

    kind: Kind = "cqt"
    rate: int = 16000
    hop: int = 256
    bins_per_octave: int = 48
    octaves: int = 7
    lowest: float = 55.0
    window: int = 1024
    mels: int = 128
    floor: float = -80.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, not {self.kind!r}")
        for name in ("rate", "hop", "bins_per_octave", "octaves", "window", "mels"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= LARGEST:
                raise ValueError(f"{name} must be a whole number from 1 to {LARGEST}, not {value!r}")
        if not -math.inf < self.floor < 0:
            raise ValueError(f"a floor of {self.floor} dB is not below 0")
        if self.kind != "cqt":
            if self.window < 2 * self.hop:
                raise ValueError(f"windows of {self.window} do not overlap by half with a hop of {self.hop}")
        elif self.hop % 2 ** (self.octaves - 1):
            raise ValueError(f"a hop of {self.hop} cannot be halved {self.octaves - 1} times")
        elif not 0 < self.lowest * 2**self.octaves <= self.rate / 2:
            raise ValueError(
                f"{self.octaves} octaves from {self.lowest} Hz do not fit into {self.rate / 2} Hz"
            )

    @property
    def bins(self) -> int:
        """Rows of the picture."""
        return {"cqt": self.bins_per_octave * self.octaves, "mel": self.mels, "stft": self.window // 2 + 1}[
            self.kind
        ]

    def frames(self, samples: int) -> int:
        """Number of columns for a number of samples; column f is centred on sample f · hop."""
        return samples // self.hop + 1

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> SpectrogramConfig:
        """The settings that `as_details` wrote into a model's card.

        Raises:
            CheckpointError: the details are not such settings.
        """
        known = {f.name for f in fields(cls)}
        try:
            return cls(**{k: v for k, v in details.get("spectrogram", {}).items() if k in known})
        except (TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"the model's spectrogram is impossible: {error}", "get the model again"
            ) from error

    def as_details(self) -> dict[str, Any]:
        """The settings, for a model's card."""
        return {"spectrogram": asdict(self)}


def picture(samples: np.ndarray, cfg: SpectrogramConfig) -> np.ndarray:
    """The picture, float32 [bins, frames] in [-1, 1], low frequencies first, of samples [T] at `cfg.rate`."""
    amplitude = np.abs(transform(samples, cfg)) if cfg.kind != "mel" else mel_amplitude(samples, cfg)
    decibels = 20 * np.log10(np.maximum(amplitude, 10 ** (cfg.floor / 20)))
    return np.asarray(np.clip(1 - 2 * decibels / cfg.floor, -1, 1), np.float32)


def amplitudes(picture: np.ndarray, cfg: SpectrogramConfig) -> np.ndarray:
    """Amplitudes [bins, frames] of sines from the result of `picture`; values at the floor become 0."""
    picture = np.clip(picture, -1, 1)
    return np.where(picture > -1, 10 ** ((1 - picture) * (cfg.floor / 40)), 0).astype(np.float32)


def transform(samples: np.ndarray, cfg: SpectrogramConfig) -> np.ndarray:
    """Calibrated transform, complex64 [bins, frames], of samples [T]; not for mel spectrograms."""
    if cfg.kind != "cqt":
        return librosa.stft(samples, n_fft=cfg.window, hop_length=cfg.hop) / (cfg.window / 4)
    spectrum: np.ndarray = librosa.cqt(
        samples, sr=cfg.rate, hop_length=cfg.hop, fmin=cfg.lowest, n_bins=cfg.bins,
        bins_per_octave=cfg.bins_per_octave,
    )  # fmt: skip
    return np.asarray(spectrum / _cqt_gain(cfg))


def inverse(spectrum: np.ndarray, cfg: SpectrogramConfig, length: int) -> np.ndarray:
    """Samples [length] whose `transform` is close to this one [bins, frames]."""
    if cfg.kind == "cqt":
        return librosa.icqt(
            spectrum * _cqt_gain(cfg), sr=cfg.rate, hop_length=cfg.hop, fmin=cfg.lowest,
            bins_per_octave=cfg.bins_per_octave, length=length, dtype=np.float32,
        )  # fmt: skip
    return librosa.istft(spectrum * (cfg.window / 4), hop_length=cfg.hop, n_fft=cfg.window, length=length)


def frequencies(cfg: SpectrogramConfig) -> np.ndarray:
    """Frequency in Hz at the centre of each row."""
    if cfg.kind == "cqt":
        return librosa.cqt_frequencies(cfg.bins, fmin=cfg.lowest, bins_per_octave=cfg.bins_per_octave)
    if cfg.kind == "mel":
        return librosa.mel_frequencies(cfg.mels + 2, fmax=cfg.rate / 2)[1:-1]
    return librosa.fft_frequencies(sr=cfg.rate, n_fft=cfg.window)


def mel_amplitude(samples: np.ndarray, cfg: SpectrogramConfig) -> np.ndarray:
    """[mels, frames]: the short-time spectrum, weighted by overlapping triangles of height 1.

    The higher the row, the wider is its triangle, and the more of the surroundings of a sine it includes.
    """
    return np.asarray(mel_filters(cfg) @ np.abs(transform(samples, stft_config(cfg))))


def stft_config(cfg: SpectrogramConfig) -> SpectrogramConfig:
    """Settings of the short-time transform from which a mel spectrogram is computed."""
    return replace(cfg, kind="stft")


@lru_cache(maxsize=4)
def mel_filters(cfg: SpectrogramConfig) -> np.ndarray:
    """[mels, window / 2 + 1]."""
    return librosa.filters.mel(sr=cfg.rate, n_fft=cfg.window, n_mels=cfg.mels, norm=None)


@lru_cache(maxsize=4)
def _cqt_gain(cfg: SpectrogramConfig) -> np.ndarray:
    """Magnitude of a sine of amplitude 1 in librosa's CQT, half the root of each filter's length; [bins,
    1]."""
    frequency = frequencies(cfg)
    lengths, _ = librosa.filters.wavelet_lengths(freqs=frequency, sr=cfg.rate)
    return np.asarray((np.sqrt(lengths) / 2)[:, None], np.float32)


# --- level, rate and length -------------------------------------------------------------------------


@dataclass(frozen=True)
class Levelled:
    """A sound at the rate and level for spectrograms, with its original length, rate and level.

    Attributes:
        samples: float32 [T'] at `cfg.rate` and the level `LEVEL`; silence is unchanged.
        length: T of the original sound.
        rate: Rate of the original sound.
        level: Level of the original sound in dB of full scale; -inf for silence.
    """

    samples: np.ndarray
    length: int
    rate: int
    level: float


def levelled(samples: np.ndarray, rate: int, cfg: SpectrogramConfig) -> Levelled:
    """Convert samples [T] at any rate to the rate and level for spectrograms.

    Raises:
        InputError: there are none, or some are not finite.
    """
    check_samples(samples)
    own = level(samples, rate)
    gain = 10 ** ((LEVEL - own) / 20) if math.isfinite(own) else 1.0
    made = resample(samples, rate, cfg.rate) * gain
    return Levelled(made.astype(np.float32), len(samples), rate, own)


def check_samples(samples: np.ndarray) -> None:
    """Raise InputError if there are none, or some are not finite."""
    if not samples.size:
        raise InputError("the sound is empty", "give one with samples in it")
    if not np.isfinite(samples).all():
        raise InputError("the sound holds samples that are not finite (NaN or infinite)", "export it again")


class Samples(Protocol):
    """Samples [T] that are read by slices: an array, or an object for a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, where: slice, /) -> np.ndarray: ...


def level(
    samples: Samples, rate: int, through: Callable[[np.ndarray], np.ndarray] = lambda piece: piece
) -> float:
    """Root mean square without silence, in dB of full scale; -inf if there is only silence.

    Silence is gated like in ITU-R BS.1770, without its weighting of frequencies.

    Args:
        samples: [T], read piece by piece.
        rate: Rate of the samples.
        through: Function to apply to each piece before measuring.
    """
    return level_of(block_powers(samples, level_block(rate), through))


def level_block(rate: int) -> int:
    """Number of samples per block in which power is measured."""
    return max(round(BLOCK * rate), 1)


def level_of(powers: np.ndarray) -> float:
    """The level in dB of blocks with these mean squares."""
    powers = powers[powers > 10 ** (SILENCE / 10)]
    if not len(powers):
        return -math.inf
    return 10 * math.log10(powers[powers >= powers.mean() * 10 ** (GATE / 10)].mean())


def block_powers(
    samples: Samples, size: int, through: Callable[[np.ndarray], np.ndarray] = lambda piece: piece
) -> np.ndarray:
    """Mean square of every `size` samples of [T]; the last block may be shorter."""

    def each() -> Iterator[np.ndarray]:
        for at in range(0, len(samples), 600 * size):
            piece = through(np.asarray(samples[at : at + 600 * size])).astype(np.float64)
            starts = np.arange(0, len(piece), size)
            yield np.add.reduceat(piece**2, starts) / np.minimum(size, len(piece) - starts)

    return np.concatenate([*each(), np.zeros(0)])


def resample(samples: np.ndarray, rate: int, to: int) -> np.ndarray:
    """Samples [T] at another rate; unchanged if it is the same."""
    return samples if rate == to else soxr.resample(samples, rate, to, quality=RESAMPLER)
