"""`ganedit models rm`: delete models."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.installed import agreed, folder_size
from ganedit.errors import UsageError
from ganedit.store import registry
from ganedit.store.downloads import catalogue

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def remove(
    console: Console, names: Annotated[list[str], typer.Argument(help="Models to delete.")], yes: Yes = False
) -> None:
    """Delete models of your own, or unfinished downloads. Models that come with ganedit cannot be deleted."""

    def one(name: str) -> None:
        folder = _own_folder(name)
        megabytes = folder_size(folder) / 1e6
        agreed(console, f"delete {folder} ({megabytes:,.1f} MB)?", yes)
        doomed = folder.with_name(f".{name}.{secrets.token_hex(4)}.old")
        folder.rename(doomed)  # atomically, so that nothing loads half a model
        if doomed.is_symlink():
            doomed.unlink()
        else:
            shutil.rmtree(doomed)
        console.emit(folder, name=name, freed_megabytes=round(megabytes, 1))
        console.note(f"{name}: {megabytes:,.1f} MB freed")

    run_each(console, names, one)


def _own_folder(name: str) -> Path:
    """The folder of a model, or of its unfinished download, that may be deleted."""
    from ganedit.store.downloads.pulling import unfinished

    folder, entry = registry.find(name), catalogue.find(name)
    if folder is None:
        if entry and (part := unfinished(entry)):
            return part
        if entry and entry.open_clip:
            raise UsageError(
                f"{name} is kept by open_clip, not by ganedit", f"see ganedit models path {name}"
            )
        raise catalogue.no_such_model(name, registry.names())
    if folder.parent != registry.user_folder():
        raise UsageError(f"{name} comes with ganedit and stays", "ganedit models list tells which are yours")
    return folder
