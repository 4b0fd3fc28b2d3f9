"""Finds sound files that were cut short, by what their headers promise: decoders read them without a word."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from ganedit.errors import InputError

ENDLESS = 0x7FFFF000  # lengths from here on, like 0, mean that a program wrote to a pipe and did not know
SLACK = 64  # bytes: some programs count the header as sound
_HINT = "copy or export it again"


def check_whole(file: BinaryIO, name: str) -> bool:
    """Refuse a WAV, AIFF or Ogg file whose end is missing.

    Returns:
        Whether decoders know the number of samples: for an MP3 without a header that counts its frames, they
        estimate it.

    Raises:
        InputError: it is cut short.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    kind, form = head[:4], head[8:12]
    if kind in (b"RIFF", b"RF64") and form == b"WAVE":
        there, promised = _chunk(file, size, "<", b"data")
    elif kind == b"FORM" and form in (b"AIFF", b"AIFC"):
        there, promised = _chunk(file, size, ">", b"SSND")
    elif kind == b"OggS":
        there, promised = _last_page(file, size)
    else:
        return not _is_mp3(head) or _counts_frames(file)
    unit, slack = ("bytes of its last page", 0) if kind == b"OggS" else ("bytes", SLACK)
    check_length(there, promised, unit, name, slack)
    return True


def check_length(there: float, promised: float, unit: str, name: str, slack: float = 0) -> None:
    """Refuse a file of which less was read than its header promises, by more than `slack`.

    Raises:
        InputError: it is cut short.
    """
    if there + slack < promised:
        raise InputError(f"{name} is cut short: {there:.10g} of {promised:.10g} {unit} are there", _HINT)


def _is_mp3(head: bytes) -> bool:
    return head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1] & 0xE0 == 0xE0)


def _counts_frames(file: BinaryIO) -> bool:
    """Whether the first frame of an MP3 is a header that counts the others."""
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3":  # a tag before the sound, whose length has 7 bits in a byte
        file.seek(
            10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        )
    else:
        file.seek(0)
    first = file.read(1024)
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


def _chunk(file: BinaryIO, size: int, order: str, wanted: bytes) -> tuple[int, int]:
    """The bytes that are there of a chunk, and those that should be; both 0 if the file does not say."""
    long = 0
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, length = struct.unpack(f"{order}4sI", head)
        at = file.tell()
        if name == b"ds64":  # the true length of a file above 4 GB
            (long,) = struct.unpack_from("<Q", file.read(16).ljust(16, b"\0"), 8)
        if name == wanted:
            promised = long or (length if length < ENDLESS else 0)
            return (size - at, promised) if promised < 2**62 else (0, 0)
        file.seek(at + length + length % 2)
    return 0, 0


def _last_page(file: BinaryIO, size: int) -> tuple[int, int]:
    """The bytes that are there of the last page of an Ogg file, and those that should be."""
    start = max(size - 2**17, 0)  # a page has 64 KB at most
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    count = tail[at + 26] if len(tail) > at + 26 else 255
    lengths = tail[at + 27 : at + 27 + count]
    return len(tail) - at, 27 + count + sum(lengths)
