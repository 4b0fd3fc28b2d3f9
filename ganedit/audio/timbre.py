"""Timbre transfer: translates the spectrogram of a sound to another instrument, and makes a waveform of it.

This is TimbreTron (Huang et al., arXiv:1811.09620). A sound of any length is processed in pieces:
spectrograms are translated in cross-faded windows of the length that the model was trained on; sound is
analysed and vocoded in blocks that are cut where it is quietest. Memory use does not grow with the length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch

from ganedit.audio.files import Sound
from ganedit.audio.spectrogram import (
    HEARD,
    LEVEL,
    Samples,
    SpectrogramConfig,
    block_powers,
    check_samples,
    level,
    picture,
    resample,
)
from ganedit.audio.vocoders import Vocode, fitted, vocoder_of
from ganedit.errors import CheckpointError
from ganedit.store.models.image import Translator
from ganedit.store.uses import need

Progress = Callable[[float, float], None]  # seconds done, total seconds
Look = Callable[[np.ndarray, np.ndarray], None]  # called with a block's spectrogram before and after

LONGEST_WINDOW = 2**14  # columns
BATCH = 8  # windows per batch
BLOCK_SECONDS = 20.0  # longest block that is analysed and vocoded at once ...
CUT_SECONDS = 5.0  # ... and the part at its end in which the quietest place is chosen as cut
CONTEXT_SECONDS = 1.0  # margin around a block that is included in its spectrogram
FADE_SECONDS = 0.03  # length of the cross-fade between blocks
SHORTEST_SECONDS = 1.0  # shorter sounds are extended by silence, as the lowest filters are that long
MOST_PASSES = 12  # iterations for reaching the level ...
LEVEL_TOLERANCE = 0.02  # ... to within this many dB
MAKE_UP = 3.0  # most dB to make up for the limiter
KNEE = 0.8  # fraction of full scale above which peaks are compressed


def transfer(
    sound: Sound, model: Translator, vocode: Vocode | None = None, *, look: Look | None = None
) -> Sound:
    """Play a sound on the instrument of a model; length, sampling rate and level stay.

    The method of TimbreTron (Huang et al., arXiv:1811.09620): a constant-Q spectrogram is translated, and a
    vocoder turns it into sound. Channels are translated separately. Frequencies above half the model's
    sampling rate are lost.

    Args:
        sound: A sound of any length, sampling rate and number of channels.
        model: A translator of spectrograms.
        vocode: A vocoder from `ganedit.audio.vocoders.vocoder_of`; None takes the default one.
        look: Called with the spectrograms [bins, frames] of each block of the first channel, before and
            after.

    Returns:
        The sound, with as many channels and samples.

    Raises:
        InputError: The sound is empty, or holds samples that are not finite.
        CheckpointError: The model is for something else.

    Examples:
        >>> violin = ganedit.read_sound("examples/greensleeves-violin.flac")
        >>> second = ganedit.Sound(violin.samples[:, : violin.rate], violin.rate)
        >>> flute = ganedit.timbre(second, ganedit.load("violin2flute"))
        >>> flute.samples.shape == second.samples.shape
        True
    """
    need(model, "timbre")
    check_samples(sound.samples)
    cfg = SpectrogramConfig.from_details(model.card.details)
    vocode, rate = vocode or vocoder_of(cfg), cfg.rate
    channels = []
    for number, channel in enumerate(sound.samples):
        given = resample(channel, sound.rate, rate)
        played = np.zeros(len(given), dtype=np.float32)
        convert(given, played, model, vocode, look=None if number else look)
        played = fitted(resample(played, rate, sound.rate), len(channel))
        channels.append(limited(played * matching_gain(played, sound.rate, level(channel, sound.rate))))
    return Sound(np.stack(channels), sound.rate)


class MutableSamples(Samples, Protocol):
    """Samples [T] that are also written by slices."""

    def __setitem__(self, where: slice, values: np.ndarray, /) -> None: ...


def convert(
    samples: Samples,
    out: MutableSamples,
    model: Translator,
    vocode: Vocode,
    *,
    progress: Progress | None = None,
    look: Look | None = None,
) -> None:
    """Translate one channel block by block; both may be files.

    Args:
        samples: [T] at the rate of the model's spectrograms.
        out: [T], zeros; receives the result, at the vocoder's level.
        model, vocode, look: As in `transfer`.
        progress: Called after each block.
    """
    cfg = SpectrogramConfig.from_details(model.card.details)
    own = level(samples, cfg.rate)
    if not math.isfinite(own):
        return  # silence stays silence
    gain, fade = 10 ** ((LEVEL - own) / 20), round(FADE_SECONDS * cfg.rate)
    context = round(CONTEXT_SECONDS * cfg.rate) // cfg.hop * cfg.hop
    for start, end in blocks(samples, cfg):
        first = max(start - context, 0)
        given = np.asarray(samples[first : end + context], dtype=np.float32) * gain
        length, shortest = len(given), round(SHORTEST_SECONDS * cfg.rate)
        before = picture(np.pad(given, (0, max(shortest - length, 0))), cfg)
        after = translate_picture(before, model)
        played = vocode(after, max(length, shortest))[:length]
        piece = played[start - first : end + fade - first].copy()
        if start:  # the previous block extends as far beyond the cut
            ramp = np.linspace(0, 1, fade + 2, dtype=np.float32)[1:-1][: len(piece)]
            piece[: len(ramp)] = piece[: len(ramp)] * ramp + out[start : start + len(ramp)] * (1 - ramp)
        out[start : start + len(piece)] = piece
        if look:
            columns = slice((start - first) // cfg.hop, (end - first) // cfg.hop + 1)
            look(before[:, columns], after[:, columns])
        if progress:
            progress(end / cfg.rate, len(samples) / cfg.rate)


def blocks(samples: Samples, cfg: SpectrogramConfig) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of blocks of samples [T], at most `BLOCK_SECONDS` long, cut where it is quietest."""
    longest, search = round(BLOCK_SECONDS * cfg.rate), round(CUT_SECONDS * cfg.rate)
    start = 0
    while len(samples) - start > longest:
        latest = start + longest
        size = round(FADE_SECONDS * cfg.rate)
        powers = block_powers(samples[latest - search : latest], size)
        end = latest - search + int(powers.argmin()) * size
        yield start, end
        start = end
    yield start, len(samples)


def translate_picture(picture: np.ndarray, model: Translator) -> np.ndarray:
    """Translate a spectrogram [bins, frames] in [-1, 1] of any length to the other timbre.

    Windows are as long as those that the model was trained on, overlap by half, and are weighted by
    triangles: so a network that normalises by the statistics of its input sees the same kind of input as in
    training. A silent window is unchanged, since its statistics are meaningless.
    """
    frames = picture.shape[1]
    window = window_of(model)
    step = window // 2
    count = max(math.ceil((frames - window) / step), 0) + 1
    padded = np.full((len(picture), (count - 1) * step + window), -1, dtype=np.float32)
    padded[:, :frames] = picture
    total, weights = np.zeros_like(padded), np.zeros(padded.shape[1], dtype=np.float32)
    triangle = np.minimum(np.arange(window) + 1, window - np.arange(window)).astype(np.float32)
    starts = range(0, count * step, step)
    for at in range(0, count, BATCH):
        some = starts[at : at + BATCH]
        given = torch.from_numpy(np.stack([padded[:, s : s + window] for s in some]))[:, None]
        with torch.inference_mode():
            drawn = model(given)[:, 0].cpu().numpy()
        for s, one, before in zip(some, drawn, given[:, 0].numpy(), strict=True):
            total[:, s : s + window] += (one if before.max() > HEARD else before) * triangle
            weights[s : s + window] += triangle
    return (total / weights)[:, :frames]


def window_of(model: Translator) -> int:
    """Number of columns in the spectrograms that a model was trained on.

    Raises:
        CheckpointError: the number in its card is impossible.
    """
    frames = model.card.details.get("frames", 128)
    if not isinstance(frames, int) or not 2 <= frames <= LONGEST_WINDOW:
        raise CheckpointError(f"{model.name} takes windows of {frames!r} columns, it says", "get it again")
    return frames


def matching_gain(samples: Samples, rate: int, wanted: float) -> float:
    """Factor that gives samples [T] this level in dB after `limited`; 1 if either is silence.

    It makes up for what the limiter removes, up to `MAKE_UP`: a sound at full scale throughout cannot get
    any louder.
    """
    own = level(samples, rate)
    if not (math.isfinite(wanted) and math.isfinite(own)):
        return 1.0

    def level_with(gain: float) -> float:
        return level(samples, rate, lambda piece: limited(piece * gain))

    plain = gain = 10 ** ((wanted - own) / 20)
    for _ in range(MOST_PASSES):
        actual = level_with(gain)
        if abs(wanted - actual) < LEVEL_TOLERANCE:
            break
        gain = min(gain * 10 ** ((wanted - actual) / 20), plain * 10 ** (MAKE_UP / 20))
    return gain


def limited(samples: np.ndarray) -> np.ndarray:
    """Samples limited to full scale: values above `KNEE` are compressed, others are unchanged."""
    above = np.abs(samples) - KNEE
    bent = KNEE + (1 - KNEE) * np.tanh(above / (1 - KNEE))
    return np.where(above > 0, np.sign(samples) * bent, samples).astype(np.float32)
