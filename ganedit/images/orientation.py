"""Turns pictures upright: EXIF orientations, and the display matrices of films."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

TAG = 0x0112  # of the orientation, in EXIF and TIFF

Turn = tuple[bool, int, int]
"""Whether to transpose first, then the steps through rows and columns: 1 or -1."""

_TURNS: dict[int, Turn] = {
    1: (False, 1, 1),
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}

_TIFFS = {42: (4, "I", "H", 12, 8), 43: (8, "Q", "Q", 20, 12)}
"""For TIFF and BigTIFF: the place and type of the directory's offset, the type of the number of its entries,
the length of an entry, and the place of the value in it."""


def orientation_of(image: Image.Image) -> int:
    """The orientation from 1 to 8 that is still to be applied to an image opened by Pillow.

    Pillow turns TIFF files itself when it loads them, so it is known only after `image.load()`.
    """
    image.load()
    return int(image.getexif().get(TAG, 1))


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels [H, W, ...] turned as an EXIF orientation says; unknown ones change nothing."""
    return turned(array, _TURNS.get(orientation, _TURNS[1]))


def turned(array: np.ndarray, turn: Turn) -> np.ndarray:
    """Pixels [H, W, ...] mirrored and turned; contiguous."""
    transpose, rows, columns = turn
    array = array.swapaxes(0, 1) if transpose else array
    return np.ascontiguousarray(array[::rows, ::columns])


def matrix_turn(matrix: bytes) -> Turn:
    """The turn that is closest to a film's display matrix: nine 32-bit integers in native order.

    The matrix (a b u, c d v, x y w) moves the pixel (p, q), counted right and down, to
    (a p + c q, b p + d q).
    """
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    transpose = abs(b) + abs(c) > abs(a) + abs(d)
    right, down = (c, b) if transpose else (a, d)
    return transpose, -1 if down < 0 else 1, -1 if right < 0 else 1


def without_tiff_orientation(data: bytes) -> bytes:
    """A TIFF file whose first image is marked as upright, so that no decoder turns it.

    Some versions of OpenCV turn some kinds of TIFF files and not others.
    """
    for order, place, value, _ in tiff_entries(data):
        if struct.unpack_from(order + "H", data, place) == (TAG,):
            return data[:value] + struct.pack(order + "H", 1) + data[value + 2 :]
    return data


def tiff_entries(data: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Byte order, place, and the place and length of the value, of each entry of a TIFF file's first image;
    nothing for other files."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    kind = order and struct.unpack_from(order + "H", data, 2)[0]
    if order is None or kind not in _TIFFS:
        return
    at, offset, number, entry, value = _TIFFS[kind]
    (directory,) = struct.unpack_from(order + offset, data, at)
    (count,) = struct.unpack_from(order + number, data, directory)
    first = directory + struct.calcsize(number)
    for place in range(first, first + entry * count, entry):
        yield order, place, place + value, entry - value
