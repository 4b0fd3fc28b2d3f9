"""Reads and writes animated GIF, WebP and PNG files, with every frame's delay and the number of loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganedit.errors import InputError
from ganedit.files import read_bytes
from ganedit.images import colour
from ganedit.images.encode import About, check_sides, embedded
from ganedit.images.metadata import Metadata, metadata_of
from ganedit.images.opening import open_image
from ganedit.images.orientation import orientation_of, upright
from ganedit.images.provenance import parse_record

FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}  # Pillow's names, by suffix
ANIMATED = (*FORMATS.values(), "AVIF")  # which can be read
NO_DELAY = 100  # milliseconds that viewers show a frame whose delay is 0


@dataclass(frozen=True)
class Animation:
    """Properties of an animation.

    Attributes:
        delays: Milliseconds that each frame is shown.
        loops: How often it is played, as the file says it; 0 for ever, None if the file does not say.
        transparent: Whether pixels are transparent; they are read as white.
        metadata: EXIF and XMP of the file.
    """

    delays: tuple[int, ...]
    loops: int | None
    transparent: bool
    metadata: Metadata | None = None


def is_animation(path: Path) -> bool:
    """Whether a file is a GIF, WebP, PNG or AVIF of several frames."""
    try:
        with open_image(path) as image:
            return image.format in ANIMATED and len(_places(image)) > 1
    except Exception:  # decoders raise nearly anything on damaged bytes
        return False  # reading it as a picture will report what is wrong


def read_animation(path: Path) -> Animation:
    """The properties of an animation.

    Raises:
        InputError: the file is cut short.
    """
    data = read_bytes(path)
    if not _is_whole(data):
        raise InputError(f"{path} is truncated or damaged ({len(data)} bytes)", "fetch or export it again")
    delays, transparent = [], False
    with open_image(data) as image:
        metadata = metadata_of(image)
        for place in _places(image):
            image.seek(place)
            image.load()  # WebP knows the delay only now
            delays.append(round(image.info.get("duration", 0)) or NO_DELAY)
            transparent |= image.has_transparency_data
        unsaid = 0 if image.format == "AVIF" else None  # which Pillow does not read
        return Animation(tuple(delays), image.info.get("loop", unsaid), transparent, metadata)


def animation_frames(path: Path) -> Iterator[np.ndarray | None]:
    """Each frame [H, W, 3] uint8, upright and in sRGB, or None if it is damaged."""
    with open_image(read_bytes(path)) as image:
        icc, turn = image.info.get("icc_profile"), orientation_of(image)
        for place in _places(image):
            try:
                image.seek(place)
                frame = image.convert("RGBA")
            except (OSError, ValueError, SyntaxError, EOFError):
                yield None
                continue
            white = Image.new("RGBA", frame.size, "white")
            flat = colour.in_srgb(Image.alpha_composite(white, frame).convert("RGB"), icc)
            yield upright(np.asarray(flat), turn)


def write_animation(
    path: Path,
    images: Iterator[Image.Image],
    delays: Sequence[int],
    loops: int | None,
    comment: str,
    metadata: Metadata | None = None,
) -> None:
    """Write frames as an animation in the format of the suffix.

    Args:
        path: Ends in one of `FORMATS`.
        images: Frames of one size, read one at a time.
        delays: Milliseconds that each is shown.
        loops: See `Animation`.
        comment: JSON of the provenance, or an empty text.
        metadata: EXIF and XMP to embed; a GIF holds none.

    Raises:
        InputError: the format cannot hold a side that long.
    """
    first = next(images)
    suffix = path.suffix.lower()
    check_sides(suffix, first.size)
    options: dict[str, Any] = {"duration": list(delays)}
    if suffix == ".gif":
        options |= {"comment": comment.encode(), "append_images": images}
        options |= {} if loops is None else {"loop": loops}
    else:  # Pillow goes through these images twice
        options |= {"append_images": list(images), "loop": 1 if loops is None else loops, "quality": 95}
        options |= embedded(
            suffix.replace(".apng", ".png"), About(parse_record(comment), metadata, first.size)
        )
    first.save(path, FORMATS[suffix], save_all=True, **options)


def _places(image: Image.Image) -> range:
    """The frames that are shown: a PNG may begin with one for programs that know no animations."""
    count: int = getattr(image, "n_frames", 1)
    return range(1 if getattr(image, "default_image", False) else 0, count)


def _is_whole(data: bytes) -> bool:
    """Whether the end of a GIF, PNG or WebP is there."""
    if data.startswith(b"GIF8"):
        return data.rstrip(b"\0").endswith(b";")
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-64:]
    if data.startswith(b"RIFF"):
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    return True
