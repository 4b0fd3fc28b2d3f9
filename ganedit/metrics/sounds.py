"""Folders of sounds that measures are taken on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganedit.audio.files import read_sound
from ganedit.audio.spectrogram import resample
from ganedit.errors import InputError
from ganedit.files import SOUND_SUFFIXES


def read_sounds(folder: Path, rate: int, limit: int | None = None) -> dict[str, np.ndarray]:
    """Read the sounds of a folder, the first `limit` by name: samples [T] at `rate`, channels averaged.

    Raises:
        InputError: The folder is missing or holds no sounds, or one cannot be read.
    """
    folder = Path(folder)
    files = folder.iterdir() if folder.is_dir() else ()
    paths = sorted(path for path in files if path.suffix.lower() in SOUND_SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no sounds", "name a folder of sounds")
    found = {}
    for path in paths[:limit]:
        sound = read_sound(path)
        found[path.name] = resample(sound.samples.mean(axis=0), sound.rate, rate)
    return found
