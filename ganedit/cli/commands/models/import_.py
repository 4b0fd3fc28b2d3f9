"""`ganedit models import`: convert checkpoints of other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.inputs import sources
from ganedit.errors import GaneditError, UsageError
from ganedit.store import registry
from ganedit.store.cards import CARD

CHECKPOINTS = (".pkl", ".pt", ".pth", ".ckpt", ".bin", ".safetensors")


def import_(
    console: Console,
    files: Annotated[list[str] | None, typer.Argument(help="Checkpoints: files, folders, globs.")] = None,
    name: Annotated[str, typer.Option(help="Name of the model (default: from the file's name).")] = "",
    template: Annotated[str, typer.Option(help="Alignment of the model's faces: ffhq or close-up.")] = "",
    licence: Annotated[str, typer.Option(help="Licence, for the card.")] = "",
    terms: Annotated[str, typer.Option(help="Terms of the licence, for the card.")] = "",
    source: Annotated[str, typer.Option(help="Where the file came from, for the card.")] = "",
    network: Annotated[str, typer.Option(help="Network of a file with several, such as netG_A.")] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="What the file cannot say: upsampling=more, norm=none, ..."
        ),
    ] = None,
) -> None:
    """Convert checkpoints of other programs to models that load by name, without running code in them.

    --dtype float16 halves the size; by default, numbers keep their type.
    """
    from ganedit.store.importing import import_model, name_for

    items = list(_checkpoints(console, files))
    if name and len(items) > 1:
        raise UsageError(f"--name {name} cannot be the name of {len(items)} files", "import them one by one")
    _check_template(template)
    settings = _settings(set_ or [])

    def one(item: Path | GaneditError) -> None:
        if isinstance(item, GaneditError):
            raise item
        called = name or name_for(item)
        if console.options.skip_existing and registry.find(called):
            console.emit(registry.folder_of(called), name=called, input=str(item))
            return
        card = import_model(
            item,
            called,
            template=template,
            licence=licence,
            terms=terms,
            source=source,
            dtype=None if console.options.dtype == "auto" else console.options.dtype,
            force=console.options.force,
            network=network,
            settings=settings,
        )
        folder = registry.user_folder() / called
        console.emit(folder, name=called, input=str(item), task=card.task, sha256=card.sha256)

    if not run_each(console, items, one):
        raise UsageError("no checkpoint was given", "name files, folders or globs, or pipe paths in")


def _checkpoints(console: Console, files: Sequence[str] | None) -> Iterator[Path | GaneditError]:
    """The checkpoints to import: a folder with a card or a config.json is one model, any other has
    several."""
    if not files:
        yield from sources(console, None, CHECKPOINTS)
    for file in files or ():
        folder = Path(file).expanduser()
        if file and ((folder / CARD).is_file() or (folder / "config.json").is_file()):
            yield folder
        else:
            yield from sources(console, [file], CHECKPOINTS)


def _settings(given: list[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            raise UsageError(f"--set {one} has no value", "such as --set upsampling=more")
    return {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in given)}


def _check_template(name: str) -> None:
    if name:
        from ganedit.images.align import TEMPLATES

        if name not in TEMPLATES:
            raise UsageError(f"--template {name} is not an alignment", f"choose {', '.join(TEMPLATES)}")
