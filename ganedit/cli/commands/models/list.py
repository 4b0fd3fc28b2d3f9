"""`ganedit models list`: list models by name."""

from __future__ import annotations

from typing import Annotated

import typer

from ganedit.cli.kit.batch import BatchFailed, run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.installed import folder_size
from ganedit.cli.kit.model_texts import listed
from ganedit.store import registry
from ganedit.store.cards import ModelCard
from ganedit.store.downloads import catalogue


def list_models(
    console: Console,
    installed: Annotated[
        bool, typer.Option("--installed", help="List only models that are installed.")
    ] = False,
) -> None:
    """List the models that come with ganedit, your own, and those that can be downloaded."""
    from ganedit.store.downloads.pulling import clip_weights

    def show_installed(name: str) -> None:
        folder = registry.folder_of(name)
        card = ModelCard.load(folder)
        state = "bundled" if folder.parent == registry.bundled_folder() else "yours"
        about = listed(card, round(folder_size(folder) / 1e6) or 1, state, str(folder))
        console.answer(*about)

    def show_entry(entry: catalogue.Entry) -> None:
        path = clip_weights(entry) if entry.open_clip else None
        if path or not installed:
            state = "yours" if path else "by hand" if entry.manual else "to pull"
            console.answer(*listed(entry, entry.about_megabytes, state, str(path or "")))

    names = registry.names()
    entries = [entry for entry in catalogue.entries().values() if entry.name not in names]
    failed = None
    try:
        run_each(console, names, show_installed)
    except BatchFailed as error:
        failed = error
    for entry in entries:
        show_entry(entry)
    if not names:
        console.note(f"no models in {' or '.join(str(f) for f in registry.folders())}")
    if failed:
        raise failed
