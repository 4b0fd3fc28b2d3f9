"""What the recipes on sounds can be told. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    UP_HELP,
    CycleOptions,
    ModelOptions,
    option,
    refuse_no_share,
    refuse_zeros,
)


@dataclass(frozen=True)
class SoundOptions(ModelOptions):
    """What recipes that learn from sounds have in common."""

    items: ClassVar[str] = "windows"
    frames: int = option(128, "Columns of the spectrograms that are trained on; 62.5 are a second.")
    gain: float = option(6.0, "Decibels by which what is trained on is made louder or softer, at most.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 32 or self.frames % 8:
            raise UsageError(f"--frames {self.frames} is no multiple of 8 from 32 up", "such as 128")


@dataclass(frozen=True)
class TimbreOptions(SoundOptions, CycleOptions):
    """One instrument into another and back, without pairs: TimbreTron."""

    kimg: float = option(30.0, "Length of training, in thousands of windows of each instrument.")
    batch: int = option(1, "Windows of each instrument per optimiser step, over all devices.")
    width: int = option(8, "Channels of the first layer of a generator.")
    judge_width: int = option(32, "Channels of the first layer of a discriminator.")
    blocks: int = option(6, "Residual blocks.")
    downs: int = option(4, "Halvings of the spectrogram before them.")
    up: Literal["transposed", "resize"] = option("resize", UP_HELP)
    lr: float = 1e-3
    cycle: float = option(5.0, "Weight of coming back to where one started.")
    identity_until: float = option(0.5, "Share of the run at which the weight of --identity has come to 0.")
    penalty: float = option(20.0, "Weight of the discriminators' squared slopes.")
    ema_kimg: float = option(0.3, "Half-life of the averaged generators, in thousands of windows.")
    snapshot_kimg: float = option(2.0, "Between checkpoints.")
    sample_kimg: float = option(2.0, "Between sample pictures.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "downs")
        refuse_no_share(self, "identity_until")


@dataclass(frozen=True)
class VocoderOptions(SoundOptions):
    """Waveforms from spectrograms in one pass: a small HiFi-GAN."""

    data: tuple[str, ...] = option((), "Folders or zips of sounds.")
    test: str = option("", "Folder or zip of other sounds that are measured on.")
    kimg: float = option(30.0, "Length of training, in thousands of windows.")
    batch: int = option(8, "Windows per optimiser step, over all devices.")
    frames: int = option(32, "Columns of the spectrograms that are trained on; 62.5 are a second.")
    width: int = option(128, "Channels of the generator at the spectrogram's columns.")
    judge_width: int = option(16, "Channels of the first layer of a discriminator.")
    lr: float = 1e-3
    judge_lr: float = option(2e-4, "Learning rate of the discriminators.")
    decay: float = option(0.6, "Share of the run at whose end the learning rates fall to 0.")
    judge_from: float = option(0.4, "Share of the run after which discriminators join; 1 does without.")
    spectral_weight: float = option(45.0, "Of the difference of short-time spectra.")
    feature_weight: float = option(2.0, "Of the difference of the discriminators' activations.")
    snapshot_kimg: float = option(2.0, "Between checkpoints.")
    sample_kimg: float = option(2.0, "Between sample pictures and measurements.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "judge_width")
        refuse_no_share(self, "decay", "judge_from")
        if self.width < 8 or self.width % 8:
            raise UsageError(f"--width {self.width} is no multiple of 8 from 8 up", "such as 128")


@dataclass(frozen=True)
class WaveNetOptions(SoundOptions):
    """Waveforms from spectrograms sample by sample: a conditional WaveNet."""

    data: tuple[str, ...] = option((), "Folders or zips of sounds.")
    kimg: float = option(8.0, "Length of training, in thousands of windows.")
    batch: int = option(2, "Windows per optimiser step, over all devices.")
    frames: int = option(32, "Columns of the spectrograms that are trained on; 62.5 are a second.")
    width: int = option(48, "Channels of the convolutions.")
    cycles: int = option(2, "Times that the dilations grow from 1.")
    layers: int = option(10, "Convolutions of a cycle, each of twice the dilation of the one before.")
    temperature: float = option(0.8, "Of the exported model: below 1 it sticks to likely samples.")
    lr: float = option(2e-3, "At the start; it falls to 0 along half a cosine.")
    start: str = option("", "WaveNet to start from: a name or a folder.")
    test: str = option("", "Folders or zips of sounds to measure on, separated by commas.")
    snapshot_kimg: float = option(1.0, "Between checkpoints.")
    sample_kimg: float = option(2.0, "Between sample pictures.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "width", "cycles", "layers")
        if self.layers > 14:
            raise UsageError(f"--layers {self.layers} look further back than a window", "choose 1 to 14")
        if not self.temperature:
            raise UsageError("--temperature 0 has no draws", "choose a number above 0, such as 0.8")
