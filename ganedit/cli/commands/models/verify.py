"""`ganedit models verify`: check the weights of models."""

from __future__ import annotations

from typing import Annotated

import typer

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.store import registry


def verify(
    console: Console,
    names: Annotated[list[str] | None, typer.Argument(help="Models (default: all).")] = None,
) -> None:
    """Check the weights of models against the checksums in their cards."""

    def check(name: str) -> None:
        from ganedit.store.load import verify

        folder = registry.folder_of(name)
        card = verify(folder)
        console.emit(folder, name=name, sha256=card.sha256)

    if not run_each(console, names or registry.names(), check):
        console.note("no models to verify")
