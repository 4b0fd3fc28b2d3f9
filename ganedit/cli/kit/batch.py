"""Many inputs, one at a time: where they come from, and how a run survives the bad ones."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import select
import stat
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.failures import as_expected
from ganedit.errors import GaneditError, InputError, UsageError
from ganedit.files import IMAGE_SUFFIXES

PATIENCE = 2.0  # seconds that a pipe of unknown origin may stay silent


@dataclass(frozen=True)
class Result:
    """One finished file, and what --json says about it."""

    path: Path
    details: dict[str, Any] = field(default_factory=dict)


Item = TypeVar("Item")
Work = Callable[[Path], Iterable["Result | Path"]]


class BatchFailed(Exception):
    """The run is over and some inputs failed; each has been reported already."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(f"exit status {exit_status}")
        self.exit_status = exit_status


def run_batch(
    console: Console,
    inputs: Sequence[str] | None,
    work: Work,
    *,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    fallback: Callable[[], Iterable[Path]] | None = None,
) -> None:
    """Do `work` on every input, printing each result the moment it is complete.

    Args:
        inputs: Files, folders, globs, or `-` for paths on standard input. None or empty means a pipe
            if there is one, then `fallback`.
        work: Takes one file; returns or yields its results (`Path`, or `Result` with details for --json).
            It asks `console.should_write(path)` before making a file, and yields the path either way.
        suffixes: Which files of a folder are meant.
        fallback: Names the inputs when there is neither an argument nor a pipe.

    Raises:
        BatchFailed: some input failed. Its status is that of the error if there was one input, else 1.
        UsageError: there is nothing to work on.
    """

    def one(item: Path | GaneditError) -> None:
        if isinstance(item, GaneditError):
            raise item
        for result in work(item):
            result = result if isinstance(result, Result) else Result(result)
            console.emit(result.path, **{"input": str(item), **result.details})

    if not survive(console, sources(console, inputs, suffixes, fallback), one):
        raise UsageError("no input was given", "name files, folders or globs, or pipe paths in")


def survive(console: Console, items: Iterable[Item], do: Callable[[Item], None]) -> int:
    """Do each item; report those that fail in the user's world and go on. Returns how many there were.

    Raises:
        BatchFailed: some failed. Its status is that of the error if there was one item, else 1.
    """
    done, errors = 0, []
    for item in items:
        done += 1
        try:
            do(item)
        except BrokenPipeError:
            raise
        except Exception as error:
            expected = as_expected(error)
            if expected is None:
                raise
            errors.append(expected)
            if console.options.debug:
                traceback.print_exception(error, file=console.stderr)
            console.complain(expected, "" if isinstance(item, GaneditError) else str(item))
    if errors:
        if done > 1:
            console.note(f"{console.command}: {len(errors)} of {done} inputs failed")
        raise BatchFailed(errors[0].exit_status if done == 1 else 1)
    return done


def _is_piped(console: Console) -> bool:
    """Whether somebody writes paths into standard input, or has done and ended.

    Programs often start others with a pipe that they never use or close; waiting for that would hang. So a
    silent pipe counts only if it is the standard output of some process, as in a shell's pipeline.
    """
    stdin = console.stdin
    try:
        if not stat.S_ISFIFO(os.fstat(stdin.fileno()).st_mode):
            return False
        return _is_output_of_a_process(stdin.fileno()) or bool(select.select([stdin], [], [], PATIENCE)[0])
    except (OSError, ValueError, AttributeError):  # closed, or a test's StringIO
        return getattr(stdin, "is_pipe", False)


def _is_output_of_a_process(descriptor: int) -> bool:
    """Whether the pipe behind `descriptor` is the standard output of some process. True where the system
    does not tell."""
    try:
        pipe = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return True
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):  # it has ended, or belongs to somebody else
            if entry.isdigit() and os.readlink(f"/proc/{entry}/fd/1") == pipe:
                return True
    return False


def expand(source: str, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[Path]:
    """The files that one argument means, sorted; folders are searched one level deep.

    Raises:
        InputError: nothing is there.
    """
    if not source:  # such as an unset variable of a script; it must not mean the current folder
        raise InputError("an empty name was given", "name files, folders or globs")
    path = Path(source).expanduser()
    if path.is_dir():
        found = sorted(
            p
            for p in path.iterdir()
            if p.name.lower().endswith(tuple(suffixes)) and not p.name.startswith(".")
        )
        if not found:
            raise InputError(f"{source}: the folder holds no {_kinds(suffixes)} file", "name another one")
        return found
    if path.exists():
        return [path]
    matches = sorted(Path(p) for p in glob.glob(str(path), recursive=True)) if glob.has_magic(source) else []
    if not matches:
        raise InputError(f"{source}: no such file", "check the spelling, or name a folder or a glob")
    return [p for p in matches if p.is_file()]


def _kinds(suffixes: Sequence[str]) -> str:
    return ", ".join(s.lstrip(".") for s in suffixes[:4]) + (", ..." if len(suffixes) > 4 else "")


def sources(
    console: Console,
    inputs: Sequence[str] | None,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    fallback: Callable[[], Iterable[Path]] | None = None,
) -> Iterator[Path | GaneditError]:
    """Every input in turn, as late as possible, so that the stages of a pipeline overlap."""
    if not inputs and _is_piped(console):
        brought = False
        for line in _lines(console):
            brought = True
            yield from _expanded(line, suffixes)
        if not brought:  # whatever came before failed: do not work on something else
            raise InputError("the pipe brought no paths", "see what the command before it says")
        return
    if not inputs:
        if fallback is not None:
            yield from fallback()
        return
    for source in inputs:
        for one in _lines(console) if source == "-" else [source]:
            yield from _expanded(one, suffixes)


def _expanded(source: str, suffixes: Sequence[str]) -> Iterator[Path | GaneditError]:
    try:
        yield from expand(source, suffixes)
    except GaneditError as error:
        yield error


def _lines(console: Console) -> Iterator[str]:
    """Paths from standard input, one per line; lines of another command's --json will do as well."""
    while line := console.stdin.readline():
        text = line.rstrip("\r\n")
        if text.startswith("{"):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a file may be called that
                text = str(json.loads(text)["path"])
        if text.strip():
            yield text
