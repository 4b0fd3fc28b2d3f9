"""Timbre transfer from file to file, in memory that does not grow with the length of the sound."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import soxr

from ganedit.audio.files import Reader, open_sound, write_sound
from ganedit.audio.spectrogram import (
    RESAMPLER,
    SpectrogramConfig,
    block_powers,
    check_samples,
    level_block,
    level_of,
)
from ganedit.audio.timbre import Look, Progress, convert, limited, matching_gain
from ganedit.audio.vocoders import Vocode
from ganedit.errors import InputError
from ganedit.store.models.image import Translator
from ganedit.store.uses import need

FILE_BLOCK = 2**18  # samples written at once


def transfer_file(
    source: str | Path,
    target: str | Path,
    model: Translator,
    vocode: Vocode,
    *,
    comment: str = "",
    progress: Progress | None = None,
    look: Look | None = None,
) -> float:
    """Like `transfer`, from file to file, with a constant amount of memory; returns the length in seconds.

    Intermediate results are stored in a hidden folder next to the target: 8 bytes per 1/16000 s of a channel.

    Args:
        source: A sound file, or a film with sound.
        target: Path with one of the suffixes in `audio.files.WRITERS`.
        model, vocode, look: As in `transfer`.
        comment: Comment to store in the file's tags.
        progress: Called with (seconds done, total seconds), over all channels.

    Raises:
        InputError: as in `transfer` and `audio.files.open_sound`.
        CheckpointError: the model is for something else.
    """
    need(model, "timbre")
    target = Path(target)
    rate = SpectrogramConfig.from_details(model.card.details).rate
    target.parent.mkdir(parents=True, exist_ok=True)
    place = tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent)
    with place as folder, ExitStack() as files:
        with open_sound(source) as reader:
            channels = reader.channels
            given, played = (
                [files.enter_context(FileSamples(Path(folder, f"{name}{i}.f32"))) for i in range(channels)]
                for name in ("before", "after")
            )
            levels, length = _at_rate(reader, given, rate, str(source))
        for i, (before, after) in enumerate(zip(given, played, strict=True)):

            def report(done: float, total: float, behind: int = i) -> None:
                if progress:
                    progress(behind * total + done, channels * total)

            after.extend(len(before))
            convert(before, after, model, vocode, progress=report, look=None if i else look)
        gains = [matching_gain(one, rate, wanted) for one, wanted in zip(played, levels, strict=True)]
        back = _resampled(_pieces(played, gains), rate, reader.rate, channels)
        write_sound(target, _cut(back, length, channels), reader.rate, bits=reader.bits, comment=comment)
    return length / reader.rate


class FileSamples:
    """float32 samples [T] in a file, read and written by slices.

    A memory-mapped file would work too, but pages that were read would count as used memory.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.open("w+b")

    def __enter__(self) -> FileSamples:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def __len__(self) -> int:
        return self.file.seek(0, os.SEEK_END) // 4

    def __getitem__(self, where: slice) -> np.ndarray:
        start, stop, _ = where.indices(len(self))
        self.file.seek(4 * start)
        return np.frombuffer(self.file.read(4 * max(stop - start, 0)), np.float32)

    def __setitem__(self, where: slice, values: np.ndarray) -> None:
        self.file.seek(4 * where.indices(len(self))[0])
        self.file.write(np.ascontiguousarray(values, np.float32).tobytes())

    def append(self, values: np.ndarray) -> None:
        """Append samples."""
        self.file.seek(0, os.SEEK_END)
        self.file.write(np.ascontiguousarray(values, np.float32).tobytes())

    def extend(self, length: int) -> None:
        """Extend to this length with silence."""
        self.file.truncate(4 * length)


def _at_rate(reader: Reader, to: Sequence[FileSamples], rate: int, name: str) -> tuple[list[float], int]:
    """Write a sound's channels at another rate, with their levels; returns these, and the original length."""
    powers: list[list[np.ndarray]] = [[] for _ in to]
    length, block = 0, level_block(reader.rate)

    def checked() -> Iterator[np.ndarray]:
        nonlocal length
        for samples in _rechunked(reader.blocks, 600 * block):
            check_samples(samples)
            length += samples.shape[1]
            for channel, blocks in zip(samples, powers, strict=True):
                blocks.append(block_powers(channel, block))
            yield samples

    for samples in _resampled(checked(), reader.rate, rate, len(to)):
        for channel, file in zip(samples, to, strict=True):
            file.append(channel)
    if not length:
        raise InputError(f"{name} holds no samples", "export it again")
    return [level_of(np.concatenate(blocks)) for blocks in powers], length


def _rechunked(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Samples [C, n] in pieces of `size`, except for the last."""
    waiting: list[np.ndarray] = []
    for block in blocks:
        waiting.append(block)
        if sum(one.shape[1] for one in waiting) >= size:
            whole = np.concatenate(waiting, axis=1)
            cut = whole.shape[1] // size * size
            yield whole[:, :cut]
            waiting = [whole[:, cut:]]
    if waiting and (rest := np.concatenate(waiting, axis=1)).size:
        yield rest


def _resampled(blocks: Iterable[np.ndarray], rate: int, to: int, channels: int) -> Iterator[np.ndarray]:
    """Samples [C, n], piece by piece, at another rate."""
    if rate == to:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, to, channels, dtype="float32", quality=RESAMPLER)
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block.T).reshape(-1, channels)).T
    yield stream.resample_chunk(np.zeros((0, channels), dtype=np.float32), last=True).T


def _pieces(channels: Sequence[FileSamples], gains: Sequence[float]) -> Iterator[np.ndarray]:
    """Pieces [C, n] of the channels, multiplied by their gains."""
    for at in range(0, len(channels[0]), FILE_BLOCK):
        yield np.stack([one[at : at + FILE_BLOCK] * gain for one, gain in zip(channels, gains, strict=True)])


def _cut(blocks: Iterable[np.ndarray], length: int, channels: int) -> Iterator[np.ndarray]:
    """Samples [C, n], limited to full scale and cut to `length`, since resampling may be off by one or
    two."""
    for block in blocks:
        yield limited(block[:, :length])
        length = max(length - block.shape[1], 0)
    yield np.zeros((channels, length), dtype=np.float32)
