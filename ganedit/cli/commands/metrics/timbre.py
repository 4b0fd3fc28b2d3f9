"""`ganedit metrics timbre`: measure a translator of sounds."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.sounds import Limit, print_table, sounds_in
from ganedit.errors import InputError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from ganedit.audio.spectrogram import SpectrogramConfig
    from ganedit.audio.vocoders import Vocode
    from ganedit.metrics.timbre import NotePlayed


SCORES = {
    "distance": "log-CQT L1, dB",
    "cents": "pitch, cents",
    "voiced": "voiced alike",
    "is_target": "taken for the target",
    "onsets": "onsets, F",
}


def timbre(
    console: Console,
    source: Annotated[Path, typer.Argument(help="Folder of sounds of the instrument to start from.")],
    target: Annotated[Path, typer.Argument(help="Folder of the other instrument: the same phrases by name.")],
    instruments: Annotated[
        Path, typer.Option(help="Folder of folders of sounds, one per instrument, for the classifier.")
    ],
    model: Annotated[str, typer.Option(help="Translator of sounds: a name or a file.")] = "violin2flute",
    vocoder: Annotated[str, typer.Option(help="As in ganedit timbre.")] = "",
    notes: Annotated[
        Path | None,
        typer.Option(
            help="CSV with clip, start_s, end_s and midi, for folders of known notes instead of pairs."
        ),
    ] = None,
    limit: Limit = 0,
    jobs: Annotated[int, typer.Option(help="Number of processes.")] = 1,
) -> None:
    """Measure a translator of sounds on phrases that both instruments play.

    Compared with the true ones: the untouched source, the translation, and the true ones themselves after
    they went through the vocoder griffin-lim. Pitch and onsets are compared with the source's own, those of
    the last row with the true ones'. With --notes, where nothing is in pairs, with the notes.
    """
    from ganedit.audio.spectrogram import SpectrogramConfig
    from ganedit.audio.vocoders import DEFAULT, vocoder_of
    from ganedit.metrics.timbre import InstrumentClassifier
    from ganedit.store.uses import need

    translator: Any = console.load(model)
    need(translator, "timbre")
    cfg = SpectrogramConfig.from_details(translator.card.details)
    folders = sorted(path for path in instruments.iterdir() if path.is_dir()) if instruments.is_dir() else []
    known = {folder.name: list(sounds_in(folder, cfg).values()) for folder in folders}
    if target.name not in known or len(known) < 2:
        raise UsageError(
            f"{instruments} has no folder {target.name} beside others", "the classifier learns them by name"
        )
    classifier = InstrumentClassifier(known, cfg.rate)
    sources = sounds_in(source, cfg, limit)
    vocode = vocoder_of(cfg, vocoder or DEFAULT, device=console.options.device, seed=console.options.seed)
    results = {}
    with console.progress("translating", len(sources)) as bar:
        for name, sound in sources.items():
            results[name] = _translated(sound, cfg, translator, vocode)
            bar.advance(1)
    rows = (
        _by_pairs(sources, results, sounds_in(target, cfg, limit), classifier, target.name, cfg, jobs)
        if notes is None
        else _by_notes(sources, results, (source, target), notes, classifier, cfg, jobs)
    )
    _answer(console, f"{model}: {len(sources)} sounds of {source.name}", rows)


def _by_pairs(
    sources: Mapping[str, np.ndarray],
    results: Mapping[str, np.ndarray],
    truths: Mapping[str, np.ndarray],
    classifier: Any,
    target: str,
    cfg: SpectrogramConfig,
    jobs: int,
) -> dict[str, list[Any]]:
    from joblib import Parallel, delayed

    from ganedit.audio.phase import griffin_lim
    from ganedit.audio.spectrogram import levelled, picture
    from ganedit.metrics.timbre import score_pair

    lost = sorted(sources.keys() - truths.keys())
    if lost:
        raise InputError(f"{len(lost)} sounds have no partner: {lost[0]}, ...", "pairs have the same names")
    tasks: dict[str, list[Any]] = {"source": [], "translated": [], "true one, griffin-lim": []}
    for name, source in sources.items():
        truth = truths[name]
        level = levelled(truth, cfg.rate, cfg).samples
        copy = griffin_lim(picture(level, cfg), cfg, len(level))
        for row, sound, tune in zip(
            tasks, (source, results[name], copy), (source, source, truth), strict=True
        ):
            right = classifier.name(sound) == target
            tasks[row].append(delayed(score_pair)(sound, truth, tune, right, cfg))
    return {row: Parallel(jobs)(some) for row, some in tasks.items()}


def _by_notes(
    sources: Mapping[str, np.ndarray],
    results: Mapping[str, np.ndarray],
    folders: tuple[Path, Path],
    notes: Path,
    classifier: Any,
    cfg: SpectrogramConfig,
    jobs: int,
) -> dict[str, list[Any]]:
    from joblib import Parallel, delayed

    from ganedit.metrics.timbre import note_spectra, score_notes

    played = _notes(notes)
    source, target = folders
    recordings = sounds_in(target, cfg)
    wanted = note_spectra(
        list(recordings.values()), [played.get(f"{target.name}/{name}", []) for name in recordings], cfg
    )
    rows: dict[str, list[Any]] = {}
    for row, sounds in (("source", sources), ("translated", results)):
        tasks = []
        for name, sound in sounds.items():
            known = played.get(f"{source.name}/{name}")
            if not known:
                raise InputError(f"{notes} lists no notes of {source.name}/{name}", "see its column clip")
            right = classifier.name(sound) == target.name
            tasks.append(delayed(score_notes)(sound, known, wanted, right, cfg))
        rows[row] = Parallel(jobs)(tasks)
    return rows


def _notes(path: Path) -> dict[str, list[NotePlayed]]:
    """Notes by clip, as INSTRUMENT/FILE."""
    from ganedit.metrics.timbre import NotePlayed

    found: dict[str, list[NotePlayed]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                note = NotePlayed(float(row["start_s"]), float(row["end_s"]), int(row["midi"]))
                found.setdefault(row["clip"], []).append(note)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path} is not a table of notes: {error}", "columns clip, start_s, end_s, midi"
        ) from error
    return found


def _translated(sound: np.ndarray, cfg: SpectrogramConfig, model: Any, vocode: Vocode) -> np.ndarray:
    from ganedit.audio.files import Sound
    from ganedit.audio.timbre import transfer

    translated: np.ndarray = transfer(Sound(sound[None], cfg.rate), model, vocode).samples[0]
    return translated


def _answer(console: Console, title: str, rows: Mapping[str, Sequence[Any]]) -> None:
    from ganedit.metrics.timbre import mean_score

    print_table(console, title, {name: mean_score(scores) for name, scores in rows.items()}, SCORES)
