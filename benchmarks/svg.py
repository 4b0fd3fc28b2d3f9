"""Parts of diagrams as SVG text: boxes, feature maps, arrows, codes. Places are centres, sizes are pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Point = tuple[float, float]
Shapes = list[str]
PAPER, CARD, INK, QUIET, EDGE = "#f7f7f4", "#ffffff", "#282828", "#62625f", "#d6d6d2"
TEAL, LIGHT, ORANGE = "#00796b", "#80cbc4", "#e69138"  # as in charts.py
MIST, SAND = "#e0f2f1", "#fcebd7"  # pale teal, pale orange
THICK = {3: 4, 32: 6, 64: 7, 128: 9, 256: 12, 512: 16, 1024: 20, 2048: 24}  # pixels, by channels
WIDTH, LINE = 900, 1.4  # of a picture; height of a line of text in units of its size


def picture(height: int, title: str, shapes: Sequence[str]) -> str:
    """A whole file: a light panel that can be read on dark pages too."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" font-family="system-ui, sans-serif">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height}" rx="14" fill="{PAPER}"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def text(
    x: float, y: float, words: str, size: float = 13, fill: str = INK, anchor: str = "middle", bold: int = 0
) -> str:
    """Lines of text around the height y, the first `bold` of them in bold."""
    lines = words.split("\n")
    first = y - (len(lines) - 1) * size * LINE / 2 + size * 0.35
    weights = [' font-weight="600"' if i < bold else "" for i in range(len(lines))]
    return "\n".join(
        f'<text x="{x:g}" y="{first + i * size * LINE:.4g}" font-size="{size:g}" fill="{fill}" '
        f'text-anchor="{anchor}"{weights[i]}>{escape(line)}</text>'
        for i, line in enumerate(lines)
        if line
    )


def left(x: float, y: float, words: str, size: float = 13, fill: str = QUIET, bold: int = 0) -> str:
    """Text that begins at x."""
    return text(x, y, words, size, fill, "start", bold)


def panel(y: float, height: float, title: str, note: str = "", x: float = 14, width: float = 872) -> str:
    """A card with its top left corner at (x, y), a title and what goes without saying."""
    return "\n".join(
        [
            rect(x + width / 2, y + height / 2, width, height, CARD, EDGE, 10),
            left(x + 18, y + 24, title, 16, TEAL, bold=1),
            text(x + width - 18, y + 24, note, 13, QUIET, "end"),
        ]
    )


def rect(x: float, y: float, w: float, h: float, fill: str, edge: str = "none", r: float = 6) -> str:
    return (
        f'<rect x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w:g}" height="{h:g}" rx="{r:g}" '
        f'fill="{fill}" stroke="{edge}"/>'
    )


def box(x: float, y: float, w: float, h: float, words: str, fill: str = MIST, size: float = 13) -> str:
    """A step: its name in bold, and what there is to say about it below."""
    edge = {MIST: LIGHT, SAND: ORANGE, CARD: EDGE}.get(fill, "none")
    ink = CARD if fill == TEAL else INK
    return rect(x, y, w, h, fill, edge) + "\n" + text(x, y, words, size, ink, bold=1)


def volume(
    x: float, y: float, w: float, side: float, fill: str = TEAL, note: str = "", below: float = 0
) -> str:
    """A feature map: as wide as it has channels, as high as it has pixels. Its note stands at y = `below`."""
    d = 3 + side * 0.16  # how far the back lies above and to the right
    x0, x1, y0, y1 = x - w / 2 - d / 2, x + w / 2 - d / 2, y - side / 2 + d / 2, y + side / 2 + d / 2
    faces = (
        ([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], 0.0),
        ([(x0, y0), (x0 + d, y0 - d), (x1 + d, y0 - d), (x1, y0)], 0.35),
        ([(x1, y0), (x1 + d, y0 - d), (x1 + d, y1 - d), (x1, y1)], -0.2),
    )
    drawn = [f'<path d="{_path(corners)}Z" fill="{_shade(fill, by)}"/>' for corners, by in faces]
    caption = text(x, below, note, 12, INK, bold=1) if note else ""
    return f'<g stroke="{CARD}" stroke-width=".6">{"".join(drawn)}</g>\n{caption}'


def maps(y: float, below: float, *each: tuple[float, int, float, str]) -> Shapes:
    """Feature maps at a height: place, channels, side as drawn, and the lines below the channels."""
    return [
        volume(x, y, THICK[channels], side, TEAL, f"{channels}\n{note}", below)
        for x, channels, side, note in each
    ]


def blocks(x: float, y: float, side: float, count: int) -> Shapes:
    """Residual blocks, each with its shortcut."""
    drawn: Shapes = []
    for _ in range(count):
        up, top = y - side / 2 - 5, y - side / 2 - 23
        turn = (x - 13, up), (x - 13, top), (x + 18, top), (x + 18, up)
        drawn += [volume(x, y, 12, side, LIGHT), arrow(*turn, r=5, fill=ORANGE, width=1.3)]
        x += 37
    return drawn


def arrow(
    *points: Point,
    fill: str = QUIET,
    dashed: bool = False,
    head: bool = True,
    r: float = 8,
    width: float = 1.6,
) -> str:
    """A line through points with round corners, and a head at its end."""
    (x0, y0), (x1, y1) = points[-2:]
    angle = math.atan2(y1 - y0, x1 - x0)
    end = (x1 - 6 * math.cos(angle), y1 - 6 * math.sin(angle)) if head else (x1, y1)
    line = f"M{points[0][0]:g} {points[0][1]:g}"
    for before, at, after in zip(points, points[1:-1], points[2:], strict=False):
        into, out = _towards(at, before, r), _towards(at, after, r)
        line += f"L{into[0]:.4g} {into[1]:.4g}Q{at[0]:g} {at[1]:g} {out[0]:.4g} {out[1]:.4g}"
    line += f"L{end[0]:.4g} {end[1]:.4g}"
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    drawn = f'<path d="{line}" fill="none" stroke="{fill}" stroke-width="{width:g}"{dash}/>'
    if head:
        wings = [(x1 - 9 * math.cos(angle + a), y1 - 9 * math.sin(angle + a)) for a in (0.45, -0.45)]
        drawn += f'\n<path d="{_path([(x1, y1), *wings])}Z" fill="{fill}"/>'
    return drawn


def chain(y: float, *ends: float, fill: str = QUIET) -> list[str]:
    """Level arrows, each from one x to the next: begin, end, begin, end."""
    return [arrow((a, y), (b, y), fill=fill) for a, b in zip(ends[::2], ends[1::2], strict=True)]


def sign(x: float, y: float, words: str = "+", fill: str = CARD) -> str:
    """An operation in a circle."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="12" fill="{fill}" stroke="{QUIET}"/>\n' + text(x, y, words, 15)


def photo(x: float, y: float, side: float, hill: str = TEAL) -> str:
    """A small landscape, for any photo; the colour of its hill tells domains apart."""
    s, x0, y0 = side, x - side / 2, y - side / 2
    foot = f"L{x0 + s:g} {y0 + s:g}L{x0:g} {y0 + s:g}Z"
    return "\n".join(
        [
            rect(x, y, s, s, MIST, r=0),
            f'<circle cx="{x0 + 0.7 * s:g}" cy="{y0 + 0.3 * s:g}" r="{0.12 * s:g}" fill="{ORANGE}"/>',
            f'<path d="M{x0:g} {y0 + 0.6 * s:g}Q{x0 + 0.3 * s:g} {y0 + 0.3 * s:g} {x0 + s:g} '
            f'{y0 + 0.85 * s:g}{foot}" fill="{_shade(hill, 0.45)}"/>',
            f'<path d="M{x0:g} {y0 + 0.9 * s:g}Q{x0 + 0.7 * s:g} {y0 + 0.45 * s:g} {x0 + s:g} '
            f'{y0 + 0.7 * s:g}{foot}" fill="{hill}"/>',
            rect(x, y, s, s, "none", QUIET, 2),
        ]
    )


def label_map(x: float, y: float, side: float) -> str:
    """The same landscape as flat regions, one colour for each label."""
    s, x0, y0 = side, x - side / 2, y - side / 2
    foot = f"L{x0 + s:g} {y0 + s:g}L{x0:g} {y0 + s:g}Z"
    return "\n".join(
        [
            rect(x, y, s, s, LIGHT, r=0),
            f'<path d="M{x0:g} {y0 + 0.6 * s:g}L{x0 + 0.35 * s:g} {y0 + 0.4 * s:g}L{x0 + s:g} '
            f'{y0 + 0.8 * s:g}{foot}" fill="{ORANGE}"/>',
            f'<path d="M{x0:g} {y0 + 0.9 * s:g}L{x0 + 0.7 * s:g} {y0 + 0.6 * s:g}L{x0 + s:g} '
            f'{y0 + 0.7 * s:g}{foot}" fill="{TEAL}"/>',
            rect(x, y, s, s, "none", QUIET, 2),
        ]
    )


def numbers(
    x: float, y: float, w: float, row: float, fills: Sequence[str], columns: int = 16, same: bool = False
) -> str:
    """A code: a row of cells for each colour, whose shades stand for numbers; all rows alike with `same`."""
    cell, top = w / columns, y - row * len(fills) / 2
    outline = f"h{cell - 0.8:.3g}v{row - 0.8:.3g}h-{cell - 0.8:.3g}z"
    paths: dict[tuple[str, int], str] = {}
    for i, fill in enumerate(fills):
        for j in range(columns):
            shade = (5 * j * j + 3 * j + (0 if same else 7 * i + i * j)) % 4
            place = f"M{x - w / 2 + j * cell:.4g} {top + i * row:.4g}{outline}"
            paths[fill, shade] = paths.get((fill, shade), "") + place
    return "\n".join(f'<path d="{d}" fill="{_shade(f, 0.25 * s)}"/>' for (f, s), d in paths.items())


def brace(x: float, y0: float, y1: float) -> str:
    """A bracket from y0 to y1 that opens to the left."""
    return f'<path d="M{x:g} {y0:g}q6 0 6 6V{y1 - 6:g}q0 6 -6 6" fill="none" stroke="{QUIET}"/>'


def _towards(at: Point, other: Point, most: float) -> Point:
    length = math.dist(at, other)
    share = min(most, length / 2) / length
    return at[0] + (other[0] - at[0]) * share, at[1] + (other[1] - at[1]) * share


def _path(corners: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in corners)


def _shade(colour: str, by: float) -> str:
    """A colour nearer to white, or nearer to black where `by` is negative."""
    goal, share = (255, by) if by > 0 else (0, -by)
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(c + (goal - c) * share):02x}" for c in parts)
