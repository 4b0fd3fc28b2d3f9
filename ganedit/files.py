"""Atomic files, and their sha256. Light to import."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from ganedit.errors import GaneditError, InputError

LATENT_SUFFIX = ".latent.safetensors"
ARRAY_SUFFIXES = (".npz", ".npy", ".pt", ".pth")
"""Suffixes of files in which other programs keep latents and directions."""
IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".ppm",
    ".avif",
    ".heic",
    ".heif",
)
IMAGE_WRITERS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
"""Suffixes of the image files that can be written."""
DIRECTION_SUFFIX = ".safetensors"
SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".m4a", ".aac")
FILM_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
INDEXED = {"matroska", "mov", "avi"}  # formats of ffmpeg whose header has the true length
LENGTH_TOLERANCE = Fraction(1, 50)  # of that length

_HINTS = {
    errno.ENOSPC: "free some space, or choose a folder on another disk with -o",
    errno.EDQUOT: "your disk quota is used up: free some space, or choose another folder with -o",
    errno.EACCES: "choose a folder that you may write to with -o",
    errno.EPERM: "choose a folder that you may write to with -o",
    errno.EROFS: "choose a folder that you may write to with -o",
    errno.ENOTDIR: "part of that path is a file: choose another folder with -o",
    errno.EEXIST: "part of that path is a file: choose another folder with -o",
    errno.EISDIR: "a folder of that name is in the way: choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EFBIG: "the file is larger than this disk allows",
    errno.EIO: "the disk reports a fault",
}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the suffix, by which many libraries choose the format. Missing parent
    folders are created.

    Raises:
        InputError: The folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except Exception as problem:
        if (number := _write_errno(problem, temporary)) is None:
            raise
        raise write_error(path, number) from problem
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def all_or_none(*paths: Path) -> Iterator[None]:
    """Context for files that belong together, such as a picture and its latent: if the block fails, those of
    `paths` that it wrote are removed."""

    def states() -> list[tuple[int, int] | None]:
        return [(s.st_ino, s.st_mtime_ns) if (s := _stat(path)) else None for path in paths]

    before = states()
    try:
        yield
    except BaseException:
        for path, old, new in zip(paths, before, states(), strict=True):
            if old != new:
                with suppress(OSError):
                    path.unlink()
        raise


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def write_error(path: Path, number: int) -> InputError:
    """The error for a file that could not be written, from the system's error number."""
    return InputError(f"cannot write {path}: {os.strerror(number).lower()}", _HINTS.get(number, ""))


def _write_errno(problem: Exception, temporary: Path) -> int | None:
    """The errno of a failure to write; None for failures that have nothing to do with the target."""
    if isinstance(problem, GaneditError):
        return None
    # Encoders in C or Rust put the system's message into exceptions of their own.
    if f"os error {errno.ENOSPC}" in str(problem) or os.strerror(errno.ENOSPC) in str(problem):
        return errno.ENOSPC
    if not isinstance(problem, OSError) or problem.errno not in _HINTS:
        return None
    folder = str(temporary.parent)
    ours = (
        problem.filename is None
        or str(problem.filename) == str(temporary)
        or folder.startswith(str(problem.filename))
    )
    return problem.errno if ours else None


def latents_in(folder: Path, recursive: bool = False) -> list[Path]:
    """The latents in a folder by name; if it has neither latents nor images, those of other programs."""
    pattern = "**/*" if recursive else "*"
    files = [path for path in sorted(folder.glob(pattern)) if not path.name.startswith(".")]
    own = [path for path in files if path.name.endswith(LATENT_SUFFIX)]
    if own or any(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        return own
    return [path for path in files if path.suffix.lower() in ARRAY_SUFFIXES]


def promised_seconds(container: Any) -> Fraction:
    """The length in the header of a film or sound opened by PyAV; 0 if such headers need not be true."""
    indexed = set(container.format.name.split(",")) & INDEXED
    return Fraction(container.duration or 0, 1_000_000) if indexed else Fraction(0)  # it counts microseconds


def is_address(path: str | Path) -> bool:
    """Whether a name is an address of the web; a `Path` has lost one of its slashes."""
    return re.match(r"(https?|ftp|s3|gs)://?", str(path), re.I) is not None


def spelling(path: str | Path) -> str:
    """What to do about a file that is not there: a hint, also for addresses of the web."""
    return "download it first: ganedit reads files" if is_address(path) else "check the spelling"


def sha256_file(path: str | Path) -> str:
    """The sha256 of a file's bytes, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
