"""`ganedit metrics timbre`: measure a translator of sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.sounds import Limit, print_table

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
    from ganedit.metrics.timbre_transfer import measure_timbre

    translator: Any = console.load(model)
    with console.progress("translating") as bar:
        found = measure_timbre(
            translator, source, target, instruments, notes=notes, vocoder=vocoder or None,
            device=console.options.device, seed=console.options.seed, limit=limit or None, jobs=jobs,
            progress=bar.update,
        )  # fmt: skip
    rows = {row: {key: getattr(q, key) for key in SCORES} for row, q in found.items()}
    print_table(console, f"{model}: {found['source'].sounds} sounds of {source.name}", rows, SCORES)
