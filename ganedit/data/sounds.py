"""Sets of sounds, seen by training as windows: a spectrogram and the samples that it was drawn of.

A set is a folder or a zip of sound files. Every file is brought to one rate and level (`audio.spectrogram`)
and held, samples and spectrogram, in memory: an hour takes 400 MB.
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
HEARD_SHARE = 0.25  # of a window


@dataclass
class Sounds:
    """Sounds of one rate and level.

    Attributes:
        cfg: How they are drawn.
        names: As their files are called.
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
        """Columns `start` and following of sound i, and the samples from the first on."""
        hop = self.cfg.hop
        wave = self.samples[i][start * hop : (start + frames) * hop]
        return self.pictures[i][:, start : start + frames], np.pad(wave, (0, frames * hop - len(wave)))

    @cached_property
    def heard(self) -> list[np.ndarray]:
        """For each sound, how many of its columns are heard before each of them; [F + 1], from 0."""
        return [np.concatenate([[0], (drawn.max(axis=0) > HEARD).cumsum()]) for drawn in self.pictures]

    def starts(self, i: int, frames: int) -> np.ndarray:
        """Columns at which windows of sound i may start: at least a quarter of each is heard.

        Silence teaches nothing, and a network that divides by the deviation of its input explodes on it.
        Where all is soft, any column will do.
        """
        heard = self.heard[i]
        found = np.flatnonzero(heard[frames:] - heard[:-frames] >= frames * HEARD_SHARE)
        return found if len(found) else np.arange(len(heard) - frames)

    def draw(self, share: Share, frames: int, *, gain: float = 0.0) -> list[Window]:
        """Random windows, spectrograms and samples, for each piece of a step; see `windows`."""
        rng = share.rng()
        drawn = (self.windows(rows.tolist(), frames, rng, gain) for rows in share.rows(len(self)))
        return [(pictures.to(share.device), waves.to(share.device)) for pictures, waves in drawn]

    def windows(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator, gain: float = 0.0
    ) -> Window:
        """A random window of each of these sounds, made up to `gain` dB louder or softer."""
        found = [self.window(i, int(rng.choice(self.starts(i, frames))), frames) for i in rows]
        return self._batch(found, torch.from_numpy(rng.uniform(-gain, gain, len(found))).float())

    def centres(self, rows: Sequence[int], frames: int) -> Window:
        """The middle of these sounds: for sample pictures."""
        found = [self.window(i, (self.pictures[i].shape[1] - frames) // 2, frames) for i in rows]
        return self._batch(found, torch.zeros(len(found)))

    def _batch(self, found: Sequence[tuple[np.ndarray, np.ndarray]], decibels: Tensor) -> Window:
        pictures, waves = (torch.from_numpy(np.stack(each)).float() for each in zip(*found, strict=True))
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
    """The sounds of a folder or zip; those of several channels as their mean.

    Args:
        source: A folder (searched through) or a zip.
        cfg: How to draw them.
        frames: Columns of the windows that will be asked for; sounds that are shorter are skipped.
        limit: Take only the first `limit` files by name.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: the source is missing, damaged or empty, or no file is left.
    """
    with ExitStack() as stack:
        names, read = open_source(Path(source), stack, SOUND_SUFFIXES, "sounds")
        names = names[:limit]
        if not names:
            raise InputError(f"{source} holds no sounds", f"looked for {', '.join(SOUND_SUFFIXES)}")
        found = Sounds(cfg, [], [], [])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            drawn = pool.map(lambda name: _drawn(name, read, cfg, frames), names)
            for i, (name, one) in enumerate(zip(names, drawn, strict=True)):
                if isinstance(one, str):
                    found.skipped.append((name, one))
                else:
                    found.names.append(name)
                    found.samples.append(one[0])
                    found.pictures.append(one[1])
                if progress and (i % 8 == 7 or i == len(names) - 1):
                    progress(i + 1, len(names))
    if not found.names:
        listed = some_of([f"{name}: {reason}" for name, reason in found.skipped])
        raise InputError(f"no sound of {source} can be used ({listed})")
    return found


def _drawn(
    name: str, read: Callable[[str], bytes], cfg: SpectrogramConfig, frames: int
) -> tuple[np.ndarray, np.ndarray] | str:
    """Samples and spectrogram of a file, or why not."""
    try:
        sound = decode(read(name), name)
        samples = levelled(sound.samples.mean(axis=0), sound.rate, cfg).samples
        if cfg.frames(len(samples)) < frames:
            return f"{len(samples) / cfg.rate:.1f} s are shorter than a window"
        return samples, picture(samples, cfg).astype(np.float16)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything at all on damaged files
        return reason_of(error)
