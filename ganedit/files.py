"""Reads files, writes them atomically, and says what their names mean. Light to import."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from ganedit.errors import DiskFullError, GaneditError, InputError, UsageError
from ganedit.limits import MAX_FILE

NCNN_LAYERS, NCNN_WEIGHTS = ".param", ".bin"  # the two files of a network of NCNN
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
FFMPEG_FORMATS = "mov,matroska,webm,avi,wav,w64,aiff,flac,ogg,mp3,aac,caf,asf,flv,mpeg,mpegts"
"""Formats that ffmpeg may open: films and sounds, but no playlists, which name other files and addresses."""
INDEXED = {"matroska", "mov", "avi"}  # formats of ffmpeg whose header has the true length
LENGTH_TOLERANCE = Fraction(1, 50)  # of that length

_HINTS = {
    errno.ENOSPC: "free some space, or choose a folder on another disk with -o",
    errno.EDQUOT: "your disk quota is used up: free some space, or choose another folder with -o",
    errno.EACCES: "choose a folder that you may write to with -o",
    errno.EPERM: "choose a folder that you may write to with -o",
    errno.EROFS: "choose a folder that you may write to with -o",
    errno.ENOENT: "choose another folder with -o",
    errno.ENOTDIR: "part of that path is a file: choose another folder with -o",
    errno.EEXIST: "part of that path is a file: choose another folder with -o",
    errno.EISDIR: "choose another name: a folder has this one",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "remove the symbolic link that leads back to itself",
    errno.EFBIG: "choose another disk, or raise the limit of the shell (ulimit -f)",
    errno.EIO: "check the disk, which reports a fault",
}
_FULL = (errno.ENOSPC, errno.EDQUOT)
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@contextmanager
def atomic_path(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the suffix, by which many libraries choose the format. Missing parent
    folders are created.

    Args:
        path: The file to be written.
        durable: Wait until the disk has the file, so that a power failure loses neither it nor what it
            replaces. This takes some 10 ms.

    Raises:
        InputError: The folder cannot be written to.
        DiskFullError: The disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if durable:
            sync(temporary)
        os.replace(temporary, path)
        if durable:
            sync(path.parent)
    except Exception as problem:
        if (number := _write_errno(problem, temporary)) is None:
            raise
        raise write_error(path, number) from problem
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk, so that a power failure loses neither."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders, and some folders must not be read
        return
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno in (*_FULL, errno.EIO):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def all_or_none(*paths: Path) -> Iterator[None]:
    """Context for files that belong together, such as a picture and its latent: if the block fails, those of
    `paths` that it wrote are removed."""

    before = [stamp(path) for path in paths]
    try:
        yield
    except BaseException:
        for path, old in zip(paths, before, strict=True):
            if stamp(path) != old:
                with suppress(OSError):
                    path.unlink()
        raise


def stamp(path: Path) -> tuple[int, int] | None:
    """Numbers that change when a file is changed or replaced; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def write_error(path: Path, number: int) -> InputError:
    """The error for a file that could not be written, from the system's error number."""
    kind = DiskFullError if number in _FULL else InputError
    return kind(f"cannot write {path}: {os.strerror(number).lower()}", _HINTS.get(number, ""))


def _write_errno(problem: Exception, temporary: Path) -> int | None:
    """The errno of a failure to write; None for failures that have nothing to do with the target."""
    if isinstance(problem, GaneditError):
        return None
    if not isinstance(problem, OSError) or problem.errno not in _HINTS:
        # Encoders in C or Rust put the system's message into exceptions of their own.
        numbers = (*_FULL, errno.EFBIG, errno.EIO)
        text = str(problem)
        return next((n for n in numbers if f"os error {n}" in text or os.strerror(n) in text), None)
    folder = str(temporary.parent)
    ours = (
        problem.filename is None
        or str(problem.filename) == str(temporary)
        or folder.startswith(str(problem.filename))
    )
    return problem.errno if ours else None


@contextmanager
def locked(lock: Path, refusal: str) -> Iterator[None]:
    """Context that only one process at a time can be in; it ends with the process, however that ends.

    Args:
        lock: A file for this purpose; a second one beside it names the process while it is held.
        refusal: What to say if another process is in it.

    Raises:
        InputError: Another process is.
    """
    from filelock import FileLock, Timeout

    lock.parent.mkdir(parents=True, exist_ok=True)
    holding, owner = FileLock(lock, timeout=0), lock.with_name(f"{lock.name}.owner")
    try:
        holding.acquire()
    except Timeout:
        with suppress(OSError, ValueError):
            refusal += f" ({owner.read_text(encoding='utf-8').strip()[:80]})"
        raise InputError(refusal, "wait for it, or end it") from None
    try:
        with suppress(OSError):
            owner.write_text(f"process {os.getpid()} on {platform.node()}\n", encoding="utf-8")
        yield
    finally:
        for path in (owner, lock):
            with suppress(OSError):
                path.unlink()
        holding.release()


def latents_in(folder: Path, recursive: bool = False) -> list[Path]:
    """The latents in a folder by name; if it has neither latents nor images, those of other programs."""
    pattern = "**/*" if recursive else "*"
    files = [path for path in sorted(folder.glob(pattern)) if not path.name.startswith(".")]
    own = [path for path in files if path.name.endswith(LATENT_SUFFIX)]
    if own or any(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        return own
    return [path for path in files if path.suffix.lower() in ARRAY_SUFFIXES]


def open_av(source: str | Path | BinaryIO) -> Any:
    """Open a film or a sound with PyAV, for reading.

    Raises:
        InputError: It is a pipe or a device.
        av.error.FFmpegError: It cannot be read, or is a playlist.
    """
    import av

    if isinstance(source, str | Path):
        check_regular(source)
        source = str(source)
    options = {"format_whitelist": FFMPEG_FORMATS, "protocol_whitelist": "file"}
    return av.open(source, "r", container_options=options)


def promised_seconds(container: Any) -> Fraction:
    """The length in the header of a film or sound opened by PyAV; 0 if such headers need not be true."""
    indexed = set(container.format.name.split(",")) & INDEXED
    return Fraction(container.duration or 0, 1_000_000) if indexed else Fraction(0)  # it counts microseconds


def is_address(path: str | Path) -> bool:
    """Whether a name is an address of the web; a `Path` has lost one of its slashes."""
    return re.match(r"(https?|ftp|s3|gs)://?", str(path), re.I) is not None


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same place, through links as well; loops of links lead nowhere."""
    return os.path.realpath(one) == os.path.realpath(other)


def spelling(path: str | Path) -> str:
    """What to do about a file that is not there: a hint, also for addresses of the web."""
    return "download it first: ganedit reads files" if is_address(path) else "check the spelling"


def check_regular(path: str | Path) -> None:
    """Refuse what can be read without end, or blocks: pipes and devices.

    Raises:
        InputError: It is one. Missing files and folders pass: whoever opens them says what is wrong.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return
    kind = _KINDS.get(stat.S_IFMT(found.st_mode))
    if not (kind or found.st_size) and os.path.realpath(path).startswith(("/proc/", "/sys/")):
        kind = "a part of the running system"  # which may have no end, although it says that it is empty
    if kind:
        raise InputError(f"{path} is {kind}, not a file", "save its content to a file first")


def first_bytes(path: str | Path) -> bytes:
    """The first 16 bytes of a file, by which its kind is told. Raises InputError for pipes and devices."""
    check_regular(path)
    with open(path, "rb") as file:
        return file.read(16)


def read_bytes(path: str | Path) -> bytes:
    """All bytes of a file.

    Raises:
        InputError: It is a pipe, a device, or larger than `MAX_FILE`.
        OSError: It is missing, or cannot be read.
    """
    check_regular(path)
    with open(path, "rb") as file:
        if (size := os.fstat(file.fileno()).st_size) > MAX_FILE:
            raise InputError(f"{path} has {size:,} bytes; the limit is {MAX_FILE:,}")
        return file.read(MAX_FILE)  # not what is written meanwhile


def read_text(path: str | Path, encoding: str = "utf-8") -> str:
    """All text of a file, as `read_bytes` reads it. Raises UnicodeDecodeError, a ValueError, as well."""
    return read_bytes(path).decode(encoding)


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError if it is none, also for brackets nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def home_folder() -> Path:
    """The user's home folder; that of the user database if HOME is missing or empty.

    Raises:
        UsageError: There is none.
    """
    try:
        if os.environ.get("HOME") != "":
            return Path.home()
        import pwd  # an empty HOME would be the root of the file system

        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except (RuntimeError, KeyError):
        raise UsageError(
            "HOME is not set", "set HOME, or GANEDIT_HOME to the folder for your models"
        ) from None


def sha256_file(path: str | Path) -> str:
    """The sha256 of a file's bytes, as 64 hexadecimal digits. Raises InputError for pipes and devices."""
    check_regular(path)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
