"""Folders of sounds, and tables of measurements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.errors import InputError
from ganedit.files import SOUND_SUFFIXES

if TYPE_CHECKING:
    import numpy as np

    from ganedit.audio.spectrogram import SpectrogramConfig


Limit = Annotated[int, typer.Option(help="Use only the first N sounds by name; 0: all.")]


def sounds_in(folder: Path, cfg: SpectrogramConfig, limit: int = 0) -> dict[str, np.ndarray]:
    """Samples [T] at `cfg.rate` of each sound in a folder by file name, with channels averaged."""
    from ganedit.audio.files import read_sound
    from ganedit.audio.spectrogram import resample

    paths = (
        sorted(p for p in folder.iterdir() if p.suffix.lower() in SOUND_SUFFIXES) if folder.is_dir() else []
    )
    if not paths:
        raise InputError(f"{folder} holds no sounds", "name a folder of sounds")
    sounds = {}
    for path in paths[: limit or None]:
        sound = read_sound(path)
        sounds[path.name] = resample(sound.samples.mean(axis=0), sound.rate, cfg.rate)
    return sounds


def print_table(
    console: Console, title: str, rows: Mapping[str, Mapping[str, float]], columns: Mapping[str, str]
) -> None:
    """Print a Markdown table, or with --json its numbers."""

    def lines() -> Iterator[str]:
        yield f"{title}\n"
        yield "| | " + " | ".join(columns.values()) + " |"
        yield "|---|" + "--:|" * len(columns)
        for name, row in rows.items():
            cells = ("" if math.isnan(row[key]) else f"{row[key]:.3g}" for key in columns)
            yield f"| {name} | " + " | ".join(cells) + " |"

    console.answer(
        "\n".join(lines()), {"title": title, "rows": {name: dict(row) for name, row in rows.items()}}
    )
