"""Phrases what is wrong with a command line in our words instead of the parser's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ganedit.errors import UsageError, did_you_mean

_NUMBERS = {"integer": "a whole number", "number": "a number", "float": "a number"}  # by the parser's word


def as_usage_error(error: Any, argv: Sequence[str], path: str) -> UsageError:
    """The parser's error as ours.

    Args:
        error: An error of click, or of the copy of it in typer; told by its class's name, since these differ.
        argv: The command line.
        path: The command, such as "ganedit clip edit".
    """
    kind, said, help_ = type(error).__name__, error.format_message().rstrip("."), f"{path} --help"
    if kind == "NoSuchOption":
        flags = _flags(error.ctx.command)
        one_dash = [word for word in argv if f"-{word.partition('=')[0]}" in flags]
        if one_dash:  # the parser reads -magnitude as -m -a -g ...
            return UsageError(f"there is no option {one_dash[0]}", f"write -{one_dash[0]}, with two dashes")
        hint = did_you_mean(error.option_name, flags)
        return UsageError(
            f"there is no option {error.option_name}", hint if hint.startswith("did") else f"see {help_}"
        )
    if kind in ("BadOptionUsage", "BadArgumentUsage"):
        flag = getattr(error, "option_name", None) or _quoted(said)[0]
        if "not take" in said:
            return UsageError(f"{flag} takes no value", f"write {flag} alone")
        return UsageError(f"{flag} needs a value", f"see {help_}")
    if kind == "MissingParameter":
        name = _flag(error.param)
        return UsageError(f"{name} is missing", f"see {help_}")
    if kind == "BadParameter":
        return _bad_value(_flag(error.param), said, argv, help_)
    commands: Any = getattr(getattr(error, "ctx", None), "command", None)
    if said.startswith("No such command"):
        (word, *_) = _quoted(said)
        return UsageError(f"there is no command {word}", did_you_mean(word, commands.commands))
    if said == "Missing command":
        return UsageError("no command was given", f"choose {', '.join(sorted(commands.commands))}")
    if extra := re.search(r"extra argument\S* \((.*)\)$", said):
        return UsageError(f"{extra[1]} is not expected here", f"see {help_}")
    return UsageError(said, f"see {help_}")


def _bad_value(flag: str, said: str, argv: Sequence[str], help_: str) -> UsageError:
    """The error for a value that is none of the choices, or no number."""
    if "is not one of" in said:
        value, *choices = _quoted(said.partition(": ")[2])
        return UsageError(f"{flag} {value} is unknown", f"choose {', '.join(choices)}")
    wanted = next((kind for word, kind in _NUMBERS.items() if f"valid {word}" in said), None)
    given = f"{flag} {_value_of(flag, argv)}".rstrip()
    if wanted:
        return UsageError(f"{given} is not {wanted}", f"see {help_}")
    return UsageError(f"{given} cannot be: {said.partition(': ')[2].removeprefix('Value error, ')}", help_)


def _value_of(flag: str, argv: Sequence[str]) -> str:
    """The value after a flag in a command line; empty if it is not there."""
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return ""


def _flag(param: Any) -> str:
    """--output for an option, FILE for an argument."""
    flags = [name for name in param.opts if name.startswith("--")]
    return flags[0] if flags else str(param.name).upper()


def _flags(command: Any) -> list[str]:
    return [name for param in command.params for name in param.opts if name.startswith("--")]


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def path_of(command: Any, argv: Sequence[str]) -> str:
    """The command that a command line names, as far as it is one: "ganedit clip edit"."""
    path = "ganedit"
    for word in argv:
        if word in getattr(command, "commands", {}):
            command, path = command.commands[word], f"{path} {word}"
    return path
