"""`ganedit models pull`: download and convert models."""

from __future__ import annotations

from typing import Annotated

import typer

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.installed import agreed
from ganedit.cli.kit.model_texts import describe_licence
from ganedit.store import registry
from ganedit.store.downloads import catalogue


def pull(
    console: Console,
    names: Annotated[list[str], typer.Argument(help="Models to download; ganedit models list shows them.")],
    mirror: Annotated[
        str, typer.Option(help="Folder, or start of a URL, with the file under its published name.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence without being asked.")] = False,
    keep_original: Annotated[
        bool, typer.Option("--keep-original", help="Keep the downloaded file beside the converted one.")
    ] = False,
) -> None:
    """Download models and convert them, after you agree to their licence.

    An interrupted download continues where it stopped. --force downloads again.
    """
    from ganedit.store.downloads import pulling

    def one(name: str) -> None:
        entry = catalogue.find(name)
        if entry is None:
            raise catalogue.no_such_model(name, ())
        if registry.find(name) and console.options.skip_existing:
            console.emit(registry.folder_of(name), name=name)
            return
        pulling.check_possible(entry, mirror=mirror, force=console.options.force)
        console.warn(describe_licence(entry))
        if entry.licence.restricted and not pulling.recorded(name):
            agreed(console, f"do you agree to the terms of {name}?", yes)
        console.note(f"{name}: from {mirror or entry.url or entry.source}")
        with console.progress(f"{name}, MB", total=entry.about_megabytes or None) as bar:
            path = pulling.pull(
                entry,
                mirror=mirror,
                force=console.options.force,
                keep_original=keep_original,
                progress=lambda done, total: bar.update(done / 1e6, total / 1e6 or None),
            )
        console.emit(path, name=name, task=entry.task, licence=entry.licence.name)

    run_each(console, names, one)
