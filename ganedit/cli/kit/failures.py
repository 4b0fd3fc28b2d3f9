"""Which exceptions are the user's world going wrong, and how they read; all others are our bugs."""

from __future__ import annotations

import errno
import os

from ganedit.errors import GaneditError, InputError, MissingError

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
    errno.EMFILE: "too many open files",
    errno.EIO: "the device reported an error",
}


def as_expected(error: BaseException) -> GaneditError | None:
    """The error as one a user can act on; None when it can only be a bug of ours."""
    if isinstance(error, GaneditError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("ganedit"):
        package = error.name.split(".")[0]
        return MissingError(f"the package {package} is not installed", f"pip install {package}")
    if isinstance(error, OSError) and error.errno in _DISK:
        what = os.fspath(error.filename) if isinstance(error.filename, str | os.PathLike) else "writing"
        return InputError(
            f"{what}: {_DISK[error.errno]}",
            "free some space"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else "choose another file, or another folder with -o",
        )
    if isinstance(error, MemoryError):
        return GaneditError("out of memory", "use a smaller batch or a smaller picture")
    if type(error).__name__ == "OutOfMemoryError":  # torch's, named here without importing torch
        return GaneditError("the GPU is out of memory", "use a smaller batch, or --device cpu")
    return None
