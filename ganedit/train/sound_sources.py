"""Loads the sounds for a recipe's options; separate from `sources`, which needs no audio library."""

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
    """Call `load_sounds` with these options, and report skipped files."""
    limit = options.limit or None
    sounds = load_sounds(Path(source), cfg, frames=options.frames, limit=limit, progress=on_load)
    note_skipped(sounds.skipped, note)
    return sounds


def load_all(
    options: SoundOptions, cfg: SpectrogramConfig, note: Note, on_load: OnLoad | None = None
) -> Sounds:
    """Load the sounds of all folders and zips in the options as one set; `limit` applies to each.

    Raises:
        UsageError: There are no folders or zips.
        InputError: As in `load_sounds`.
    """
    if not options.data:
        raise UsageError("this recipe takes folders or zips of sounds", "name one or more")
    sounds = Sounds(cfg, [], [], [])
    for source in options.data:
        one = load_source(source, options, cfg, note, on_load)
        sounds.names += [f"{source}/{name}" for name in one.names]
        sounds.samples += one.samples
        sounds.pictures += one.pictures
        sounds.skipped += one.skipped
    return sounds
