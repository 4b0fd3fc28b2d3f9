"""`ganedit models info`: show the card of a model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.model_texts import describe, describe_entry
from ganedit.store import registry
from ganedit.store.cards import CARD
from ganedit.store.downloads import catalogue


def info(
    console: Console, name: Annotated[str, typer.Argument(help="Name of a model, or a checkpoint file.")]
) -> None:
    """Print a model's card: what it was trained on, its licence, how good it is.

    It also works for models that can be downloaded, and for files that can be imported.
    """
    entry = catalogue.find(name)
    if entry and registry.find(name) is None:
        console.answer(describe_entry(entry), asdict(entry))
        return
    path = Path(name).expanduser()
    if registry.find(name) is None and path.exists() and not (path / CARD).is_file():
        from ganedit.store.importing import describe_file

        card = describe_file(path)
    else:
        card = registry.card(name)
    console.answer(describe(card), asdict(card))
