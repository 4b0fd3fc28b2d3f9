"""Folders that appear, or are replaced, whole and in one step. Light to import.

Linux exchanges two folders in one step. Elsewhere the old folder has to be renamed first; if the process is
killed at this moment, `recover` brings it back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganedit.files import sync, write_error

ABANDONED = 3600.0  # seconds without a change after which unfinished files belong to no living process
BETWEEN = 2.0  # seconds that a living process may take between two renames
_HERE, _EXCHANGE = -100, 2  # of Linux: AT_FDCWD, RENAME_EXCHANGE


@contextmanager
def filled(folder: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary folder to fill, which then becomes `folder`, or is deleted if the block fails.

    Args:
        folder: What other files it held stay in it, unless the new one has files of the same names.
        replace: Whether a folder that is not empty may be replaced.

    Raises:
        FileExistsError: It may not, and is there; another process may just have made it.
        InputError: The folder cannot be written.
    """
    mark = secrets.token_hex(4)
    filling = folder.with_name(f".{folder.name}.{mark}.part")
    try:
        filling.mkdir(parents=True)
    except OSError as problem:
        raise write_error(folder, problem.errno or errno.EIO) from problem
    try:
        yield filling
        if replace:
            _keep_others(folder, filling)
        for path in (*filling.iterdir(), filling):
            sync(path)
        _put(filling, folder, folder.with_name(f".{folder.name}.{mark}.old"), replace)
        sync(folder.parent)
    finally:
        remove(filling)


def _keep_others(folder: Path, filling: Path) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        kept = filling / path.name
        if path.name.startswith(".") or os.path.lexists(kept):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, kept, symlinks=True)
        else:
            shutil.copy2(path, kept, follow_symlinks=False)


def _put(filling: Path, folder: Path, old: Path, replace: bool) -> None:
    if not replace or not os.path.lexists(folder):
        try:
            filling.rename(folder)
        except OSError as problem:
            if problem.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise FileExistsError(problem.errno, os.strerror(problem.errno), str(folder)) from problem
            raise
    elif not _exchanged(filling, folder):
        folder.rename(old)
        try:
            filling.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
        remove(old)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether the system has exchanged two folders in one step."""
    if sys.platform != "linux":
        return False
    exchange = getattr(ctypes.CDLL(None), "renameat2", None)  # not every C library has it
    names = os.fsencode(one), os.fsencode(other)
    return exchange is not None and bool(exchange(_HERE, names[0], _HERE, names[1], _EXCHANGE) == 0)


def remove(path: Path) -> None:
    """Delete a file, a link or a folder, as far as that is possible."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def recover(parent: Path) -> None:
    """Bring back folders in `parent` whose replacement was killed between two renames."""
    for old in parent.glob(".*.old") if parent.is_dir() else ():
        folder = parent / old.name[1:].rsplit(".", 2)[0]
        with suppress(OSError):
            if not os.path.lexists(folder) and time.time() - old.lstat().st_ctime >= BETWEEN:
                old.rename(folder)


def leftovers(parent: Path) -> list[Path]:
    """Unfinished files and folders in `parent`: of killed processes, or of running ones."""
    with suppress(OSError):
        names = sorted(os.listdir(parent))
        return [parent / n for n in names if n.startswith(".") and n.endswith((".part", ".old"))]
    return []


def tidy(parent: Path, seconds: float = ABANDONED) -> None:
    """Recover folders, and delete leftovers in `parent` that nobody has changed for some time."""
    recover(parent)
    for path in leftovers(parent):
        with suppress(OSError):
            inside = path.iterdir() if path.is_dir() and not path.is_symlink() else ()
            changed = max(one.lstat().st_mtime for one in (path, *inside))
            if time.time() - changed >= seconds:
                remove(path)
