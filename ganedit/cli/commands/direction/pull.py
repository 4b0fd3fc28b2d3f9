"""`ganedit direction pull`: download published directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import model_name
from ganedit.cli.kit.model_texts import describe_licence
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model

if TYPE_CHECKING:
    from ganedit.latent.directions.direction import Direction


def pull(
    console: Console,
    names: Annotated[
        list[str] | None, typer.Argument(help="Directions (default: all published for the model).")
    ] = None,
    model: Model = "stylegan2-ffhq",
    of: Annotated[
        str, typer.Option(help="Model of the catalogue that --model has the weights of (default: its name).")
    ] = "",
    mirror: Annotated[
        str, typer.Option(help="Folder, or start of a URL, with the files under their published names.")
    ] = "",
) -> None:
    """Download directions that were published for a model, such as those of InterFaceGAN and encoder4editing.

    Their scale is measured on codes of the model, which must be here. --force downloads again.
    """
    from ganedit.latent.directions import named
    from ganedit.latent.directions.pulling import pull_together
    from ganedit.store.downloads import published

    owner = model_name(model)
    entries = {entry.name: entry for entry in published.choose(of or owner, tuple(names or ()))}
    for entry in {entry.licence: entry for entry in entries.values()}.values():
        console.warn(describe_licence(entry))
    generator = open_generator(console, model)

    pulled: dict[str, dict[str, list[Direction]]] = {}  # by file, then by entry

    def one(name: str) -> None:
        entry, target = entries[name], named.user_file(owner, name)
        if not console.should_write(target):
            console.emit(target, name=name)
            return
        if entry.file not in pulled:
            together = [other for other in entries.values() if other.file == entry.file]
            console.note(f"{', '.join(other.name for other in together)}: from {mirror or entry.url}")
            pulled[entry.file] = pull_together(
                together, generator, mirror=mirror, force=console.options.force
            )
        found = pulled[entry.file][name]
        for direction in found:
            target = named.user_file(owner, direction.name)
            if len(found) == 1 or console.should_write(target):
                direction.save(target)
            console.emit(target, name=direction.name, method=direction.method, licence=entry.licence.name)

    run_each(console, list(entries), one)
