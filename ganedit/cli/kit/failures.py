"""Tells exceptions that a user can act on from bugs, and phrases them for the command line."""

from __future__ import annotations

import errno
import os
import re

from ganedit.errors import DiskFullError, GaneditError, InputError, MissingError

BUG = 70  # EX_SOFTWARE of sysexits.h
_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EISDIR: "this is a folder",
    errno.ENOENT: "no such file or folder",
    errno.EEXIST: "something is already there",
    errno.ELOOP: "a symbolic link leads back to itself",
    errno.EFBIG: "the file is larger than the disk, or a limit of the shell (ulimit -f), allows",
    errno.EMFILE: "too many open files",
    errno.EIO: "the device reported an error",
}


_NO_MEMORY = re.compile(r"failed to map segment|cannot allocate memory", re.IGNORECASE)
_FIELD = re.compile(r"`([a-z][a-z0-9_]*)(?:=([^`]*))?`")
_NAMES = {"start": "from", "ignore_unknown": "anyway"}  # fields whose flag has another name


def with_flags(text: str) -> str:
    """A message of the library with its parameters replaced by flags: `batch=0` becomes --batch 0.

    >>> with_flags("`ada_kimg=0.0` must be above 0; or `discriminator=False`")
    '--ada-kimg 0.0 must be above 0; or --no-discriminator'
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match.groups()
        dashed = _NAMES.get(name, name).replace("_", "-")
        if value == "False":
            return f"--no-{dashed}"
        return f"--{dashed}" if value in (None, "True") else f"--{dashed} {value or repr('')}"

    return _FIELD.sub(flag, text)


def explained(error: Exception, debug: bool) -> GaneditError:
    """An exception as one that a user can act on, or as the report of a bug in ganedit."""
    return as_expected(error) or _bug(error, debug)


def _bug(error: Exception, debug: bool) -> GaneditError:
    what = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
    hint = "please report it with the traceback" + ("" if debug else " that --debug shows")
    found = GaneditError(f"a bug in ganedit: {what}", hint)
    found.exit_status = BUG
    return found


def as_expected(error: BaseException) -> GaneditError | None:
    """The error as one that a user can act on; None if it is a bug in ganedit."""
    if isinstance(error, GaneditError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("ganedit"):
        package = error.name.split(".")[0]
        return MissingError(f"the package {package} is not installed", f"pip install {package}")
    if isinstance(error, OSError) and error.errno in _DISK:
        what = os.fspath(error.filename) if isinstance(error.filename, str | os.PathLike) else "writing"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFullError(f"{what}: {_DISK[error.errno]}", "free some space")
        return InputError(f"{what}: {_DISK[error.errno]}", "choose another file, or another folder with -o")
    if isinstance(error, MemoryError):
        return GaneditError("out of memory", "use a smaller batch or a smaller image")
    if isinstance(error, ImportError | OSError) and _NO_MEMORY.search(str(error)):
        return GaneditError("out of memory while loading a library", "raise the limit of memory (ulimit -v)")
    if type(error).__name__ == "OutOfMemoryError":  # of torch, which is not imported here
        return GaneditError("the GPU is out of memory", "use a smaller batch, or --device cpu")
    return None
