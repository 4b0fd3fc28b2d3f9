"""Converts between a photo's colour profile and sRGB, which is what all networks see.

Pixels of 8 bits go through LittleCMS (`PIL.ImageCms`). In Pillow it has no 16-bit colour, so 16-bit pixels
are computed here, from the curves and the matrix that profiles of cameras, screens and photo editors consist
of. With other profiles, 16-bit pixels are converted with the accuracy of 8 bits.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from ganedit.images.pixels import to_depth

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ROWS = 256  # rows that are converted at once
_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # Pillow's mode by the name of a colour space
_PARAMETERS = (1, 3, 4, 5, 7)  # of parametric curves, by type


def mode_of(image: Image.Image) -> str:
    """Whether an image opened by Pillow is "CMYK", grey ("L"), or in other colours ("RGB")."""
    if image.mode == "CMYK":
        return "CMYK"
    return "L" if image.mode[0] in "1LI" and image.mode != "LAB" else "RGB"


def problem_of(icc: bytes, mode: str) -> str:
    """What is wrong with a profile for images of a mode from `mode_of`; empty if nothing is."""
    try:
        space = _mode(icc)
        if space != mode and not (mode == "L" and space == "RGB"):  # grey in the colours of a screen is usual
            return f"is for {space or 'other'} pixels, not for {mode}"
        _transform(icc, SRGB)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return "is damaged"
    return ""


@lru_cache(8)
def is_srgb(icc: bytes) -> bool:
    """Whether a profile for RGB means the same as sRGB, within a level of 255."""
    if _mode(icc) != "RGB":
        return False
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    return bool(np.abs(to_srgb(colours, icc).astype(int) - colours).max() <= 1)


@lru_cache(8)
def leads_back(icc: bytes) -> bool:
    """Whether sRGB can be converted to a profile; those of scanners work in one direction only."""
    try:
        _transform(SRGB, icc)
    except ImageCms.PyCMSError:
        return False
    return _mode(icc) != "CMYK"


def is_grey(icc: bytes) -> bool:
    """Whether a profile is for grey pixels."""
    return _mode(icc) == "L"


def to_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Pixels [H, W, 3], uint8 or uint16, of a profile for RGB or grey, in sRGB; clipped to its colours."""
    return _converted(pixels, icc, SRGB)


def from_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Pixels [H, W, 3] in sRGB, uint8 or uint16, in the colours of a profile for RGB or grey."""
    return _converted(pixels, SRGB, icc)


def in_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """An image of 8 bits in sRGB: converted, without its alpha, if it has a valid profile of another kind."""
    mode = mode_of(image)
    if not icc or problem_of(icc, mode) or is_srgb(icc):
        return image
    result = ImageCms.applyTransform(image.convert(_mode(icc)), _transform(icc, SRGB))
    assert result is not None  # it is None only if the image is changed in place
    return result


def _mode(icc: bytes) -> str:
    return _MODES.get(ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.xcolor_space, "")


@lru_cache(8)
def _transform(start: bytes, end: bytes) -> ImageCms.ImageCmsTransform:
    one, other = (ImageCms.ImageCmsProfile(io.BytesIO(icc)) for icc in (start, end))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.buildTransform(one, other, _mode(start), _mode(end), intent, flags)


def _converted(pixels: np.ndarray, start: bytes, end: bytes) -> np.ndarray:
    out = np.empty_like(pixels)
    one, other = (_shaper(icc) if pixels.dtype == np.uint16 else None for icc in (start, end))
    for row in range(0, len(pixels), ROWS):
        part = slice(row, row + ROWS)
        if one is None or other is None:
            out[part] = to_depth(_by_littlecms(to_depth(pixels[part], np.uint8), start, end), out.dtype)
        else:
            out[part] = _by_curves(pixels[part], one, other)
    return out


def _by_littlecms(pixels: np.ndarray, start: bytes, end: bytes) -> np.ndarray:
    planes = pixels[..., 0] if _mode(start) == "L" else pixels
    image = ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(planes)), _transform(start, end))
    levels = np.asarray(image)
    return np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels


# --- profiles of three curves and a matrix ---------------------------------------------------------


@dataclass(frozen=True)
class _Shaper:
    """A profile of three curves and a matrix.

    Attributes:
        curves: [3, 65536], rising: the light of each level, from 0 to 1.
        levels: [3, 65536]: the level of each light, by its square root, which spreads the dark.
        matrix: [3, 3], from this light to CIE XYZ under D50.
    """

    curves: np.ndarray
    levels: np.ndarray
    matrix: np.ndarray

    @classmethod
    def of(cls, curves: list[np.ndarray], matrix: np.ndarray) -> _Shaper:
        light = np.linspace(0, 1, 65536) ** 2
        levels = [np.rint(np.interp(light, curve, np.arange(65536))).astype(np.uint16) for curve in curves]
        return cls(np.stack(curves).astype(np.float32), np.stack(levels), matrix)


def _by_curves(pixels: np.ndarray, start: _Shaper, end: _Shaper) -> np.ndarray:
    matrix = (np.linalg.inv(end.matrix) @ start.matrix).astype(np.float32)
    light = np.stack([start.curves[i][pixels[..., i]] for i in range(3)], axis=-1) @ matrix.T
    places = np.rint(np.sqrt(light.clip(0, 1)) * 65535).astype(np.uint16)
    return np.stack([end.levels[i][places[..., i]] for i in range(3)], axis=-1)


@lru_cache(4)
def _shaper(icc: bytes) -> _Shaper | None:
    """The curves and the matrix of a profile; None if it consists of something else."""
    try:
        tags = _tags(icc)
        if "kTRC" in tags:  # grey: its light is white light
            white = _shaper(SRGB)
            assert white is not None
            return _Shaper.of([_curve(tags["kTRC"])] * 3, white.matrix)
        columns = [np.array(struct.unpack(">3i", tags[f"{c}XYZ"][8:20])) / 65536 for c in "rgb"]
        return _Shaper.of([_curve(tags[f"{c}TRC"]) for c in "rgb"], np.stack(columns, axis=1))
    except (KeyError, IndexError, struct.error, ValueError):
        return None


def _tags(icc: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = [struct.unpack_from(">4sII", icc, 132 + 12 * i) for i in range(min(count, 100))]
    return {name.decode("latin-1"): icc[at : at + size] for name, at, size in entries}


def _curve(tag: bytes) -> np.ndarray:
    """The values [65536] of a curve, from 0 to 1."""
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"para":
        kind: int = struct.unpack_from(">H", tag, 8)[0]
        values = [n / 65536 for n in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)]
        return _parametric(x, kind, *values)
    (count,) = struct.unpack_from(">I", tag, 8)
    points = np.array(struct.unpack_from(f">{count}H", tag, 12), float)
    if count == 0:
        return x
    if count == 1:
        return np.asarray(x ** (points[0] / 256))
    return np.interp(x, np.linspace(0, 1, count), points / 65535)


def _parametric(x: np.ndarray, kind: int, g: float, *more: float) -> np.ndarray:
    """The curves of types 0 to 4 in the ICC's specification, section 10.18."""
    a, b, c, d, e, f = (*more, *(0.0,) * (6 - len(more)))
    if kind == 0:
        return np.asarray(x**g)
    if kind < 3:  # the part below -b / a is the constant c, which is 0 for type 1
        return np.where(x >= -b / a, np.maximum(a * x + b, 0) ** g + c, c)
    return np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f).clip(0, 1)
