"""What comes of the inputs of a command: results, and failures, on their way to the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganedit.errors import GaneditError


@dataclass(frozen=True)
class Result:
    """One finished file.

    Attributes:
        path: The file.
        details: Details for --json.
        problem: A problem with it, reported after its path.
    """

    path: Path
    details: dict[str, Any] = field(default_factory=dict)
    problem: GaneditError | None = None


@dataclass(frozen=True)
class Delivery:
    """Results of an input, or of a part of it.

    Attributes:
        path: The input; None if it is unknown.
        results: Function that returns the results, or raises the error.
        ends: Whether this has no results, and says that those before it are all of this input.
    """

    path: Path | None
    results: Callable[[], Iterable[Result | Path]]
    ends: bool = False

    def __str__(self) -> str:
        return "" if self.path is None else str(self.path)


def failed(error: Exception, path: Path | None = None) -> Delivery:
    """The delivery of an input that failed."""

    def results() -> Iterable[Result]:
        raise error

    return Delivery(path, results)


def end_of(path: Path) -> Delivery:
    """What follows the last delivery of an input."""
    return Delivery(path, tuple, ends=True)
