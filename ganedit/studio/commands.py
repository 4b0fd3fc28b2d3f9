"""The command lines that repeat what was done on the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

Words = Sequence[str]


def number(value: float) -> str:
    """A number as short as it can be written: 2, -0.5.

    >>> number(2.0), number(0.30000000000000004)
    ('2', '0.3')
    """
    return f"{round(value, 4):g}"


def edit_words(magnitudes: Mapping[str, float], unsafe: bool) -> list[str]:
    """The words of `ganedit edit` for magnitudes by direction.

    >>> " ".join(edit_words({"smile": 2.0, "age": -0.5}, unsafe=False))
    'edit --direction smile --magnitude 2 --direction age --magnitude -0.5'
    """
    words = ["edit"]
    for name, magnitude in magnitudes.items():
        words += ["--direction", name, "--magnitude", number(magnitude)]
    return words + (["--unsafe"] if unsafe else [])


def one(*words: str) -> str:
    """One command line, safe to paste into a shell.

    >>> one("upscale", "my photo.png")
    "ganedit upscale 'my photo.png'"
    """
    return "ganedit " + shlex.join(words)


def pipeline(steps: Sequence[Words], source: str = "", *, first: Words = (), last: Words = ()) -> str:
    """Command lines joined by pipes, of which the first takes a file.

    Args:
        steps: The commands with their options, in their order.
        source: The file that the first one takes; empty if it takes none.
        first: More options of the first command.
        last: More options of the last one.

    >>> pipeline([["edit", "--direction", "age"], ["drag", "--move", "1,2:3,4"]], "me.jpg", last=["--paste"])
    'ganedit edit me.jpg --direction age | ganedit drag - --move 1,2:3,4 --paste'
    """
    lines = []
    for at, step in enumerate(steps):
        size = 2 if step[0] == "clip" else 1  # words of the command's name
        more = [*(first if at == 0 else ()), *(last if at == len(steps) - 1 else ())]
        given = "-" if at else source
        lines.append(one(*step[:size], *([given] if given else []), *step[size:], *more))
    return " | ".join(lines)
