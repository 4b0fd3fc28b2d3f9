"""Measures how far a sound is from the same notes played by another instrument.

Spectrograms are compared by the mean absolute difference of their decibels, pitch by pYIN (M. Mauch and S.
Dixon, ICASSP 2014), note onsets by the spectral flux, all by librosa. An instrument is recognised by a linear
classifier of mel-frequency cepstra that is trained without translated sounds.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import librosa
import numpy as np

from ganedit.audio.spectrogram import SpectrogramConfig, levelled, picture

PITCH_RANGE = (180.0, 4200.0)  # Hz: below the violin's lowest note, and C8
PITCH_WINDOW, PITCH_HOP = 1024, 1024  # samples; 64 ms at 16 kHz
# From version 1.0, librosa drops improbable transitions by default, which at this hop are all those between
# voiced and unvoiced frames. Earlier versions only have the exact method.
HAS_PRUNING = "transition_min_prob" in inspect.signature(librosa.pyin).parameters
EXACT: dict[str, Any] = {"transition_min_prob": None} if HAS_PRUNING else {}
ONSET_TOLERANCE = 0.05  # seconds
LOUDEST = 30.0  # dB below the loudest frame down to which the classifier uses frames
PART_SECONDS = 2.0  # length of the parts that are classified one by one


@dataclass(frozen=True)
class Pitch:
    """The fundamental in Hz by frame (NaN if there is none), and whether frames are voiced."""

    hertz: np.ndarray
    voiced: np.ndarray


def spectral_distance(a: np.ndarray, b: np.ndarray, cfg: SpectrogramConfig) -> float:
    """Mean absolute difference in dB of the spectrograms of sounds [T] at `cfg.rate`, after equalising
    levels."""
    one, other = (picture(levelled(x, cfg.rate, cfg).samples, cfg) for x in (a, b))
    frames = min(one.shape[1], other.shape[1])
    return float(np.abs(one[:, :frames] - other[:, :frames]).mean() * -cfg.floor / 2)


def pitch_of(samples: np.ndarray, rate: int) -> Pitch:
    """The fundamental of samples [T] every 64 ms."""
    low, high = PITCH_RANGE
    hertz, voiced, _ = librosa.pyin(
        samples, fmin=low, fmax=high, sr=rate, frame_length=PITCH_WINDOW, hop_length=PITCH_HOP, **EXACT
    )
    return Pitch(hertz, voiced)


def pitch_kept(pitch: Pitch, wanted: Pitch) -> tuple[float, float]:
    """Median absolute difference in cents where both are voiced, and the share of frames voiced alike."""
    both = pitch.voiced & wanted.voiced
    alike = float((pitch.voiced == wanted.voiced).mean())
    if not both.any():
        return float("nan"), alike
    return float(np.median(np.abs(1200 * np.log2(pitch.hertz[both] / wanted.hertz[both])))), alike


def onsets_of(samples: np.ndarray, rate: int) -> np.ndarray:
    """Times in seconds at which notes begin."""
    return librosa.onset.onset_detect(y=samples, sr=rate, hop_length=128, units="time")


def matches(onsets: Sequence[float] | np.ndarray, wanted: Sequence[float] | np.ndarray) -> int:
    """Number of onsets that two sorted lists have in common within `ONSET_TOLERANCE`, each used once."""
    i = j = count = 0
    while i < len(onsets) and j < len(wanted):
        if abs(onsets[i] - wanted[j]) <= ONSET_TOLERANCE:
            i, j, count = i + 1, j + 1, count + 1
        elif onsets[i] < wanted[j]:
            i += 1
        else:
            j += 1
    return count


@dataclass(frozen=True)
class Score:
    """Scores of a sound in comparison with what it should be; NaN for what was not measured.

    Attributes:
        distance: Distance in dB from the target instrument's sound; see `spectral_distance` and
            `note_distance`.
        cents: Median absolute difference of the fundamental.
        voiced: Share of frames whose voicing agrees, or of frames within notes that are voiced.
        is_target: 1 if the classifier recognises the target instrument, otherwise 0.
        found, wanted, both: Number of onsets in the sound, in the truth, and in both.
    """

    distance: float
    cents: float
    voiced: float
    is_target: float
    found: int = 0
    wanted: int = 0
    both: int = 0


@dataclass(frozen=True)
class TimbreQuality:
    """One row of what `measure_timbre` finds: means over its sounds, NaN where nothing was to be compared.

    Attributes:
        distance: Mean absolute difference of log-magnitude constant-Q spectrograms to the true sounds, dB.
        cents: Median absolute difference of the pitch, in cents.
        voiced: Fraction of frames that are voiced where the source is, and unvoiced where it is not; with
            notes, the fraction of the frames within notes that are voiced.
        is_target: Fraction of sounds that the classifier takes for the target instrument.
        onsets: F-score of the note onsets, 0 to 1, within 50 ms.
        sounds: Number of sounds.
    """

    distance: float
    cents: float
    voiced: float
    is_target: float
    onsets: float
    sounds: int


def mean_score(scores: Sequence[Score]) -> TimbreQuality:
    """Means over sounds of a set, and the F-score of all of their onsets together; NaN is left out."""

    def mean(name: str) -> float:
        values = [value for score in scores if not np.isnan(value := getattr(score, name))]
        return float(np.mean(values)) if values else float("nan")

    found, wanted, both = (sum(getattr(s, name) for s in scores) for name in ("found", "wanted", "both"))
    return TimbreQuality(
        mean("distance"),
        mean("cents"),
        mean("voiced"),
        mean("is_target"),
        2 * both / (found + wanted) if found + wanted else float("nan"),
        len(scores),
    )


def score_pair(
    sound: np.ndarray, truth: np.ndarray, tune: np.ndarray, is_target: bool, cfg: SpectrogramConfig
) -> Score:
    """Compare a sound with the true one of the target instrument, and with the one whose tune it should keep.

    All sounds are [T] at `cfg.rate`.
    """
    cents, alike = pitch_kept(pitch_of(sound, cfg.rate), pitch_of(tune, cfg.rate))
    here, there = onsets_of(sound, cfg.rate), onsets_of(tune, cfg.rate)
    distance = spectral_distance(sound, truth, cfg)
    return Score(distance, cents, alike, float(is_target), len(here), len(there), matches(here, there))


class NotePlayed(NamedTuple):
    """A note in a recording: start and end in seconds, and its MIDI number."""

    start: float
    end: float
    pitch: int


Spectra = dict[int, np.ndarray]  # mean column [bins] of the spectrogram of each note, by MIDI number


def note_spectra(
    sounds: Sequence[np.ndarray], notes: Sequence[Sequence[NotePlayed]], cfg: SpectrogramConfig
) -> Spectra:
    """Spectra of the notes in recordings at `cfg.rate`: the mean over the middle of each note."""
    columns: dict[int, list[np.ndarray]] = {}
    for sound, played in zip(sounds, notes, strict=True):
        drawn = picture(levelled(sound, cfg.rate, cfg).samples, cfg)
        for note in played:
            quarter = (note.end - note.start) / 4
            first, last = (
                round(at * cfg.rate / cfg.hop) for at in (note.start + quarter, note.end - quarter)
            )
            if last > first:
                columns.setdefault(note.pitch, []).append(drawn[:, first:last].mean(axis=1))
    return {pitch: np.mean(some, axis=0) for pitch, some in columns.items()}


def note_distance(spectra: Spectra, wanted: Spectra, cfg: SpectrogramConfig) -> float:
    """Mean absolute difference in dB over the notes that both have; NaN if there are none."""
    both = spectra.keys() & wanted.keys()
    each = [np.abs(spectra[pitch] - wanted[pitch]).mean() * -cfg.floor / 2 for pitch in sorted(both)]
    return float(np.mean(each)) if each else float("nan")


def score_notes(
    sound: np.ndarray,
    played: Sequence[NotePlayed],
    wanted: Spectra,
    is_target: bool,
    cfg: SpectrogramConfig,
) -> Score:
    """Compare a sound at `cfg.rate` with its notes, and with the target instrument's spectra of these."""
    pitch = pitch_of(sound, cfg.rate)
    times = np.arange(len(pitch.voiced)) * PITCH_HOP / cfg.rate
    midi = np.full(len(times), np.nan)
    for note in played:
        midi[(times >= note.start) & (times < note.end)] = note.pitch
    heard = pitch.voiced & ~np.isnan(midi)
    cents = 1200 * np.abs(np.log2(pitch.hertz[heard] / librosa.midi_to_hz(midi[heard])))
    here, there = onsets_of(sound, cfg.rate), [note.start for note in played]
    return Score(
        note_distance(note_spectra([sound], [played], cfg), wanted, cfg),
        float(np.median(cents)) if len(cents) else float("nan"),
        float(heard.sum() / max((~np.isnan(midi)).sum(), 1)),
        float(is_target),
        len(here),
        len(there),
        matches(here, there),
    )


class InstrumentClassifier:
    """Recognises instruments, after learning from sounds of each.

    Args:
        sounds: Samples [T] of recordings or renderings by instrument; two instruments or more.
        rate: Rate of the samples.
    """

    def __init__(self, sounds: Mapping[str, Sequence[np.ndarray]], rate: int) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.rate = rate
        rows, names = [], []
        for name, clips in sounds.items():
            for clip in clips:
                parts = self._features(clip)
                rows += list(parts)
                names += [name] * len(parts)
        self.model: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
        self.model.fit(np.stack(rows), names)

    def name(self, samples: np.ndarray) -> str:
        """The instrument that samples [T] sound like, by the mean prediction over their parts."""
        shares = self.model.predict_proba(self._features(samples)).mean(axis=0)
        return str(self.model.classes_[shares.argmax()])

    def _features(self, samples: np.ndarray) -> np.ndarray:
        """[parts, 52]: means and deviations of 13 cepstra and of their changes, over audible frames."""
        cepstra = librosa.feature.mfcc(
            y=samples, sr=self.rate, n_mfcc=13, n_fft=1024, hop_length=256, n_mels=64
        )
        both = np.concatenate([cepstra, librosa.feature.delta(cepstra, width=5, mode="nearest")])
        power = librosa.feature.rms(y=samples, frame_length=1024, hop_length=256)[0]
        loud = power > power.max() * 10 ** (-LOUDEST / 20)
        heard = both[:, loud] if loud.any() else both
        count = max(round(heard.shape[1] * 256 / self.rate / PART_SECONDS), 1)
        parts = np.array_split(heard, count, axis=1)
        return np.stack([np.concatenate([part.mean(axis=1), part.std(axis=1)]) for part in parts])
