"""How well a model plays the sounds of one instrument on another."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from ganedit.audio.files import Sound
from ganedit.audio.phase import griffin_lim
from ganedit.audio.spectrogram import SpectrogramConfig, levelled, picture
from ganedit.audio.timbre import transfer
from ganedit.audio.vocoders import DEFAULT, vocoder_of
from ganedit.errors import InputError, UsageError
from ganedit.files import read_text
from ganedit.metrics.sounds import read_sounds
from ganedit.metrics.timbre import (
    InstrumentClassifier,
    NotePlayed,
    Score,
    TimbreQuality,
    mean_score,
    note_spectra,
    score_notes,
    score_pair,
)
from ganedit.store.models import Translator
from ganedit.store.uses import need

COPY = "true one, griffin-lim"  # the row of the true sounds after they went through that vocoder
Sounds = Mapping[str, np.ndarray]  # samples [T] by file name


def measure_timbre(
    model: Translator,
    source: str | Path,
    target: str | Path,
    instruments: str | Path,
    *,
    notes: str | Path | None = None,
    vocoder: str | None = None,
    device: str = "auto",
    seed: int = 0,
    limit: int | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, TimbreQuality]:
    """Play the sounds of one instrument on another, and compare them with the true ones.

    Spectra are compared at one level. Pitch is found by pYIN (Mauch and Dixon, ICASSP 2014) every 64 ms,
    onsets by spectral flux. The classifier of instruments is a logistic regression on mel-frequency cepstral
    coefficients.

    Args:
        model: A translator of spectrograms.
        source: Folder of sounds of the instrument to start from.
        target: Folder of the other instrument, named after it: the same phrases under the same file names.
        instruments: Folder with a folder of sounds for each instrument, from which the classifier learns.
        notes: CSV with the columns clip (INSTRUMENT/FILE), start_s, end_s and midi. With it the sounds need
            no partners: pitch and onsets are compared with the notes, spectra with the mean spectra of the
            target's notes of the same pitch.
        vocoder: "griffin-lim", "gan", "wavenet", or the name or folder of a vocoder model; None takes the
            default, "gan".
        device: For the vocoder: "auto", "cpu", "cuda" or "cuda:N".
        seed: Of a WaveNet's draws.
        limit: Use only the first `limit` sounds by name; None uses all.
        jobs: Number of processes that compare.
        progress: Called with (sounds translated, sounds in all).

    Returns:
        Rows by name: "source", the untouched sounds; "translated"; and, without notes, "true one,
        griffin-lim", the true sounds after copy synthesis: the best that this vocoder can reach.

    Raises:
        UsageError: `instruments` lacks the target, or has no other instrument.
        InputError: A folder without sounds, a sound without a partner or notes, or a table that cannot be
            read.
        CheckpointError: The model is for something else.

    Examples:
        >>> from pathlib import Path
        >>> for name in ("violin", "flute"):  # half a second of each
        ...     sound = ganedit.read_sound(f"examples/greensleeves-{name}.flac")
        ...     Path("sounds", name).mkdir(parents=True)
        ...     half = sound.samples[:, : sound.rate // 2]
        ...     ganedit.write_sound(f"sounds/{name}/phrase.wav", [half], sound.rate)
        >>> model = ganedit.load("violin2flute")
        >>> found = ganedit.measure_timbre(model, "sounds/violin", "sounds/flute", "sounds")
        >>> list(found)
        ['source', 'translated', 'true one, griffin-lim']
        >>> found["source"].cents, found["source"].is_target
        (0.0, 0.0)
    """
    need(model, "timbre")
    source, target = Path(source), Path(target)
    cfg = SpectrogramConfig.from_details(model.card.details)
    classifier = _classifier(Path(instruments), target.name, cfg)
    sources = read_sounds(source, cfg.rate, limit)
    vocode = vocoder_of(cfg, vocoder or DEFAULT, device=device, seed=seed)
    results = {}
    for name, sound in sources.items():
        results[name] = transfer(Sound(sound[None], cfg.rate), model, vocode).samples[0]
        if progress:
            progress(len(results), len(sources))
    rows: dict[str, Sounds] = {"source": sources, "translated": results}

    def is_target(sound: np.ndarray) -> bool:
        return classifier.name(sound) == target.name

    if notes is None:
        scores = _by_pairs(rows, read_sounds(target, cfg.rate, limit), is_target, cfg, jobs)
    else:
        scores = _by_notes(rows, Path(notes), source.name, target, is_target, cfg, jobs)
    return {row: mean_score(some) for row, some in scores.items()}


def _classifier(instruments: Path, target: str, cfg: SpectrogramConfig) -> InstrumentClassifier:
    folders = sorted(path for path in instruments.iterdir() if path.is_dir()) if instruments.is_dir() else []
    known = {folder.name: list(read_sounds(folder, cfg.rate).values()) for folder in folders}
    if target not in known or len(known) < 2:
        raise UsageError(
            f"{instruments} has no folder {target} beside others", "the classifier learns them by name"
        )
    return InstrumentClassifier(known, cfg.rate)


def _by_pairs(
    rows: Mapping[str, Sounds],
    truths: Sounds,
    is_target: Callable[[np.ndarray], bool],
    cfg: SpectrogramConfig,
    jobs: int,
) -> dict[str, list[Score]]:
    sources = rows["source"]
    lost = sorted(sources.keys() - truths.keys())
    if lost:
        raise InputError(f"{len(lost)} sounds have no partner: {lost[0]}, ...", "pairs have the same names")
    copies = {name: _copy(truths[name], cfg) for name in sources}
    tunes = {**dict.fromkeys(rows, sources), COPY: truths}  # whose pitch and onsets are to be kept
    return {
        row: Parallel(jobs)(
            delayed(score_pair)(sound, truths[name], tunes[row][name], is_target(sound), cfg)
            for name, sound in sounds.items()
        )
        for row, sounds in {**rows, COPY: copies}.items()
    }


def _copy(sound: np.ndarray, cfg: SpectrogramConfig) -> np.ndarray:
    """A sound [T] drawn, and made sound again."""
    level = levelled(sound, cfg.rate, cfg).samples
    return griffin_lim(picture(level, cfg), cfg, len(level))


def _by_notes(
    rows: Mapping[str, Sounds],
    notes: Path,
    source: str,
    target: Path,
    is_target: Callable[[np.ndarray], bool],
    cfg: SpectrogramConfig,
    jobs: int,
) -> dict[str, list[Score]]:
    played = read_notes(notes)
    recordings = read_sounds(target, cfg.rate)
    wanted = note_spectra(
        list(recordings.values()), [played.get(f"{target.name}/{name}", []) for name in recordings], cfg
    )
    for name in rows["source"]:
        if f"{source}/{name}" not in played:
            raise InputError(f"{notes} lists no notes of {source}/{name}", "see its column clip")
    return {
        row: Parallel(jobs)(
            delayed(score_notes)(sound, played[f"{source}/{name}"], wanted, is_target(sound), cfg)
            for name, sound in sounds.items()
        )
        for row, sounds in rows.items()
    }


def read_notes(path: Path) -> dict[str, list[NotePlayed]]:
    """The notes of recordings, by clip (INSTRUMENT/FILE), from a CSV with clip, start_s, end_s and midi.

    Raises:
        InputError: It cannot be read as such a table.
    """
    found: dict[str, list[NotePlayed]] = {}
    try:
        for row in csv.DictReader(io.StringIO(read_text(path), newline="")):
            note = NotePlayed(float(row["start_s"]), float(row["end_s"]), int(row["midi"]))
            found.setdefault(row["clip"], []).append(note)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path} is not a table of notes: {error}", "columns clip, start_s, end_s, midi"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "name a CSV of notes") from error
    return found
