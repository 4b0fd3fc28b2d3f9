"""Reads sound files piece by piece, and writes them atomically.

libsndfile reads the formats that it knows, exactly; ffmpeg (PyAV) reads others, and the sound of films.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile

from ganedit.errors import InputError
from ganedit.files import SOUND_SUFFIXES, atomic_path

BLOCK = 2**18  # samples per channel that are read at once
MOST_CHANNELS = 32
RATES = (1000, 1_000_000)  # samples per second: with other rates, the header is damaged

WRITERS = {
    ".wav": ("WAV", "PCM_16", "PCM_24", "FLOAT"),
    ".flac": ("FLAC", "PCM_16", "PCM_24", "PCM_24"),
    ".ogg": ("OGG", "VORBIS", "VORBIS", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III", "MPEG_LAYER_III", "MPEG_LAYER_III"),
}
"""libsndfile's format and subtypes by suffix: for 16 bits, 24 bits, and floating point."""


@dataclass(frozen=True)
class Sound:
    """A sound.

    Attributes:
        samples: [C, T] float32, one row per channel; 1.0 is full scale.
        rate: Samples per second.
    """

    samples: np.ndarray
    rate: int


@dataclass
class Reader:
    """An open sound file.

    Attributes:
        rate: Samples per second.
        channels: Number of channels.
        bits: 16, 24 or 32 (floating point) bits per sample.
        blocks: Iterator over the samples in blocks, float32 [C, n].
        comment: The comment in the file's tags; empty without one.
    """

    rate: int
    channels: int
    bits: int
    blocks: Iterator[np.ndarray] = field(repr=False)
    comment: str = ""


@contextmanager
def open_sound(source: str | Path | BinaryIO, name: str = "") -> Iterator[Reader]:
    """Open a sound file, or the first sound track of a film, for reading.

    Args:
        source: A path, or an open file.
        name: Name for messages; by default the path.

    Raises:
        InputError: it is missing, not a sound, or damaged; also raised while its blocks are read.
    """
    name = name or str(source)
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            raise InputError(f"{name}: no such file", "check the spelling")
        source = str(source)
    opened: Any = None
    with suppress(soundfile.LibsndfileError):  # libsndfile does not know the format, but ffmpeg may
        opened = soundfile.SoundFile(source)
    if opened is None:
        if not isinstance(source, str):
            source.seek(0)
        with _open_av(source, name) as reader:
            yield reader
        return
    with opened:
        _check(opened.channels, opened.samplerate, name)
        bits = {"FLOAT": 32, "DOUBLE": 32, "PCM_24": 24, "PCM_32": 24}.get(opened.subtype, 16)
        yield Reader(opened.samplerate, opened.channels, bits, _blocks_of(opened, name), opened.comment)


def _blocks_of(opened: soundfile.SoundFile, name: str) -> Iterator[np.ndarray]:
    while True:
        try:
            block = opened.read(BLOCK, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{name} is damaged: {error}", "export it again") from error
        if not len(block):
            return
        yield np.ascontiguousarray(block.T)


@contextmanager
def _open_av(source: str | BinaryIO, name: str) -> Iterator[Reader]:
    import av

    try:
        container = av.open(source, "r")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        known = ", ".join(suffix[1:] for suffix in SOUND_SUFFIXES[:5])
        raise InputError(f"{name} cannot be read as sound", f"give {known}, or a film") from error
    with container:
        if not container.streams.audio:
            raise InputError(f"{name} holds no sound", "give a sound, or a film that has one")
        stream = container.streams.audio[0]
        channels = stream.codec_context.channels
        _check(channels, stream.rate or 0, name)
        comment = container.metadata.get("comment", "")
        yield Reader(stream.rate, channels, 16, _decoded(container, channels, name), comment)


def _decoded(container: Any, channels: int, name: str) -> Iterator[np.ndarray]:
    """Blocks of samples, joined from ffmpeg's frames."""
    import av

    to_float = av.AudioResampler(format="fltp")
    waiting: list[np.ndarray] = []
    try:
        for frame in container.decode(audio=0):
            waiting += [piece.to_ndarray() for piece in to_float.resample(frame)]
            if sum(piece.shape[1] for piece in waiting) >= BLOCK:
                yield np.concatenate(waiting, axis=1)
                waiting = []
    except av.error.FFmpegError as error:
        raise InputError(f"{name} is damaged: {error.strerror}", "export it again") from error
    if waiting:
        yield np.concatenate(waiting, axis=1)


def _check(channels: int, rate: int, name: str) -> None:
    if not 1 <= channels <= MOST_CHANNELS:
        raise InputError(f"{name} has {channels} channels", f"give a sound of 1 to {MOST_CHANNELS}")
    low, high = RATES
    if not low <= rate <= high:
        raise InputError(f"{name} has {rate} samples a second", f"give a sound of {low} to {high}")


def decode(data: bytes, name: str) -> Sound:
    """Decode the bytes of a sound file.

    Raises:
        InputError: as in `open_sound`, or it is empty.
    """
    with open_sound(io.BytesIO(data), name) as reader:
        return _whole(reader, name)


def read_sound(path: str | Path) -> Sound:
    """Read a sound file, or the sound of a film.

    Args:
        path: A WAV, FLAC, Ogg, Opus, MP3, AIFF, M4A or AAC file, or a film.

    Returns:
        All of the sound, at its own sampling rate.

    Raises:
        InputError: The file is missing, damaged or empty, or holds no sound.

    Examples:
        >>> violin = ganedit.read_sound("examples/greensleeves-violin.flac")
        >>> violin.samples.dtype, violin.samples.shape[0], violin.rate
        (dtype('float32'), 1, 16000)
    """
    with open_sound(path) as reader:
        return _whole(reader, str(path))


def _whole(reader: Reader, name: str) -> Sound:
    blocks = list(reader.blocks)
    if not blocks:
        raise InputError(f"{name} holds no samples", "export it again")
    return Sound(np.concatenate(blocks, axis=1), reader.rate)


def write_sound(
    path: str | Path, blocks: Iterable[np.ndarray], rate: int, *, bits: int = 16, comment: str = ""
) -> None:
    """Write a sound in the format of the file's suffix; an interrupted write leaves no file.

    Args:
        path: Ends in .wav, .flac, .ogg or .mp3.
        blocks: One or more pieces of the sound in turn, each float32 [C, n] in [-1, 1].
        rate: Samples per second.
        bits: 16, 24 or 32 (floating point), for formats that offer a choice.
        comment: Text for the comment tag of the file.

    Raises:
        InputError: Another suffix, or a rate that the format does not support.

    Examples:
        >>> violin = ganedit.read_sound("examples/greensleeves-violin.flac")
        >>> ganedit.write_sound("copy.wav", [violin.samples], violin.rate)
        >>> ganedit.read_sound("copy.wav").samples.shape == violin.samples.shape
        True
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"{path} names no sound format", f"choose {', '.join(WRITERS)}")
    kind, *subtypes = WRITERS[path.suffix.lower()]
    subtype = subtypes[{16: 0, 24: 1, 32: 2}[bits]]
    with atomic_path(path) as temporary:
        blocks = iter(blocks)
        first = next(blocks)
        try:
            with soundfile.SoundFile(temporary, "w", rate, len(first), subtype, format=kind) as file:
                if comment:
                    file.comment = comment
                for block in chain([first], blocks):
                    file.write(block.T)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{path} cannot be written: {error}", "choose .wav or .flac") from error
