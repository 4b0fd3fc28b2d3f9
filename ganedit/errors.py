"""Errors for users. Each says what happened, what was found, and what to do next.

Messages name parameters like Python does, in backticks: `` `batch` ``, or with a value, `` `batch=0` ``. The
command line shows these as flags (`cli/kit/failures.py`).
"""

from __future__ import annotations

from collections.abc import Iterable


class GaneditError(Exception):
    """Base of every expected failure: one sentence, an optional next step, an exit status.

    Any other exception that leaves a command is a bug in ganedit and is reported as one.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GaneditError):
    """A parameter or a flag has a value that it cannot have."""

    exit_status = 2


class InputError(GaneditError):
    """An image, latent or folder that cannot be used."""

    exit_status = 3


class NoFaceError(InputError):
    """A photo in which no face is found."""


class DiskFullError(InputError):
    """A disk or a quota without room for a result; further results would fail as well."""


class CheckpointError(GaneditError):
    """A weights file that is damaged, foreign, hostile, or made for something else."""

    exit_status = 4


class MissingError(GaneditError):
    """Something is not installed or not downloaded."""

    exit_status = 5


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped `name`: the nearest of `known`, or otherwise all of them.

    Near is what a slip of the hand away: one letter in three may be wrong, missing, added or swapped with the
    next; or what begins with `name`, or `name` with it, from three letters on.

    >>> did_you_mean("smiel", ["age", "smile"])
    'did you mean smile?'
    >>> did_you_mean("blond", ["old", "young"])
    'known: old, young'
    """
    choices = sorted(known)
    word = name.lower()
    slips = {choice: _slips(word, choice.lower()) for choice in choices}
    near = [choice for choice in choices if _is_near(word, choice.lower(), slips[choice])]
    near = sorted(near, key=lambda choice: slips[choice])[:3]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(choices)}" if choices else ""


def _is_near(word: str, choice: str, slips: int) -> bool:
    short, long = sorted((word, choice), key=len)
    begins = len(short) >= 3 and long.startswith(short)
    return begins or (slips <= max(len(long) // 3, 1) and slips < len(short))


def _slips(one: str, other: str) -> int:
    """The number of letters to change, add, remove, or swap with the next, between two words."""
    rows: list[list[int]] = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, wanted in enumerate(other, start=1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted)))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                row[j] = min(row[j], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]
