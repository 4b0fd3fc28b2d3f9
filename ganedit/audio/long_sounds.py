"""Timbre transfer from file to file, in memory that does not grow with the length of the sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soxr

from ganedit.audio.files import Reader, open_sound, write_sound
from ganedit.audio.spectrogram import RESAMPLER, SpectrogramConfig, block_powers, level_block, level_of
from ganedit.audio.timbre import Look, Progress, check_samples, convert, limited, matching_gain
from ganedit.audio.vocoders import Vocode
from ganedit.errors import InputError
from ganedit.store.models.image import Translator
from ganedit.store.uses import need

FILE_BLOCK = 2**18  # samples that are written at once


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
    """`transfer` from file to file, in memory that does not grow with the length; returns the seconds.

    What is half done waits in a hidden folder beside the target: 8 bytes for each 1/16000 s of a channel.

    Args:
        source: A sound file, or a film that has sound.
        target: Ends in one of `audio.files.WRITERS`.
        model, vocode, look: As of `transfer`.
        comment: Kept in the file's tags.
        progress: Told the seconds of sound done, and in all, over all channels.

    Raises:
        InputError: as `transfer` and `audio.files.open_sound`.
        CheckpointError: the model is for something else.
    """
    need(model, "timbre")
    target = Path(target)
    rate = SpectrogramConfig.from_details(model.card.details).rate
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        before, after = Path(folder, "before.f32"), Path(folder, "after.f32")
        with open_sound(source) as reader:
            levels, length = _at_rate(reader, before, rate, str(source))
            channels = reader.channels
        given = np.memmap(before, np.float32, "r").reshape(-1, channels)
        played = np.memmap(after, np.float32, "w+", shape=given.shape)
        for i in range(channels):

            def told(done: float, total: float, behind: int = i) -> None:
                if progress:
                    progress(behind * total + done, channels * total)

            convert(given[:, i], played[:, i], model, vocode, progress=told, look=None if i else look)
        gains = [matching_gain(played[:, i], rate, one) for i, one in enumerate(levels)]
        back = _resampled(_pieces(played, gains), rate, reader.rate, channels)
        write_sound(target, _cut(back, length, channels), reader.rate, bits=reader.bits, comment=comment)
        del given, played
    return length / reader.rate


def _at_rate(reader: Reader, path: Path, rate: int, name: str) -> tuple[list[float], int]:
    """Write a sound's samples [T, C] at a rate, as they are; returns its channels' levels, and its length."""
    powers: list[list[np.ndarray]] = [[] for _ in range(reader.channels)]
    length, block = 0, level_block(reader.rate)

    def checked() -> Iterator[np.ndarray]:
        nonlocal length
        for samples in _rechunked(reader.blocks, 600 * block):
            check_samples(samples)
            length += samples.shape[1]
            for channel, found in zip(samples, powers, strict=True):
                found.append(block_powers(channel, block))
            yield samples

    with path.open("wb") as file:
        for samples in _resampled(checked(), reader.rate, rate, reader.channels):
            file.write(np.ascontiguousarray(samples.T).tobytes())
        if length and not file.tell():  # a sample or two may be none at this rate; no empty file is mapped
            file.write(bytes(4 * reader.channels))
    if not length:
        raise InputError(f"{name} holds no samples", "export it again")
    return [level_of(np.concatenate(found)) for found in powers], length


def _rechunked(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Samples [C, n] in pieces of `size`, but for the last."""
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
    """Samples [C, n] piece after piece, at another rate."""
    if rate == to:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, to, channels, dtype="float32", quality=RESAMPLER)
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block.T).reshape(-1, channels)).T
    yield stream.resample_chunk(np.zeros((0, channels), dtype=np.float32), last=True).T


def _pieces(samples: np.ndarray, gains: list[float]) -> Iterator[np.ndarray]:
    """Samples [T, C] as they are to be heard, [C, n] after each other."""
    for at in range(0, len(samples), FILE_BLOCK):
        yield limited(np.asarray(samples[at : at + FILE_BLOCK]).T * np.array(gains, np.float32)[:, None])


def _cut(blocks: Iterable[np.ndarray], length: int, channels: int) -> Iterator[np.ndarray]:
    """Samples [C, n] piece after piece, `length` of them: resampling may be one or two off."""
    for block in blocks:
        yield np.clip(block[:, :length], -1, 1)
        length = max(length - block.shape[1], 0)
    yield np.zeros((channels, length), dtype=np.float32)
