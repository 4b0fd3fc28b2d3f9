"""`ganedit direction import`: import directions of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Output, check_name, model_name
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model
from ganedit.errors import UsageError


def import_(
    console: Console,
    file: Annotated[
        Path,
        typer.Argument(help="File to import (.npy, .npz or .pt): one direction, or a set of components."),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the direction (default: the file's name).")
    ] = None,
    model: Model = "faces",
    output: Output = None,
) -> None:
    """Import directions of other programs, for a model with codes of their size.

    A set, such as GANSpace's components, becomes one direction each: NAME-0, NAME-1 and so on.
    """
    from ganedit.latent.directions import named
    from ganedit.latent.directions.foreign import import_directions, measured_on

    directions = import_directions(file, name)
    if output and len(directions) > 1:
        raise UsageError(
            f"{file} holds {len(directions)} directions, --output names one file", "leave it out"
        )
    owner = model_name(model)
    for one in directions:
        check_name(one.name)
    generator = open_generator(console, model)
    for one in measured_on(generator, directions):
        target = output or named.user_file(owner, one.name)
        if console.should_write(target):
            one.save(target)
        console.emit(target)
