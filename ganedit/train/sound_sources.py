"""The sounds that a recipe's options name, loaded; apart from `sources`, which needs no library of sound."""

from __future__ import annotations

from pathlib import Path

from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.data.sounds import Sounds, load_sounds
from ganedit.errors import UsageError
from ganedit.train.options.sounds import SoundOptions
from ganedit.train.sources import Note, OnLoad, note_skipped


def load_source(
    source: str, options: SoundOptions, cfg: SpectrogramConfig, note: Note, on_load: OnLoad | None = None
) -> Sounds:
    """`load_sounds` as the options ask for it; files that are skipped are named."""
    limit = options.limit or None
    found = load_sounds(Path(source), cfg, frames=options.frames, limit=limit, progress=on_load)
    note_skipped(found.skipped, note)
    return found


def load_all(
    options: SoundOptions, cfg: SpectrogramConfig, note: Note, on_load: OnLoad | None = None
) -> Sounds:
    """The sounds of all folders and zips that the options name, as one set; `limit` counts in each.

    Raises:
        UsageError: None is named.
        InputError: As `load_sounds`.
    """
    if not options.data:
        raise UsageError("this recipe takes folders or zips of sounds", "name one or more")
    found = Sounds(cfg, [], [], [])
    for source in options.data:
        one = load_source(source, options, cfg, note, on_load)
        found.names += [f"{source}/{name}" for name in one.names]
        found.samples += one.samples
        found.pictures += one.pictures
        found.skipped += one.skipped
    return found
