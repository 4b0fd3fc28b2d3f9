"""Size of models, and consent before they are downloaded or deleted."""

from __future__ import annotations

import os
from pathlib import Path

from ganedit.cli.kit.context import Console
from ganedit.errors import UsageError


def folder_size(folder: Path) -> int:
    """Size of a folder in bytes."""
    return sum(os.path.getsize(p) for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def agreed(console: Console, question: str, yes: bool) -> None:
    """Ask a question on the terminal.

    Raises:
        UsageError: the answer is no, or there is no terminal.
    """
    if yes:
        return
    if not (console.stdin.isatty() and console.stderr.isatty()):
        raise UsageError(
            f"consent is needed: {question}", "--yes agrees; nothing can be asked without a terminal"
        )
    print(f"{question} [y/N] ", end="", file=console.stderr, flush=True)
    if console.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not agreed: nothing was changed")
