"""Colour profiles made from published colorants (relative to D50), for tests."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
SRGB_CURVE = (3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
ADOBE_GAMMA, PROPHOTO_GAMMA = (0, 563 / 256), (0, 1.8)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def _curve(kind: int, *values: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(*values)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 4 for a screen, with a white point of D50."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.8249), **tags}
    start = 132 + 12 * len(tags)
    index, body = b"", b""
    for name, tag in tags.items():
        tag += bytes(-len(tag) % 4)
        index += struct.pack(">4sII", name, start + len(body), len(tag))
        body += tag
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x04200000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + index + body


def colours(colorants: tuple[tuple[float, ...], ...], curve: tuple[float, ...]) -> bytes:
    """A profile for RGB."""
    tags = {
        name + b"XYZ": b"XYZ \0\0\0\0" + _fixed(*xyz)
        for name, xyz in zip((b"r", b"g", b"b"), colorants, strict=True)
    }
    return profile(
        b"RGB ", tags | {name + b"TRC": _curve(int(curve[0]), *curve[1:]) for name in (b"r", b"g", b"b")}
    )


def greys(curve: tuple[float, ...]) -> bytes:
    """A profile for grey."""
    return profile(b"GRAY", {b"kTRC": _curve(int(curve[0]), *curve[1:])})


def converted(picture: np.ndarray, icc: bytes) -> Image.Image:
    """An sRGB picture [H, W, 3] uint8, in the colours of a profile, by LittleCMS."""
    import io

    from PIL import ImageCms

    end = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    start = ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(Image.fromarray(picture), start, end, intent, "RGB")
    assert image is not None
    return image
