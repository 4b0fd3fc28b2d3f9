"""Encodes pixels as PNG, JPEG, WebP and TIFF, with colour profile and provenance."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin

from ganedit.errors import InputError
from ganedit.images.metadata import EXIF, GPS, IPTC_TAG, Metadata, iptc_segment, merged_exif, merged_xmp
from ganedit.images.pixels import over_white, to_depth
from ganedit.images.provenance import png_text

LOG = logging.getLogger(__name__)
LONGEST = {
    ".jpg": 65_500,
    ".jpeg": 65_500,
    ".webp": 16_383,
}  # longest side in pixels that the format supports
PREVIEW = 1024  # longest side of a preview in pixels


@dataclass(frozen=True)
class About:
    """What is stored with the pixels of a file."""

    provenance: dict[str, Any] | None
    metadata: Metadata | None = None
    size: tuple[int, int] = (0, 0)  # width and height
    icc: bytes | None = None

    @property
    def exif(self) -> Image.Exif | None:
        return merged_exif(self.metadata, self.size, self.icc, self.provenance)

    @property
    def xmp(self) -> bytes:
        return merged_xmp(self.metadata, self.provenance)

    @property
    def iptc(self) -> bytes:
        return self.metadata.iptc if self.metadata else b""

    @property
    def png_exif(self) -> Image.Exif | None:
        """EXIF without our record, which PNG files have as text."""
        return merged_exif(self.metadata, self.size, self.icc, None)

    @property
    def png_text(self) -> dict[str, str]:
        """Text chunks by keyword."""
        text = {} if self.provenance is None else png_text(self.provenance)
        return text | ({"XML:com.adobe.xmp": self.xmp.decode()} if self.xmp else {})


def preview_png(pixels: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
    """A PNG of pixels [H, W, 3] for a notebook, on white and at most 1,024 pixels wide and high."""
    image = Image.fromarray(to_depth(over_white(pixels, alpha), np.uint8))
    image.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


def encode(
    suffix: str,
    pixels: np.ndarray,
    alpha: np.ndarray | None,
    grey: bool,
    icc: bytes | None,
    provenance: dict[str, Any] | None,
    quality: int,
    metadata: Metadata | None = None,
) -> bytes:
    """The bytes of an image file.

    Args:
        suffix: One of `IMAGE_WRITERS`.
        pixels: [H, W, 3], uint8 or uint16.
        alpha: [H, W] of the same type, or None; not stored in JPEG.
        grey: Write one luminance channel; see `keeps_grey`.
        icc: Colour profile to embed.
        provenance: Record to embed as PNG text or EXIF, and as XMP.
        quality: Quality of JPEG and WebP, 1 to 100.
        metadata: EXIF, XMP and IPTC to embed.

    Raises:
        InputError: A side is longer than the format supports.
    """
    check_sides(suffix, pixels.shape[:2])
    lossy = suffix in (".jpg", ".jpeg", ".webp")
    if lossy and pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        alpha = None if alpha is None else ((alpha.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if suffix in (".jpg", ".jpeg"):
        alpha = None
    channels = _channels(pixels, alpha, grey)
    about = About(provenance, metadata, (pixels.shape[1], pixels.shape[0]), icc)
    if about.iptc and suffix in (".png", ".webp"):
        LOG.warning("%s files hold no IPTC: left out (its EXIF and XMP are kept)", suffix)
    if suffix in (".tif", ".tiff"):
        return _tiff(channels, about)
    if pixels.dtype == np.uint16:
        return _png_16(channels, about)
    image = Image.fromarray(channels if channels.shape[2] > 1 else channels[..., 0])
    return _save(image, suffix, about, quality)


def check_sides(suffix: str, sides: Sequence[int]) -> None:
    """Refuse sides that are longer than a format supports.

    Raises:
        InputError: one is.
    """
    longest = max(sides)
    if longest > LONGEST.get(suffix, longest):
        raise InputError(
            f"a {suffix} file cannot hold a side of {longest} pixels, {LONGEST[suffix]} at most",
            "write a .png or .tiff file",
        )


def keeps_grey(suffix: str, dtype: np.dtype, alpha: bool) -> bool:
    """Whether a format stores grey pixels of this type in one channel, beside an alpha channel if any."""
    if suffix in (".tif", ".tiff"):
        return not (alpha and dtype == np.uint16)  # few readers support 16-bit luminance with alpha
    return suffix != ".webp"


def _channels(pixels: np.ndarray, alpha: np.ndarray | None, grey: bool) -> np.ndarray:
    """[H, W, 1 to 4]: luminance or RGB, then alpha."""
    if grey:
        # Rec. 601, like Pillow; exact if the three channels are equal.
        weights = np.array([0.299, 0.587, 0.114])
        pixels = (pixels @ weights + 0.5).astype(pixels.dtype)[..., None]
    return pixels if alpha is None else np.concatenate([pixels, alpha[..., None]], axis=2)


def _save(image: Image.Image, suffix: str, about: About, quality: int) -> bytes:
    options = embedded(suffix, about)
    if suffix == ".png":
        options |= {"format": "PNG", "compress_level": 4}
    elif suffix in (".jpg", ".jpeg"):
        options |= {"format": "JPEG", "quality": quality, "subsampling": 0}
        options |= {"extra": iptc_segment(about.iptc)} if about.iptc else {}
    else:
        options |= {"format": "WEBP", "quality": quality, "exact": True}
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def embedded(suffix: str, about: About) -> dict[str, Any]:
    """Options with which Pillow stores this in a PNG, JPEG or WebP file."""
    if suffix == ".png":
        info = PngImagePlugin.PngInfo()
        for key, text in about.png_text.items():
            info.add_itxt(key, text)
        options = {"pnginfo": info, "exif": about.png_exif, "icc_profile": about.icc}
    else:
        options = {"exif": about.exif, "xmp": about.xmp, "icc_profile": about.icc}
    return {key: value for key, value in options.items() if value}


def _png_16(channels: np.ndarray, about: About) -> bytes:
    """16-bit colour as PNG, chunk by chunk: Pillow lacks 16-bit colour, and OpenCV writes no text."""
    height, width, count = channels.shape
    rows = channels.astype(">u2").view(np.uint8).reshape(height, -1)
    up = np.diff(rows, axis=0, prepend=np.zeros((1, rows.shape[1]), np.uint8))  # PNG filter 2, modulo 256
    filtered = np.concatenate([np.full((height, 1), 2, np.uint8), up], axis=1)
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[count]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))]
    if about.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(about.icc)))
    if exif := about.png_exif:
        chunks.append((b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    for key, text in about.png_text.items():
        chunks.append((b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode()))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 4)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _tiff(channels: np.ndarray, about: About) -> bytes:
    """16-bit colour as TIFF, one deflated strip after a directory: Pillow cannot write 16-bit colour."""
    height, width, count = channels.shape
    strip = zlib.compress(channels.astype(channels.dtype.newbyteorder("<")).tobytes(), 4)
    ifd = TiffImagePlugin.ImageFileDirectory_v2()
    ifd[256], ifd[257], ifd[258] = width, height, (channels.itemsize * 8,) * count
    ifd[259], ifd[262], ifd[277] = 8, 2 if count > 2 else 1, count
    ifd[273], ifd[278], ifd[279], ifd[284] = 0, height, len(strip), 1
    if count in (2, 4):
        ifd[338] = 2  # the last channel is alpha, not premultiplied
    if about.icc:
        ifd[34675] = about.icc
    if exif := about.exif:
        ifd.update({tag: value for tag, value in exif.items() if tag not in (EXIF, GPS)})
        for tag in (EXIF, GPS):
            if directory := exif.get_ifd(tag):
                ifd[tag] = dict(directory)
    if about.xmp:
        ifd[700] = about.xmp
    if about.iptc:
        ifd[IPTC_TAG] = about.iptc
    buffer = io.BytesIO()
    ifd.save(buffer)  # moves the strip's offset to the directory's end
    return buffer.getvalue() + strip
