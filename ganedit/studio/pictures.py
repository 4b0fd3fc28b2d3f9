"""Pictures on the page: as HTML with alternative text, with faces outlined, reduced to fit."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganedit.images.pixels import resize, to_depth

SHOWN = 1024  # longest side in pixels of a photo on the page
_LINE, _CHOSEN = (250, 250, 250), (13, 148, 136)


def picture(pixels: np.ndarray, alt: str, *, warnings: Sequence[str] = ()) -> str:
    """A picture [H, W, 3] as HTML, with warnings below."""
    file = BytesIO()
    Image.fromarray(to_depth(pixels, np.uint8)).save(file, "PNG", compress_level=1)
    data = base64.b64encode(file.getvalue()).decode()
    below = "".join(f'<p class="beyond" role="status">⚠ {html.escape(text)}</p>' for text in warnings)
    return (
        f'<figure class="picture"><img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'
        f"{below}</figure>"
    )


def reduced(pixels: np.ndarray, side: int = SHOWN) -> tuple[np.ndarray, float]:
    """8-bit pixels whose longer side is at most `side`, and the factor by which they were reduced."""
    scale = min(side / max(pixels.shape[:2]), 1.0)
    height, width = (max(round(n * scale), 1) for n in pixels.shape[:2])
    return resize(to_depth(pixels, np.uint8), (height, width)), scale


def corners(affine: np.ndarray, size: int) -> np.ndarray:
    """The corners [4, 2] of a crop in its photo, clockwise from the top left."""
    square = np.array([[0, 0, 1], [size, 0, 1], [size, size, 1], [0, size, 1]], float)
    quad: np.ndarray = square @ np.asarray(affine, float).T
    return quad


def outlined(pixels: np.ndarray, quads: Sequence[np.ndarray], chosen: int) -> np.ndarray:
    """A photo, reduced, with numbered outlines; that of index `chosen` stands out."""
    small, scale = reduced(pixels)
    image = Image.fromarray(small)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=max(14, min(small.shape[:2]) // 24))
    for at, quad in enumerate(quads):
        colour, width = (_CHOSEN, 4) if at == chosen else (_LINE, 2)
        points = [tuple(point) for point in quad * scale]
        for start, stop in zip(points, [*points[1:], points[0]], strict=True):
            draw.line([start, stop], (0, 0, 0), width + 2)
            draw.line([start, stop], colour, width)
        if len(quads) > 1:
            x, y = points[0]
            box = draw.textbbox((x + 6, y + 4), str(at + 1), font)
            draw.rectangle((box[0] - 4, box[1] - 3, box[2] + 4, box[3] + 3), colour)
            draw.text((x + 6, y + 4), str(at + 1), (0, 0, 0) if colour == _LINE else (255, 255, 255), font)
    return np.array(image)


def containing(quads: Sequence[np.ndarray], x: float, y: float) -> int | None:
    """Index of the smallest quad around a point; None if there is none."""
    inside = []
    for at, quad in enumerate(quads):
        edges = np.roll(quad, -1, axis=0) - quad
        cross = edges[:, 0] * (y - quad[:, 1]) - edges[:, 1] * (x - quad[:, 0])
        if (cross >= 0).all() or (cross <= 0).all():
            inside.append((float(np.hypot(*edges[0])), at))
    return min(inside)[1] if inside else None
