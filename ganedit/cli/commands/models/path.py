"""`ganedit models path`: print the folder of a model."""

from __future__ import annotations

from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.store import registry
from ganedit.store.downloads import catalogue

Name = Annotated[str, typer.Argument(help="Name of a model.")]


def path(console: Console, name: Name) -> None:
    """Print the folder of a model, or the path of the weights for a CLIP model."""
    from ganedit.store.downloads.pulling import clip_weights

    entry = catalogue.find(name)
    weights = clip_weights(entry) if entry and entry.open_clip else None
    console.emit(weights or registry.folder_of(name), name=name)
