"""What the shell completes: names of models and directions; files are completed by the shell itself.

Nothing heavy is imported here, so that a completion is quick.
"""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import get_args

import typer

VARIABLE = "_GANEDIT_COMPLETE"  # in which the shell says what it wants
SHELLS = ("bash", "zsh", "fish")
MODELS = ("model", "background", "encoder", "clip", "classifier", "mapper", "vocoder", "like")
"""Options whose values are names of models; otherwise, only those of the task of that name."""
TASKS = ("encoder", "clip", "classifier", "mapper", "vocoder")


def own_shell() -> str:
    """The user's shell, if it is one of `SHELLS`, or bash."""
    name = Path(os.environ.get("SHELL", "")).name
    return name if name in SHELLS else "bash"


def words_before() -> list[str]:
    """The complete words of the command line that is being completed, without the program."""
    if "_TYPER_COMPLETE_ARGS" in os.environ:
        words = _split(os.environ["_TYPER_COMPLETE_ARGS"])
        return words[1 : None if os.environ["_TYPER_COMPLETE_ARGS"].endswith(" ") else -1]
    words = _split(os.environ.get("COMP_WORDS", ""))
    return words[1 : int(os.environ.get("COMP_CWORD", "0") or 0)]


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # an open quotation mark
        return line.split()


def add_names(path: str, parameters: Sequence[inspect.Parameter]) -> None:
    """Let the parameters of a command complete names.

    Args:
        path: Words of the command, such as "direction show".
        parameters: Its parameters, whose annotations have typer's description.
    """
    for one in parameters:
        kind, *about = get_args(one.annotation) or (None,)
        if not about or (isinstance(kind, type) and issubclass(kind, Enum)):
            continue
        named = one.name in ("name", "names", "directions")
        if one.name in MODELS or (path.startswith("models ") and (named or one.name == "model")):
            about[-1].autocompletion = _models_of(one.name if one.name in TASKS else None)
        elif path == "direction pull" and named:
            about[-1].autocompletion = _published
        elif one.name == "direction" or (path.startswith("direction ") and named):
            about[-1].autocompletion = _directions


def _models_of(task: str | None) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        from ganedit.store import registry

        found = [name for name in registry.names() if name.startswith(incomplete)]
        return [name for name in found if task is None or registry.card(name).task == task]

    return complete


def _directions(ctx: typer.Context, incomplete: str) -> list[str]:
    from ganedit.latent.directions.named import names_of

    known = names_of(str(ctx.params.get("model") or "faces"))
    return [name for name in known if name.startswith(incomplete)]


def _published(ctx: typer.Context, incomplete: str) -> list[str]:
    from ganedit.store.downloads.published import of_model

    known = of_model(str(ctx.params.get("of") or ctx.params.get("model") or "stylegan2-ffhq"))
    return [name for name in known if name.startswith(incomplete)]
