"""Sets of sounds, of which training sees windows: a spectrogram and the samples that it was computed from.

A set is a folder or a zip of sound files. Every file is converted to one rate and level (`audio.spectrogram`)
and kept in memory as samples and spectrogram: an hour takes 400 MB.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganedit.audio.files import decode
from ganedit.audio.spectrogram import HEARD, SpectrogramConfig, levelled, picture
from ganedit.data.files import Progress, open_source, reason_of, some_of
from ganedit.data.order import Share
from ganedit.data.pictures import sheet
from ganedit.errors import InputError
from ganedit.files import SOUND_SUFFIXES

Window = tuple[Tensor, Tensor]  # spectrograms [N, 1, bins, F] in [-1, 1], and their samples [N, F · hop]
HEARD_SHARE = 0.25  # share of a window that must be audible


@dataclass
class Sounds:
    """Sounds of one rate and level.

    Attributes:
        cfg: Settings of the spectrograms.
        names: File names.
        samples: float32 [T] of each.
        pictures: float16 [bins, T // hop + 1] of each.
        skipped: (name, reason) of every file that could not be decoded.
    """

    cfg: SpectrogramConfig
    names: list[str]
    samples: list[np.ndarray]
    pictures: list[np.ndarray]
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def window(self, i: int, start: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns of sound i from `start` on, and their samples."""
        hop = self.cfg.hop
        wave = self.samples[i][start * hop : (start + frames) * hop]
        return self.pictures[i][:, start : start + frames], np.pad(wave, (0, frames * hop - len(wave)))

    @cached_property
    def heard(self) -> list[np.ndarray]:
        """For each sound, the number of audible columns before each column; [F + 1], from 0."""
        return [np.concatenate([[0], (drawn.max(axis=0) > HEARD).cumsum()]) for drawn in self.pictures]

    def starts(self, i: int, frames: int) -> np.ndarray:
        """Columns at which windows of sound i may start, so that at least a quarter of each is audible.

        Nothing can be learned from silence, and networks that divide by the deviation of their input explode
        on it. If there are no such columns, any column may start a window.
        """
        heard = self.heard[i]
        starts = np.flatnonzero(heard[frames:] - heard[:-frames] >= frames * HEARD_SHARE)
        return starts if len(starts) else np.arange(len(heard) - frames)

    def draw(self, share: Share, frames: int, *, gain: float = 0.0) -> list[Window]:
        """Random windows, spectrograms and samples, for each piece of a step; see `windows`."""
        rng = share.rng()
        drawn = (self.windows(rows.tolist(), frames, rng, gain) for rows in share.rows(len(self)))
        return [(pictures.to(share.device), waves.to(share.device)) for pictures, waves in drawn]

    def windows(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator, gain: float = 0.0
    ) -> Window:
        """A random window of each of these sounds, made up to `gain` dB louder or quieter."""
        windows = [self.window(i, int(rng.choice(self.starts(i, frames))), frames) for i in rows]
        return self._batch(windows, torch.from_numpy(rng.uniform(-gain, gain, len(windows))).float())

    def centres(self, rows: Sequence[int], frames: int) -> Window:
        """The middle of these sounds, for sample pictures."""
        windows = [self.window(i, (self.pictures[i].shape[1] - frames) // 2, frames) for i in rows]
        return self._batch(windows, torch.zeros(len(windows)))

    def _batch(self, windows: Sequence[tuple[np.ndarray, np.ndarray]], decibels: Tensor) -> Window:
        pictures, waves = (torch.from_numpy(np.stack(each)).float() for each in zip(*windows, strict=True))
        pictures = (pictures - 2 * decibels[:, None, None] / self.cfg.floor).clamp(-1, 1)
        return pictures[:, None], waves * 10 ** (decibels[:, None] / 20)


def spectrogram_sheet(rows: Sequence[Tensor]) -> Tensor:
    """Rows of spectrograms, each [N, 1, bins, F], as one grey picture; low frequencies at the bottom."""
    return sheet([row.float().flip(2).expand(-1, 3, -1, -1) for row in rows])


def load_sounds(
    source: Path,
    cfg: SpectrogramConfig,
    *,
    frames: int,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Sounds:
    """Load the sounds of a folder or zip; channels are averaged.

    Args:
        source: A folder , including its subfolders, or a zip.
        cfg: Settings of the spectrograms.
        frames: Columns of the windows that will be taken; shorter sounds are skipped.
        limit: Take only the first `limit` files by name.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: the source is missing, damaged or empty, or no file can be used.
    """
    with ExitStack() as stack:
        names, read = open_source(Path(source), stack, SOUND_SUFFIXES, "sounds")
        names = names[:limit]
        if not names:
            raise InputError(f"{source} holds no sounds", f"looked for {', '.join(SOUND_SUFFIXES)}")
        sounds = Sounds(cfg, [], [], [])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            drawn = pool.map(lambda name: _drawn(name, read, cfg, frames), names)
            for i, (name, one) in enumerate(zip(names, drawn, strict=True)):
                if isinstance(one, str):
                    sounds.skipped.append((name, one))
                else:
                    sounds.names.append(name)
                    sounds.samples.append(one[0])
                    sounds.pictures.append(one[1])
                if progress and (i % 8 == 7 or i == len(names) - 1):
                    progress(i + 1, len(names))
    if not sounds.names:
        listed = some_of([f"{name}: {reason}" for name, reason in sounds.skipped])
        raise InputError(f"no sound of {source} can be used ({listed})")
    return sounds


def _drawn(
    name: str, read: Callable[[str], bytes], cfg: SpectrogramConfig, frames: int
) -> tuple[np.ndarray, np.ndarray] | str:
    """Samples and spectrogram of a file, or the reason why it cannot be used."""
    try:
        sound = decode(read(name), name)
        samples = levelled(sound.samples.mean(axis=0), sound.rate, cfg).samples
        if cfg.frames(len(samples)) < frames:
            return f"{len(samples) / cfg.rate:.1f} s are shorter than a window"
        return samples, picture(samples, cfg).astype(np.float16)
    except MemoryError:
        raise
    except Exception as error:  # decoders can raise any exception on damaged files
        return reason_of(error)
