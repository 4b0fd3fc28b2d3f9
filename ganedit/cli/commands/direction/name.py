"""`ganedit direction name`: name a direction that was discovered."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import check_name, find_direction, model_name
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model


def name_(
    console: Console,
    direction: Annotated[
        str, typer.Argument(help="Direction: NAME or MODEL/NAME, such as faces/sefa-3 or faces/6:42.")
    ],
    name: Annotated[str, typer.Argument(help="New name.")],
    negate: Annotated[bool, typer.Option("--negate", help="Reverse the direction's sign.")] = False,
    model: Model = "faces",
) -> None:
    """Give a name to a direction that was discovered, or to channels of the styles; the original is kept."""
    from ganedit.latent import styles
    from ganedit.latent.directions import named

    prefix, _, short = direction.rpartition("/")
    owner = model_name(prefix or model)
    check_name(name)
    if styles.CHANNELS.fullmatch(short):
        chosen = find_direction(short, open_generator(console, prefix or model))
    else:
        chosen = named.find(short, owner)
    vector = -chosen.vector if negate else chosen.vector
    target = named.user_file(owner, name)
    if console.should_write(target):
        replace(chosen, name=name, vector=vector).save(target)
    console.emit(target, named=chosen.name)
