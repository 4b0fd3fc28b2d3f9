"""Opens image files with Pillow, in the formats that ganedit reads and no others.

Pillow knows many more, and starts other programs for some of them: Ghostscript draws PostScript, whatever the
file's name.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import (
    AvifImagePlugin,  # noqa: F401 - importing a plugin registers its format; loading all takes far longer
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from ganedit.files import check_regular

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF", "HEIF")
"""Pillow's names; HEIF needs pillow-heif, and some builds of Pillow lack AVIF."""


def open_image(source: bytes | Path) -> Image.Image:
    """An image whose header is read; its pixels are decoded when they are needed.

    Raises:
        InputError: `source` is a pipe or a device.
        UnidentifiedImageError: It is in none of the formats.
        OSError: The file cannot be read. Damaged files can raise any exception.
    """
    if isinstance(source, Path):
        check_regular(source)
    known = [name for name in FORMATS if name in Image.OPEN]
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=known)
