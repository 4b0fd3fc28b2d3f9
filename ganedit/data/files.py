"""Reads folders and zips of files, and decodes image files for training."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from ganedit.errors import InputError
from ganedit.files import IMAGE_SUFFIXES, read_bytes
from ganedit.images.colour import in_srgb
from ganedit.images.opening import open_image
from ganedit.images.unusual import prepare_heif
from ganedit.limits import MAX_FILE

NAMED_IN_ERRORS = 3  # number of files that an error lists
Progress = Callable[[int, int], None]  # (images done, total images)


def open_source(
    source: Path, stack: ExitStack, suffixes: Container[str] = IMAGE_SUFFIXES, kind: str = "images"
) -> tuple[list[str], Callable[[str], bytes]]:
    """Sorted names of the files with these suffixes in a folder or zip, or in a folder of a zip
    (digits.zip/train), and a function from name to bytes."""
    if source.is_dir():
        names = sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file())
        return [n for n in names if _is_wanted(n, suffixes)], lambda name: read_bytes(source / name)
    if (outer := _zip_around(source)) is not None:
        inside = f"{source.relative_to(outer).as_posix()}/"
        every, read = open_source(outer, stack, suffixes, kind)
        names = [name.removeprefix(inside) for name in every if name.startswith(inside)]
        return names, lambda name: read(inside + name)
    if not source.exists():
        raise InputError(f"{source} does not exist", f"pass a folder or a zip of {kind}")
    if not zipfile.is_zipfile(source):
        raise InputError(f"{source} is neither a folder nor a zip", f"pass a folder or a zip of {kind}")
    try:
        archive = stack.enter_context(zipfile.ZipFile(source))
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{source} is a damaged zip: {error}") from error
    return sorted(name for name in archive.namelist() if _is_wanted(name, suffixes)), partial(
        _unpacked, archive
    )


def _zip_around(source: Path) -> Path | None:
    """The zip that a path leads into."""
    files = (parent for parent in source.parents if parent.is_file())
    return next((file for file in files if zipfile.is_zipfile(file)), None)


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """An entry of a zip; its true size is checked as well, since a made-up header may give another."""
    with archive.open(name) as entry:
        data = entry.read(MAX_FILE + 1) if archive.getinfo(name).file_size <= MAX_FILE else None
    if data is None or len(data) > MAX_FILE:
        raise InputError(f"{archive.filename}: {name} unpacks to more than {MAX_FILE:,} bytes")
    return data


def _is_wanted(name: str, suffixes: Container[str]) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in suffixes and not hidden


def decode(data: bytes, *, grey: bool = False) -> Image.Image:
    """An image file as 8-bit sRGB or its luma, upright. Damaged files can raise any exception."""
    prepare_heif("it", data)
    with open_image(data) as opened:
        if opened.mode in ("I", "F"):  # Pillow would clip the numbers to 255 instead of scaling them
            raise ValueError("it has 32-bit pixels")
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):  # Pillow would clip 16-bit values to 255 instead of scaling them
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        return in_srgb(image, opened.info.get("icc_profile")).convert("L" if grey else "RGB")


def reason_of(error: Exception) -> str:
    """Why a file could not be decoded, in one line free of memory addresses."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "not an image" if "cannot identify image file" in text else text


def some_of(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMED_IN_ERRORS else ""
    return ", ".join(names[:NAMED_IN_ERRORS]) + more
