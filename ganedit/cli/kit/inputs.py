"""Inputs of a command: files, folders, globs, and paths from a pipe."""

from __future__ import annotations

import contextlib
import copy
import glob
import os
import select
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ganedit.cli.kit.context import Console
from ganedit.errors import GaneditError, InputError
from ganedit.files import IMAGE_SUFFIXES, is_address, parse_json, spelling

PATIENCE = 2.0  # seconds to wait for a pipe of unknown origin


def _is_piped(console: Console) -> bool:
    """Whether a process writes paths to standard input, or has done so and ended.

    Programs often start others with a pipe that they never use or close, and waiting for it would hang. So a
    silent pipe counts only if it is the standard output of a process, as in a shell's pipeline.
    """
    stdin = console.stdin
    try:
        if not stat.S_ISFIFO(os.fstat(stdin.fileno()).st_mode):
            return False
        return _is_output_of_a_process(stdin.fileno()) or bool(select.select([stdin], [], [], PATIENCE)[0])
    except (OSError, ValueError, AttributeError):  # closed, or a test's StringIO
        return getattr(stdin, "is_pipe", False)


def _is_output_of_a_process(descriptor: int) -> bool:
    """Whether the pipe of `descriptor` is the standard output of a process. True if the system
    does not tell."""
    try:
        pipe = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return True
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            if entry.isdigit() and os.readlink(f"/proc/{entry}/fd/1") == pipe:
                return True
    return False


def with_own_stdin(console: Console) -> Console:
    """A console for a thread, which reads standard input by itself: at its end, Python would wait for a
    thread that reads from its own."""
    try:
        descriptor = os.dup(console.stdin.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or a test's StringIO
        return console
    own = copy.copy(console)
    own.stdin = open(descriptor, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    return own


def expand(source: str, suffixes: Sequence[str] = IMAGE_SUFFIXES, recursive: bool = False) -> list[Path]:
    """The files for one argument, sorted; `recursive` also searches the subfolders of folders.

    Raises:
        InputError: nothing is there.
    """
    if not source:  # for example an unset variable in a script; it must not mean the current folder
        raise InputError("an empty name was given", "name files, folders or globs")
    path = Path(source).expanduser()
    if path.is_dir():
        files = _files_in(path, suffixes, recursive)
        if not files:
            what = f"{source}: the folder holds no {_kinds(suffixes)} file"
            if not recursive and _files_in(path, suffixes, recursive=True):
                raise InputError(f"{what}, but its subfolders do", "--recursive takes those")
            raise InputError(what, "name another one")
        return files
    if path.exists():
        return [path]
    matches = sorted(Path(p) for p in glob.glob(str(path), recursive=True)) if glob.has_magic(source) else []
    if not matches and path.is_symlink():
        raise InputError(
            f"{source} is a symbolic link that leads nowhere, or back to itself", "remove or mend it"
        )
    if not matches:
        more = "" if is_address(source) else ", or name a folder or a glob"
        raise InputError(f"{source}: no such file or folder", spelling(source) + more)
    return [p for p in matches if p.is_file()]


def _files_in(folder: Path, suffixes: Sequence[str], recursive: bool) -> list[Path]:
    found = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(
        path
        for path in found
        if path.name.lower().endswith(tuple(suffixes))
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _kinds(suffixes: Sequence[str]) -> str:
    return ", ".join(s.lstrip(".") for s in suffixes[:4]) + (", ..." if len(suffixes) > 4 else "")


def sources(
    console: Console,
    inputs: Sequence[str] | None,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    fallback: Callable[[], Iterable[Path]] | None = None,
) -> Iterator[Path | GaneditError]:
    """Yield every input as late as possible, so that the stages of a pipeline overlap."""
    recursive = console.options.recursive
    if not inputs and _is_piped(console):
        brought = False
        for line in _lines(console):
            brought = True
            yield from _expanded(line, suffixes, recursive)
        if not brought:  # the previous command failed: do not use the fallback
            raise InputError("the pipe brought no paths", "see what the command before it says")
        return
    if not inputs:
        if fallback is not None:
            yield from fallback()
        return
    for source in inputs:
        for one in _lines(console) if source == "-" else [source]:
            yield from _expanded(one, suffixes, recursive)


def _expanded(source: str, suffixes: Sequence[str], recursive: bool) -> Iterator[Path | GaneditError]:
    try:
        yield from expand(source, suffixes, recursive)
    except GaneditError as error:
        yield error


def _lines(console: Console) -> Iterator[str]:
    """Paths from standard input, one per line or from another command's --json; with --print0, ended by null
    characters."""
    if console.options.print0:
        yield from filter(None, console.stdin.read().split("\0"))
        return
    while line := console.stdin.readline():
        text = line.rstrip("\r\n")
        if text.startswith("{"):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # it may be the name of a file
                text = str(parse_json(text)["path"])
        if text.strip():
            yield text
