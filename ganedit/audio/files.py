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

from ganedit.audio.whole import check_length, check_whole
from ganedit.errors import InputError
from ganedit.files import (
    LENGTH_TOLERANCE,
    SOUND_SUFFIXES,
    atomic_path,
    check_regular,
    open_av,
    promised_seconds,
    spelling,
)

BLOCK = 2**18  # samples per channel that are read at once
MOST_CHANNELS = 32
RATES = (1000, 1_000_000)  # samples per second: with other rates, the header is damaged

UNKNOWN = 2**62  # from this number of samples on, the header does not say how many there are
SLACK = {"MP3": 1152}  # samples at the end that decoders count differently

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
        check_regular(source)
        if not Path(source).is_file():
            raise InputError(f"{name}: no such file", spelling(name))
        source = str(source)
        with open(source, "rb") as file:
            promised = check_whole(file, name)
    else:
        promised = check_whole(source, name)
        source.seek(0)
    opened: Any = None
    with suppress(soundfile.LibsndfileError):  # libsndfile does not know the format, but ffmpeg may
        opened = soundfile.SoundFile(source)
    if opened is None or not opened.frames:  # or a WAV file that does not say how long it is
        if not isinstance(source, str):
            source.seek(0)
        with _open_av(source, name) as reader:
            yield reader
        return
    with opened:
        _check(opened.channels, opened.samplerate, name)
        bits = {"FLOAT": 32, "DOUBLE": 32, "PCM_24": 24, "PCM_32": 24}.get(opened.subtype, 16)
        blocks = _blocks_of(opened, opened.frames if promised else UNKNOWN, name)
        yield Reader(opened.samplerate, opened.channels, bits, blocks, opened.comment)


def _blocks_of(opened: soundfile.SoundFile, length: int, name: str) -> Iterator[np.ndarray]:
    total = 0
    while True:
        try:
            block = opened.read(BLOCK, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{name} is damaged: {error}", "export it again") from error
        total += len(block)
        if not len(block):
            if length < UNKNOWN:
                check_length(total, length, "samples", name, SLACK.get(opened.format, 0))
            return
        yield np.ascontiguousarray(block.T)


@contextmanager
def _open_av(source: str | BinaryIO, name: str) -> Iterator[Reader]:
    import av

    try:
        container = open_av(source)
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
        yield Reader(stream.rate, channels, 16, _decoded(container, name), comment)


def _decoded(container: Any, name: str) -> Iterator[np.ndarray]:
    """Blocks of samples, joined from ffmpeg's frames."""
    import av

    to_float = av.AudioResampler(format="fltp")
    sound, end = container.streams.audio[0], 0.0
    waiting: list[np.ndarray] = []
    try:
        for packet in container.demux():
            end = max(end, _end_of(packet))
            for frame in packet.decode() if packet.stream == sound else ():
                waiting += [piece.to_ndarray() for piece in to_float.resample(frame)]
            if sum(piece.shape[1] for piece in waiting) >= BLOCK:
                yield np.concatenate(waiting, axis=1)
                waiting = []
    except av.error.FFmpegError as error:
        raise InputError(f"{name} is damaged: {error.strerror}", "export it again") from error
    promised = promised_seconds(container)
    check_length(end, float(promised), "seconds", name, 0.1 + float(LENGTH_TOLERANCE * promised))
    if waiting:
        yield np.concatenate(waiting, axis=1)


def _end_of(packet: Any) -> float:
    """When a packet ends, in seconds."""
    if packet.pts is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


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
