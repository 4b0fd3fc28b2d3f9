"""Label maps, which are pictures whose pixels are class numbers, and their palettes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganedit.errors import InputError
from ganedit.images.io import own_pixels, read_bytes, read_image
from ganedit.images.opening import open_image
from ganedit.images.orientation import orientation_of, upright

NUMBERED = ("P", "L", "1")  # Pillow modes in which pixels are label numbers
MANY = 8  # unknown labels or colours that an error lists
ENTRY = re.compile(r"\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:[\s,]+(.*))?")


@dataclass(frozen=True)
class Palette:
    """Colours [n, 3] uint8 of the labels 0 to n - 1, and their names if they have any."""

    colours: np.ndarray
    names: tuple[str, ...] = ()


@dataclass
class LabelMap:
    """An image whose pixels are numbers of labels.

    Attributes:
        labels: [H, W], uint8 or uint16.
        path: The file that it was read from.
        sha256: Checksum of that file.
    """

    labels: np.ndarray
    path: Path | None = None
    sha256: str = ""


def read_palette(path: str | Path) -> Palette:
    """Read a text file with a line `R G B name` for each label in order, such as GIMP's .gpl files.

    Raises:
        InputError: it has no such lines, or a colour twice.
    """
    path = Path(path)
    text = read_bytes(path).decode("utf-8", errors="replace")
    matches = [m for line in text.splitlines() if (m := ENTRY.fullmatch(line))]
    colours = [tuple(int(n) for n in m.groups()[:3]) for m in matches]
    if not colours or max(max(c) for c in colours) > 255:
        raise InputError(f"{path} is not a palette", "write a line for each label: 255 0 0 skin")
    if len(set(colours)) < len(colours):
        twice = next(c for c in colours if colours.count(c) > 1)
        raise InputError(
            f"{path} has the colour {' '.join(map(str, twice))} twice", "give each label its own"
        )
    names = tuple((m[4] or "").strip() for m in matches)
    return Palette(np.array(colours, np.uint8), names if all(names) else ())


def read_label_map(
    path: str | Path, palette: Palette | None = None, *, otherwise: Palette | None = None
) -> LabelMap:
    """Read labels from a picture: indices or grey levels are the labels; colours need a palette.

    Args:
        path: The picture file.
        palette: The meaning of its colours, which then takes precedence over indices.
        otherwise: The meaning of colours in pictures without indices.

    Raises:
        InputError: it is not a picture, has colours but no palette, or colours that are not in the palette.
    """
    path = Path(path)
    photo = read_image(path)
    if palette is not None:
        return LabelMap(by_colour(own_pixels(photo), palette, path), path, photo.sha256)
    with open_image(read_bytes(path)) as image:  # by its path, Pillow 13 garbles turned TIFFs
        if image.mode in NUMBERED:
            turn = orientation_of(image)
            return LabelMap(upright(np.asarray(image).astype(np.uint8), turn), path, photo.sha256)
    if photo.grey:
        return LabelMap(own_pixels(photo)[..., 0].copy(), path, photo.sha256)
    if otherwise is not None:
        return LabelMap(by_colour(own_pixels(photo), otherwise, path), path, photo.sha256)
    raise InputError(
        f"{path} is an image in colours, but the model needs label numbers",
        "save it with indexed colours, or say what the colours mean with `palette=FILE`",
    )


def by_colour(pixels: np.ndarray, palette: Palette, path: str | Path) -> np.ndarray:
    """Labels [H, W] of pixels uint8 [H, W, 3] in the colours of a palette.

    Raises:
        InputError: pixels with 16 bits, or with colours that are not in it; the error names `path`.
    """
    if pixels.dtype != np.uint8:
        raise InputError(f"{path} has 16 bits per channel, and palettes have 8", "save it with 8 bits")
    codes = _codes(pixels)
    known = _codes(palette.colours)
    order = np.argsort(known)
    at = order[np.searchsorted(known, codes, sorter=order).clip(max=len(known) - 1)]
    strange = known[at] != codes
    if strange.any():
        values = np.unique(codes[strange])
        named = [f"{v >> 16} {v >> 8 & 255} {v & 255}" for v in values[:MANY].tolist()]
        more = f" and {len(values) - MANY} more" if len(values) > MANY else ""
        raise InputError(
            f"{path} has colours that are not in the palette: {', '.join(named)}{more} "
            f"({int(strange.sum()):,} of {strange.size:,} pixels)",
            "draw without antialiasing, save without JPEG, or add them to the palette",
        )
    return np.asarray(at, np.uint8 if len(known) <= 256 else np.uint16)


def _codes(colours: np.ndarray) -> np.ndarray:
    red, green, blue = (colours[..., i].astype(np.int32) for i in range(3))
    return red << 16 | green << 8 | blue


def check_labels(labels: LabelMap, count: int, model: str, names: Sequence[str] = ()) -> None:
    """Refuse labels that the model does not know.

    Raises:
        InputError: the error lists the unknown labels and their number of pixels.
    """
    values, counts = np.unique(labels.labels, return_counts=True)
    strange = values >= count
    if not strange.any():
        return
    some = ", ".join(map(str, values[strange][:MANY].tolist()))
    more = f" and {strange.sum() - MANY} more" if strange.sum() > MANY else ""
    known = f" ({', '.join(names)})" if names else ""
    raise InputError(
        f"{labels.path or 'the map'} holds the label{'s' if strange.sum() > 1 else ''} {some}{more} "
        f"({int(counts[strange].sum()):,} of {labels.labels.size:,} pixels); the model {model} knows "
        f"0 to {count - 1}{known}",
        "change these pixels, or say what the colours mean with `palette=FILE`"
        if 255 not in values
        else "if 255 means nothing in particular, as for SPADE, import the model with --set dont_care=255",
    )


def boundaries(labels: np.ndarray) -> np.ndarray:
    """[H, W] bool: pixels that have a neighbour with another label, like pix2pixHD draws edges."""
    edge = np.zeros(labels.shape, bool)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize label maps [H, W] without interpolation."""
    rows, columns = (
        ((np.arange(n) + 0.5) * old / n).astype(int) for n, old in zip(size, labels.shape, strict=True)
    )
    return np.asarray(labels[rows][:, columns])
