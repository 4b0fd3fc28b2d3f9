"""`ganedit models`: what can be loaded by name."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.batch import BatchFailed, survive
from ganedit.cli.context import Console
from ganedit.cli.model_texts import describe, describe_entry, listed
from ganedit.cli.model_transfer import agreed, export, import_, pull
from ganedit.errors import UsageError
from ganedit.store import catalogue, registry
from ganedit.store.cards import CARD, ModelCard

Name = Annotated[str, typer.Argument(help="Name of a model.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree without being asked.")]


def list_models(
    console: Console,
    installed: Annotated[bool, typer.Option("--installed", help="Leave out what is not here.")] = False,
) -> None:
    """List the models that come with ganedit, your own, and those that can be downloaded."""
    from ganedit.store.pulling import clip_weights

    def show_installed(name: str) -> None:
        folder = registry.folder_of(name)
        card = ModelCard.load(folder)
        state = "bundled" if folder.parent == registry.bundled_folder() else "yours"
        about = listed(card, round(_size(folder) / 1e6) or 1, state, str(folder))
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
        survive(console, names, show_installed)
    except BatchFailed as error:
        failed = error
    for entry in entries:
        show_entry(entry)
    if not names:
        console.note(f"no models in {' or '.join(str(f) for f in registry.folders())}")
    if failed:
        raise failed


def info(
    console: Console, name: Annotated[str, typer.Argument(help="Name of a model, or a checkpoint file.")]
) -> None:
    """Print a model's card: what it was trained on, its licence, how good it is.

    Also of a model that can be downloaded, and of a file: as what it would be imported.
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


def path(console: Console, name: Name) -> None:
    """Print the folder of a model; of a CLIP model its weights."""
    from ganedit.store.pulling import clip_weights

    entry = catalogue.find(name)
    weights = clip_weights(entry) if entry and entry.open_clip else None
    console.emit(weights or registry.folder_of(name), name=name)


def verify(
    console: Console,
    names: Annotated[list[str] | None, typer.Argument(help="Models; all unless given.")] = None,
) -> None:
    """Check the weights of models against the checksums in their cards."""

    def check(name: str) -> None:
        from ganedit.store.load import verify

        folder = registry.folder_of(name)
        card = verify(folder)
        console.emit(folder, name=name, sha256=card.sha256)

    if not survive(console, names or registry.names(), check):
        console.note("no models to verify")


def remove(
    console: Console, names: Annotated[list[str], typer.Argument(help="Models to delete.")], yes: Yes = False
) -> None:
    """Delete models of your own, or a download that was broken off; what comes with ganedit stays."""

    def one(name: str) -> None:
        folder = _own_folder(name)
        megabytes = _size(folder) / 1e6
        agreed(console, f"delete {folder} ({megabytes:,.1f} MB)?", yes)
        doomed = folder.with_name(f".{name}.{secrets.token_hex(4)}.old")
        folder.rename(doomed)  # at once: nothing loads half a model
        if doomed.is_symlink():
            doomed.unlink()
        else:
            shutil.rmtree(doomed)
        console.emit(folder, name=name, freed_megabytes=round(megabytes, 1))
        console.note(f"{name}: {megabytes:,.1f} MB freed")

    survive(console, names, one)


def _own_folder(name: str) -> Path:
    """The folder of a model, or of its unfinished download, that may be deleted."""
    from ganedit.store.pulling import unfinished

    found, entry = registry.find(name), catalogue.find(name)
    if found is None:
        if entry and (part := unfinished(entry)):
            return part
        if entry and entry.open_clip:
            raise UsageError(
                f"{name} is kept by open_clip, not by ganedit", f"see ganedit models path {name}"
            )
        raise catalogue.no_such_model(name, registry.names())
    if found.parent != registry.user_folder():
        raise UsageError(f"{name} comes with ganedit and stays", "ganedit models list tells which are yours")
    return found


def _size(folder: Path) -> int:
    """Bytes in a folder."""
    return sum(os.path.getsize(p) for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


COMMANDS = {
    "list": list_models,
    "info": info,
    "pull": pull,
    "import": import_,
    "export": export,
    "verify": verify,
    "rm": remove,
    "path": path,
}
