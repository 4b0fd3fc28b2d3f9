"""How models get here and away again: `ganedit models pull`, `import` and `export`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.batch import sources, survive
from ganedit.cli.context import Console
from ganedit.cli.model_texts import describe_licence
from ganedit.errors import GaneditError, UsageError
from ganedit.store import catalogue, registry
from ganedit.store.cards import CARD

CHECKPOINTS = (".pkl", ".pt", ".pth", ".ckpt", ".bin", ".safetensors")


def pull(
    console: Console,
    names: Annotated[list[str], typer.Argument(help="Models that `ganedit models list` says can be pulled.")],
    mirror: Annotated[
        str, typer.Option(help="Folder, or start of a URL, that has the file under its published name.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the licence without being asked.")] = False,
    keep_original: Annotated[
        bool, typer.Option("--keep-original", help="Keep the downloaded file beside the converted one.")
    ] = False,
) -> None:
    """Download models and convert them, once you agree to their licence.

    A download that was cut off goes on where it stopped. --force downloads again.
    """
    from ganedit.store import pulling

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
            at = 0.0

            def progress(done: int, total: int) -> None:
                nonlocal at
                bar.advance(done / 1e6 - at)
                at = done / 1e6

            path = pulling.pull(
                entry,
                mirror=mirror,
                force=console.options.force,
                keep_original=keep_original,
                progress=progress,
            )
        console.emit(path, name=name, task=entry.task, licence=entry.licence.name)

    survive(console, names, one)


def import_(
    console: Console,
    files: Annotated[list[str] | None, typer.Argument(help="Checkpoints: files, folders, globs.")] = None,
    name: Annotated[str, typer.Option(help="What to call it; from the file's name unless given.")] = "",
    template: Annotated[str, typer.Option(help="Alignment of its faces: ffhq or close-up.")] = "",
    licence: Annotated[str, typer.Option(help="For its card: the name of its licence.")] = "",
    terms: Annotated[str, typer.Option(help="For its card: what the licence asks.")] = "",
    source: Annotated[str, typer.Option(help="For its card: where the file came from.")] = "",
) -> None:
    """Convert checkpoints of other programs to models that load by name. Nothing in them is run.

    --dtype float16 stores half as much; unless given, numbers are stored as they are in the file.
    """
    from ganedit.store.importing import import_model, name_for

    items = list(_checkpoints(console, files))
    if name and len(items) > 1:
        raise UsageError(f"--name {name} cannot be the name of {len(items)} files", "import them one by one")
    _check_template(template)

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
        )
        folder = registry.user_folder() / called
        console.emit(folder, name=called, input=str(item), task=card.task, sha256=card.sha256)

    if not survive(console, items, one):
        raise UsageError("no checkpoint was given", "name files, folders or globs, or pipe paths in")


def export(
    console: Console,
    name: Annotated[str, typer.Argument(help="Name of a model, or a file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    form: Annotated[
        str, typer.Option("--format", help="safetensors, rosinality or nvlabs-state.")
    ] = "safetensors",
) -> None:
    """Write a model as a file that other programs open."""
    from ganedit.store import export as exporting
    from ganedit.store.load import load

    if form not in exporting.FORMATS:
        raise UsageError(f"{form} is no format to export", f"choose {', '.join(exporting.FORMATS)}")
    if console.should_write(output):
        exporting.export(load(name, "cpu"), output, form)
    console.emit(output, name=name, format=form)


def agreed(console: Console, question: str, yes: bool) -> None:
    """Ask on a terminal.

    Raises:
        UsageError: the answer is no, or nobody is there to ask.
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


def _checkpoints(console: Console, files: Sequence[str] | None) -> Iterator[Path | GaneditError]:
    """What to import: a folder with a card or a config.json is one model, any other holds several."""
    if not files:
        yield from sources(console, None, CHECKPOINTS)
    for file in files or ():
        folder = Path(file).expanduser()
        if file and ((folder / CARD).is_file() or (folder / "config.json").is_file()):
            yield folder
        else:
            yield from sources(console, [file], CHECKPOINTS)


def _check_template(name: str) -> None:
    if name:
        from ganedit.images.align import TEMPLATES

        if name not in TEMPLATES:
            raise UsageError(f"--template {name} is no alignment", f"choose {', '.join(TEMPLATES)}")
