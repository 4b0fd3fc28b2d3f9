"""Made-up sounds, and a translator that leaves them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile
import torch

from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model
from ganedit.store.models import Translator

QUICK = SpectrogramConfig("stft", window=512, hop=128)  # short-time transforms take a tenth of the time


def tone(
    hertz: float,
    seconds: float = 0.5,
    rate: int = 16000,
    *,
    harmonics: Sequence[float] = (1.0, 0.5, 0.25),
    peak: float = 0.25,
) -> np.ndarray:
    """float32 [T]: partials of these amplitudes, all together at most `peak`."""
    t = np.arange(round(seconds * rate)) / rate
    parts = [a * np.sin(2 * np.pi * hertz * (i + 1) * t) for i, a in enumerate(harmonics)]
    return (np.sum(parts, axis=0) * (peak / sum(harmonics))).astype(np.float32)


def loudest(samples: np.ndarray, rate: int) -> float:
    """Frequency in Hz of the highest peak of the spectrum of [T], between its rows too."""
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) + 1e-9)
    at = int(spectrum[1:-1].argmax()) + 1
    below, here, above = spectrum[at - 1 : at + 2]
    return (at + 0.5 * (below - above) / (below - 2 * here + above)) * rate / len(samples)


def untrained(
    cfg: SpectrogramConfig = QUICK, frames: int = 64, name: str = "same"
) -> tuple[ModelCard, ResNetGenerator]:
    """A translator of sounds that adds nothing to any spectrogram, and its card."""
    network = ResNetGenerator(ResNetConfig(1, 1, 4, 1, 4, up="resize", residual=True))
    details = {"use": "timbre", "frames": frames, **cfg.as_details()}
    card = ModelCard(name, "translator", "resnet", asdict(network.cfg), details=details)
    return card, network


def same(cfg: SpectrogramConfig = QUICK, frames: int = 64) -> Translator:
    """As `untrained`, as loaded."""
    card, network = untrained(cfg, frames)
    return Translator(card, network.eval().requires_grad_(False), torch.device("cpu"))


def save_same(folder: Path, cfg: SpectrogramConfig = QUICK) -> Path:
    """As `untrained`, as a model in a folder, whose name it has."""
    card, network = untrained(cfg, name=folder.name)
    save_model(folder, card, network.state_dict())
    return folder


def save_tones(folder: Path, pitches: Sequence[float], seconds: float = 0.5, **how: object) -> Path:
    """`0.wav` ... in a new folder, 16 kHz; `how` as of `tone`."""
    folder.mkdir(parents=True)
    for i, hertz in enumerate(pitches):
        soundfile.write(folder / f"{i}.wav", tone(hertz, seconds, **how), 16000)  # type: ignore[arg-type]
    return folder


def save_film(path: Path, sound: np.ndarray | None, rate: int = 44100) -> Path:
    """A film of three grey frames, with this sound [2, T] in 16 bits."""
    import av

    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=10)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        audio = None if sound is None else out.add_stream("pcm_s16le", rate=rate, layout="stereo")
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 128, np.uint8), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if audio is not None:
            samples = (sound.T * 32767).round().astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            frame.sample_rate = rate
            out.mux(audio.encode(frame))
            out.mux(audio.encode())
    return path
