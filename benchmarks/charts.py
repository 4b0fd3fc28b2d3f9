"""Charts and captions for the pictures in docs/images, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT = (250, 250, 248), (40, 40, 40), (214, 214, 210)
COLOURS = ((0, 121, 107), (128, 203, 196), (230, 145, 56))  # dark and light teal, orange
FINER = 3  # charts are drawn this much larger and reduced, so that slanted lines are smooth


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def captioned(picture: np.ndarray, text: str, *, size: int = 17) -> np.ndarray:
    """A picture with a line of text below it, or several."""
    canvas = Image.new("RGB", (picture.shape[1], (size + 5) * (text.count("\n") + 1) + 4), PAPER)
    at = (canvas.width / 2, canvas.height / 2)
    ImageDraw.Draw(canvas).multiline_text(at, text, INK, font(size), anchor="mm", align="center")
    return np.concatenate([picture, np.array(canvas)])


def note(lines: Sequence[str], height: int, width: int, *, size: int = 17) -> np.ndarray:
    """Lines of text on a tile."""
    canvas = Image.new("RGB", (width, height), (238, 240, 238))
    at = (width / 2, height / 2)
    ImageDraw.Draw(canvas).multiline_text(
        at, "\n".join(lines), INK, font(size), anchor="mm", align="center", spacing=8
    )
    return np.array(canvas)


def column(value: float, most: float, label: str, height: int, width: int) -> np.ndarray:
    """One bar that stands on the lower edge of a tile, its label above it."""
    picture, draw = _canvas(height, width)
    top = height - max((height - 34) * value / most, 2)
    _rectangle(draw, width * 0.25, top, width * 0.75, height, COLOURS[0])
    _text(draw, (width / 2, top - 6), label, 18, "mb")
    return _reduced(picture)


def bars(title: str, groups: Mapping[str, Mapping[str, float]], unit: str, width: int) -> np.ndarray:
    """Horizontal bars in groups, with the values at their ends and a legend beside the title.

    Args:
        title: The line above.
        groups: For each label at the left, the values by series; all groups have the same series.
        unit: Written after each value.
        width: Of the picture in pixels.
    """
    series = list(next(iter(groups.values())))
    bar, gap, left, top = 22, 14, 250, 46
    group = len(series) * bar + gap
    height = top + len(groups) * group
    picture, draw = _canvas(height, width)
    scale = (width - left - 90) / max(value for values in groups.values() for value in values.values())
    _text(draw, (10, 20), title, 21, "lm")
    for label, colour, x in zip(series, COLOURS, range(width - 150 * len(series), width, 150), strict=False):
        _rectangle(draw, x, 12, x + 16, 28, colour)
        _text(draw, (x + 24, 20), label, 17, "lm")
    for number, (label, values) in enumerate(groups.items()):
        y = top + number * group
        _text(draw, (left - 12, y + len(series) * bar / 2), label, 17, "rm")
        for value, colour, place in zip(values.values(), COLOURS, range(len(series)), strict=False):
            low, right = y + place * bar, left + value * scale
            _rectangle(draw, left, low + 1, right, low + bar - 2, colour)
            _text(draw, (right + 8, low + bar / 2), f"{value:g} {unit}", 15, "lm")
    return _reduced(picture)


def curves(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]], across: str, height: int, width: int
) -> np.ndarray:
    """Lines over a common axis, named in the upper right corner.

    Args:
        series: Places on the axis, from 0 on, and values, by the names of the lines.
        across: Name of the axis.
        height, width: Of the picture in pixels.
    """
    left, right, top, bottom = 56, width - 16, 14, height - 46
    most_x = max(float(x.max()) for x, _ in series.values())
    ticks = _ticks(max(float(y.max()) for _, y in series.values()))
    picture, draw = _canvas(height, width)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (right - left) * x / most_x, bottom - (bottom - top) * y / ticks[-1]

    for y in ticks:
        _line(draw, [at(0, y), at(most_x, y)], FAINT, 1)
        _text(draw, (left - 10, at(0, y)[1]), f"{y:g}", 15, "rm")
    for x in _ticks(most_x):
        if x <= most_x:
            _text(draw, (at(x, 0)[0], bottom + 14), f"{x:g}", 15, "mm")
    _text(draw, ((left + right) / 2, height - 12), across, 16, "mm")
    for number, (name, (xs, ys)) in enumerate(series.items()):
        _line(draw, [at(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], COLOURS[number * 2], 2.5)
        _rectangle(
            draw, right - 150, top + 8 + 24 * number, right - 132, top + 14 + 24 * number, COLOURS[number * 2]
        )
        _text(draw, (right - 124, top + 11 + 24 * number), name, 16, "lm")
    return _reduced(picture)


def stacked(pictures: Sequence[np.ndarray], gap: int = 18) -> np.ndarray:
    """Pictures below each other, each at the left edge."""
    width = max(picture.shape[1] for picture in pictures)
    canvas = np.full(
        (sum(p.shape[0] for p in pictures) + gap * (len(pictures) + 1), width, 3), PAPER, np.uint8
    )
    y = gap
    for picture in pictures:
        canvas[y : y + picture.shape[0], : picture.shape[1]] = picture
        y += picture.shape[0] + gap
    return canvas


def _ticks(most: float) -> list[float]:
    """Round numbers from 0 to the first that is not below `most`, about five of them."""
    step = 10.0 ** np.floor(np.log10(most / 2))
    step *= min((f for f in (1, 2, 5, 10) if most / (f * step) <= 6), default=10)
    return [round(step * i, 9) for i in range(int(np.ceil(most / step)) + 1)]


def _canvas(height: int, width: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (width * FINER, height * FINER), PAPER)
    return picture, ImageDraw.Draw(picture)


def _reduced(picture: Image.Image) -> np.ndarray:
    return np.array(
        picture.resize((picture.width // FINER, picture.height // FINER), Image.Resampling.LANCZOS)
    )


def _rectangle(draw: ImageDraw.ImageDraw, *box_and_colour: object) -> None:
    *box, colour = box_and_colour
    draw.rectangle([round(float(side) * FINER) for side in box], colour)  # type: ignore[arg-type]


def _line(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: object, width: float) -> None:
    draw.line([(x * FINER, y * FINER) for x, y in points], colour, round(width * FINER), joint="curve")


def _text(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, anchor: str) -> None:
    draw.text((at[0] * FINER, at[1] * FINER), text, INK, font(size * FINER), anchor=anchor)
