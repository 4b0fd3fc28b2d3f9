"""Options of the recipes on sounds. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    UP_HELP,
    CycleOptions,
    ModelOptions,
    need_above,
    need_at_least,
    need_fraction,
    need_multiple,
    option,
)


@dataclass(frozen=True)
class SoundOptions(ModelOptions):
    """Options of recipes that learn from sounds."""

    items: ClassVar[str] = "windows"
    frames: int = option(128, "Frames of the training spectrograms; 62.5 are a second.")
    gain: float = option(6.0, "Random change of loudness in training, in decibels, at most.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_multiple(self, "frames", 8, least=32)


@dataclass(frozen=True)
class TimbreOptions(SoundOptions, CycleOptions):
    """Train timbre transfer between two instruments, without pairs (TimbreTron)."""

    kimg: float = option(30.0, "Length of training, in thousands of windows of each instrument.")
    batch: int = option(1, "Windows of each instrument per optimiser step, over all devices.")
    width: int = option(8, "Channels of the generator's first layer.")
    d_width: int = option(32, "Channels of the discriminator's first layer.", was="judge_width")
    blocks: int = option(6, "Residual blocks.")
    downs: int = option(4, "Halvings of the spectrogram before the residual blocks.")
    up: Literal["transposed", "resize"] = option("resize", UP_HELP)
    lr: float = option(1e-3, "Learning rate.")
    cycle: float = option(5.0, "Weight of the cycle-consistency loss.")
    identity_until: float = option(0.5, "Fraction of the run at which the identity loss has faded out.")
    penalty: float = option(20.0, "Weight of the gradient penalty.")
    ema_kimg: float = option(0.3, "Half-life of the averaged generators, in thousands of windows.")
    snapshot_kimg: float = option(2.0, "Thousands of windows between checkpoints.")
    sample_kimg: float = option(2.0, "Thousands of windows between sample sheets.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "downs")
        need_fraction(self, "identity_until")


@dataclass(frozen=True)
class VocoderOptions(SoundOptions):
    """Train a vocoder that turns spectrograms into waveforms in one pass: a small HiFi-GAN."""

    data: tuple[str, ...] = option((), "Folders or zips of sounds.")
    test: str = option("", "Folder or zip of other sounds to measure on.")
    kimg: float = option(30.0, "Length of training, in thousands of windows.")
    batch: int = option(8, "Windows per optimiser step, over all devices.")
    frames: int = option(32, "Frames of the training spectrograms; 62.5 are a second.")
    width: int = option(128, "Channels of the generator's first layer.")
    d_width: int = option(16, "Channels of the discriminators' first layer.", was="judge_width")
    lr: float = option(1e-3, "Learning rate.")
    d_lr: float = option(2e-4, "Learning rate of the discriminators.", was="judge_lr")
    decay: float = option(0.6, "Fraction of the run, at its end, over which the learning rates fall to 0.")
    d_from: float = option(
        0.4, "Fraction of the run after which the discriminators join; 1: never.", was="judge_from"
    )
    spectral_weight: float = option(45.0, "Weight of the difference of short-time spectra.")
    feature_weight: float = option(2.0, "Weight of the feature-matching loss.")
    snapshot_kimg: float = option(2.0, "Thousands of windows between checkpoints.")
    sample_kimg: float = option(2.0, "Thousands of windows between sample sheets and measurements.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "d_width")
        need_fraction(self, "decay", "d_from")
        need_multiple(self, "width", 8, least=8)


@dataclass(frozen=True)
class WaveNetOptions(SoundOptions):
    """Train a vocoder that turns spectrograms into waveforms sample by sample: a conditional WaveNet."""

    data: tuple[str, ...] = option((), "Folders or zips of sounds.")
    kimg: float = option(8.0, "Length of training, in thousands of windows.")
    batch: int = option(2, "Windows per optimiser step, over all devices.")
    frames: int = option(32, "Frames of the training spectrograms; 62.5 are a second.")
    width: int = option(48, "Channels of the convolutions.")
    cycles: int = option(2, "Times that the dilations grow from 1.")
    layers: int = option(10, "Convolutions per cycle, each of twice the dilation of the one before.")
    temperature: float = option(0.8, "Sampling temperature of the exported model; below 1 is less noisy.")
    lr: float = option(2e-3, "Learning rate at the start; falls to 0 along half a cosine.")
    start: str = option("", "WaveNet to start from: a name or a folder.")
    test: str = option("", "Folders or zips of sounds to measure on, separated by commas.")
    snapshot_kimg: float = option(1.0, "Thousands of windows between checkpoints.")
    sample_kimg: float = option(2.0, "Thousands of windows between sample sheets.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "width", "cycles", "layers")
        if self.layers > 14:
            raise UsageError(f"`layers={self.layers}` must be between 1 and 14")
        need_above(self, 0, "temperature")
