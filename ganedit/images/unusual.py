"""Image files that Pillow alone does not read: HEIC, and TIFF files with floating-point numbers."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ganedit.errors import InputError, MissingError
from ganedit.images.orientation import TAG, tiff_entries, upright, without_tiff_orientation

LOG = logging.getLogger(__name__)
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
EXR = b"\x76\x2f\x31\x01"
SAMPLE_FORMAT, FLOAT = 339, 3
WIDTH, HEIGHT = 256, 257
MOST_ABOVE = 0.5  # the largest share of numbers above 1 that may be highlights


def prepare_heif(path: Path | str, data: bytes) -> None:
    """Teach Pillow to open a file if it is a HEIC file.

    Raises:
        MissingError: pillow-heif is not installed.
    """
    if data[4:8] != b"ftyp" or data[8:12] not in HEIF_BRANDS:
        return
    try:
        import pillow_heif
    except ImportError:
        raise MissingError(
            f"{path} is a HEIC file, which needs pillow-heif",
            "pip install 'ganedit[heic]', or save it as JPEG",
        ) from None
    pillow_heif.register_heif_opener()


def is_float_tiff(data: bytes) -> bool:
    """Whether a file is a TIFF with floating-point numbers."""
    try:
        return _first(data, SAMPLE_FORMAT) == FLOAT
    except (struct.error, IndexError):
        return False


def size_of_tiff(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, as the file claims them."""
    return _first(data, WIDTH), _first(data, HEIGHT)


def decode_float_tiff(path: Path, data: bytes) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Pixels [H, W, 3] and alpha [H, W] or None, uint16 and upright, and whether it is grey.

    Numbers from 0 to 1 are taken as levels; what is outside is clipped, and a warning logged.

    Raises:
        InputError: the numbers are of another range.
    """
    import cv2

    raw = cv2.imdecode(np.frombuffer(without_tiff_orientation(data), np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype not in (np.float32, np.float64):
        raise ValueError("floating-point pixels in a layout that is not supported")
    raw = raw[..., None] if raw.ndim == 2 else raw
    colours = raw[..., :3]
    finite = np.isfinite(colours)
    outside = ~finite | (colours < 0) | (colours > 1)
    if (colours[finite] > 1).mean() > MOST_ABOVE if finite.any() else True:
        most = f"{colours[finite].max():.6g}" if finite.any() else "no number"
        raise InputError(
            f"{path} has floating-point pixels up to {most}, and levels go from 0 to 1",
            "divide them by the number of white, or save it with 16 bits",
        )
    if outside.any():
        share = f"{outside.any(axis=-1).mean():.1%}"
        LOG.warning("%s: floating-point pixels outside 0 to 1 are clipped (%s of them)", path, share)
    turn = _first(data, TAG) or 1
    levels = upright(_levels(raw), turn)
    if levels.shape[2] < 3:
        return np.repeat(levels[..., :1], 3, axis=2), None, True
    alpha = np.ascontiguousarray(levels[..., 3]) if levels.shape[2] == 4 else None
    return np.ascontiguousarray(levels[..., 2::-1]), alpha, False


def _levels(raw: np.ndarray) -> np.ndarray:
    known = np.nan_to_num(raw, nan=0.0, posinf=1.0, neginf=0.0)
    return np.asarray(np.rint(known.clip(0, 1) * 65535), np.uint16)


def _first(data: bytes, tag: int) -> int:
    """The first number of a TIFF entry; 0 if the file is no TIFF or has no such entry."""
    for order, found, kind, count, place, room in _entries(data):
        if found == tag:
            code = {3: "H", 4: "I", 16: "Q"}.get(kind, "H")
            if count * struct.calcsize(code) > room:
                (place,) = struct.unpack_from(order + ("I" if room == 4 else "Q"), data, place)
            return int(struct.unpack_from(order + code, data, place)[0])
    return 0


def _entries(data: bytes) -> Iterator[tuple[str, int, int, int, int, int]]:
    """Byte order, tag, type, count, and the place and length of the value, of the first image's entries."""
    for order, place, value, room in tiff_entries(data):
        tag, kind = struct.unpack_from(order + "HH", data, place)
        (count,) = struct.unpack_from(order + ("I" if room == 4 else "Q"), data, place + 4)
        yield order, tag, kind, count, value, room
