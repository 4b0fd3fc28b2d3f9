"""Errors for users. Each says what happened, what was found, and what to do next.

Messages name parameters like Python does, in backticks: `` `batch` ``, or with a value, `` `batch=0` ``. The
command line shows these as flags (`cli/kit/failures.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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


class CheckpointError(GaneditError):
    """A weights file that is damaged, foreign, hostile, or made for something else."""

    exit_status = 4


class MissingError(GaneditError):
    """Something is not installed or not downloaded."""

    exit_status = 5


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped `name`: the closest of `known`, or otherwise all of them."""
    choices = sorted(known)
    near = get_close_matches(name.lower(), choices, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(choices)}" if choices else ""
