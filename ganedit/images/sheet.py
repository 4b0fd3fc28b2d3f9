"""Contact sheets: pictures in a labelled grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganedit.images.pixels import resize, to_depth

_PAPER, _INK, _FAINT = (250, 250, 248), (40, 40, 40), (110, 110, 110)


def sheet(
    images: Sequence[np.ndarray | None],
    *,
    columns: int,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    caption: str | None = None,
    pad: int | None = None,
) -> np.ndarray:
    """Arrange pictures in rows, with labels above the columns and left of the rows.

    Args:
        images: [H, W, 3] uint8 or uint16; all are fitted into the height and width of the largest. None
            leaves a place empty.
        columns: Number of pictures in a row.
        row_labels: A label per row, or None.
        column_labels: A label per column, or None.
        caption: A line below the pictures.
        pad: Pixels between pictures; None means it depends on their size.

    Returns:
        [H, W, 3] uint8.
    """
    shown = [image for image in images if image is not None]
    if not shown or columns < 1:
        raise ValueError(f"a sheet needs images and columns; got {len(shown)} and {columns}")
    height, width = max(i.shape[0] for i in shown), max(i.shape[1] for i in shown)
    tiles = [None if i is None else _fit(to_depth(i, np.uint8), height, width) for i in images]
    rows = -(-len(tiles) // columns)
    pad = max(4, min(height, width) // 32) if pad is None else pad
    font = ImageFont.load_default(size=max(12, min(height, width) // 10))
    line = _height(font) + 2 * pad

    column_font = _fitting_font(column_labels or (), width, font)
    left = 2 * pad + round(max(font.getlength(text) for text in row_labels)) if row_labels else pad
    top = line if column_labels else pad
    below = line if caption else pad
    canvas = Image.new(
        "RGB", (left + columns * (width + pad), top + rows * (height + pad) - pad + below), _PAPER
    )
    draw = ImageDraw.Draw(canvas)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        if tile is None:
            continue
        canvas.paste(Image.fromarray(tile), (left + column * (width + pad), top + row * (height + pad)))
    for column, text in enumerate(column_labels or ()):
        centre = left + column * (width + pad) + width / 2
        draw.text((centre, top / 2), text, _INK, column_font, anchor="mm")
    for row, text in enumerate(row_labels or ()):
        draw.text((left - pad, top + row * (height + pad) + height / 2), text, _INK, font, anchor="rm")
    if caption:
        caption_font = _fitting_font([caption], canvas.width - left - pad, font)
        draw.text((left, canvas.height - below / 2), caption, _FAINT, caption_font, anchor="lm")
    return np.array(canvas)


def enlarged(image: np.ndarray, least: int = 128) -> np.ndarray:
    """A picture [H, W, 3], enlarged if its shorter side is below `least`."""
    return image if min(image.shape[:2]) >= least else resize(image, least)


def _fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture, centred on a white tile."""
    scale = min(height / image.shape[0], width / image.shape[1])
    inner = resize(image, (max(round(image.shape[0] * scale), 1), max(round(image.shape[1] * scale), 1)))
    tile = np.full((height, width, 3), _PAPER, np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    tile[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return tile


def _height(font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    _, top, _, bottom = font.getbbox("Ág")
    return round(bottom - top)


def _fitting_font(
    texts: Sequence[str], width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """`font`, or a smaller, still readable one if the longest of the texts is wider than `width`."""
    longest = max((font.getlength(text) for text in texts), default=0)
    if longest <= width or not isinstance(font, ImageFont.FreeTypeFont):
        return font
    return ImageFont.load_default(size=max(9, font.size * width / longest))
