"""`ganedit direction name`: a name for a direction that was discovered."""

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
    """Give a direction that was discovered, or channels of the styles, a name; the numbered one stays."""
    from ganedit.latent import styles
    from ganedit.latent.directions import named

    prefix, _, short = direction.rpartition("/")
    owner = model_name(prefix or model)
    check_name(name)
    if styles.CHANNELS.fullmatch(short):
        found = find_direction(short, open_generator(console, prefix or model))
    else:
        found = named.find(short, owner)
    vector = -found.vector if negate else found.vector
    target = named.user_file(owner, name)
    if console.should_write(target):
        replace(found, name=name, vector=vector).save(target)
    console.emit(target, named=found.name)
