"""How far a sound is from what an instrument would have made of the same notes.

Spectrograms are compared by the mean absolute difference of their decibels, pitch by pYIN (M. Mauch and S.
Dixon, ICASSP 2014), note onsets by the spectral flux, all by librosa. An instrument is recognised by a linear
classifier of mel-frequency cepstra that never hears a translation while it learns.
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
# From version 1.0, librosa drops the improbable transitions by default: at this hop, all between
# voiced and unvoiced frames. Before it, there was only the exact way.
HAS_PRUNING = "transition_min_prob" in inspect.signature(librosa.pyin).parameters
EXACT: dict[str, Any] = {"transition_min_prob": None} if HAS_PRUNING else {}
ONSET_TOLERANCE = 0.05  # seconds
LOUDEST = 30.0  # dB below the loudest frame, under which the classifier does not listen
PART_SECONDS = 2.0  # that the classifier hears at once


@dataclass(frozen=True)
class Pitch:
    """The fundamental, Hz by frame (NaN where there is none), and where it is heard."""

    hertz: np.ndarray
    voiced: np.ndarray


def spectral_distance(a: np.ndarray, b: np.ndarray, cfg: SpectrogramConfig) -> float:
    """Mean absolute difference in dB of the spectrograms of sounds [T] at `cfg.rate`, at one level."""
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


def pitch_kept(found: Pitch, wanted: Pitch) -> tuple[float, float]:
    """Median absolute difference in cents where both are voiced, and the share of frames voiced alike."""
    both = found.voiced & wanted.voiced
    alike = float((found.voiced == wanted.voiced).mean())
    if not both.any():
        return float("nan"), alike
    return float(np.median(np.abs(1200 * np.log2(found.hertz[both] / wanted.hertz[both])))), alike


def onsets_of(samples: np.ndarray, rate: int) -> np.ndarray:
    """Seconds at which notes begin."""
    return librosa.onset.onset_detect(y=samples, sr=rate, hop_length=128, units="time")


def matches(found: Sequence[float] | np.ndarray, wanted: Sequence[float] | np.ndarray) -> int:
    """How many of two sorted lists of onsets are the same within `ONSET_TOLERANCE`, each used once."""
    i = j = count = 0
    while i < len(found) and j < len(wanted):
        if abs(found[i] - wanted[j]) <= ONSET_TOLERANCE:
            i, j, count = i + 1, j + 1, count + 1
        elif found[i] < wanted[j]:
            i += 1
        else:
            j += 1
    return count


@dataclass(frozen=True)
class Score:
    """What one sound is worth beside what it should be; NaN where that is not asked.

    Attributes:
        distance: dB, from the target instrument's sound; see `spectral_distance` and `note_distance`.
        cents: Median absolute difference of the fundamental.
        voiced: Share of frames that are voiced alike, or of those within notes that are voiced.
        is_target: 1 where the classifier hears the target instrument, else 0.
        found, wanted, both: Onsets here, there, and the same in both.
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
    """A sound beside the true one of the target instrument, and the one whose tune it is to keep.

    All [T] at `cfg.rate`.
    """
    cents, alike = pitch_kept(pitch_of(sound, cfg.rate), pitch_of(tune, cfg.rate))
    here, there = onsets_of(sound, cfg.rate), onsets_of(tune, cfg.rate)
    distance = spectral_distance(sound, truth, cfg)
    return Score(distance, cents, alike, float(is_target), len(here), len(there), matches(here, there))


class NotePlayed(NamedTuple):
    """A note of a recording: seconds, and its MIDI number."""

    start: float
    end: float
    pitch: int


Spectra = dict[int, np.ndarray]  # mean column of a spectrogram, [bins], of each note by MIDI number


def note_spectra(
    sounds: Sequence[np.ndarray], notes: Sequence[Sequence[NotePlayed]], cfg: SpectrogramConfig
) -> Spectra:
    """What notes of recordings at `cfg.rate` look like, by MIDI number: the mean of their middles."""
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


def note_distance(found: Spectra, wanted: Spectra, cfg: SpectrogramConfig) -> float:
    """Mean absolute difference in dB of the notes that both have; NaN if there are none."""
    both = found.keys() & wanted.keys()
    each = [np.abs(found[pitch] - wanted[pitch]).mean() * -cfg.floor / 2 for pitch in sorted(both)]
    return float(np.mean(each)) if each else float("nan")


def score_notes(
    sound: np.ndarray,
    played: Sequence[NotePlayed],
    wanted: Spectra,
    is_target: bool,
    cfg: SpectrogramConfig,
) -> Score:
    """A sound at `cfg.rate` beside the notes in it, and how the target instrument plays them."""
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
    """Tells instruments apart, from sounds of each.

    Args:
        sounds: Samples [T] of recordings or renderings by instrument; two instruments or more.
        rate: Of them.
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
        """The instrument that samples [T] sound like, by the mean of what is said of their parts."""
        shares = self.model.predict_proba(self._features(samples)).mean(axis=0)
        return str(self.model.classes_[shares.argmax()])

    def _features(self, samples: np.ndarray) -> np.ndarray:
        """[parts, 52]: means and deviations of 13 cepstra and of their changes, where something is heard."""
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
