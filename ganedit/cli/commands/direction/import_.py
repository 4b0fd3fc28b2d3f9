"""`ganedit direction import`: import directions of other programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Output, check_name, model_name
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ganedit.latent.directions.direction import Direction
    from ganedit.store.models import Generator


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
    from ganedit.latent import sampling
    from ganedit.latent.directions import named
    from ganedit.latent.directions.foreign import import_directions

    directions = import_directions(file, name)
    if output and len(directions) > 1:
        raise UsageError(
            f"{file} holds {len(directions)} directions, --output names one file", "leave it out"
        )
    owner = model_name(model)
    for one in directions:
        check_name(one.name)
    generator = open_generator(console, model)
    codes = None
    for one in directions:
        one.check_model(generator)
        target = output or named.user_file(owner, one.name)
        if console.should_write(target):
            if codes is None:
                codes = sampling.random_codes(generator, sampling.SIGMA_SAMPLES)
            sigma = sampling.spread_along(one.vector, _shaped(codes, one, generator))
            replace(one, sigma=sigma, **generator.identity).save(target)
        console.emit(target)


def _shaped(codes: Tensor, direction: Direction, generator: Generator) -> Tensor:
    """Codes [N, W] in the shape of a direction: with a row per layer if it has several."""
    return codes if direction.vector.ndim == 1 else codes[:, None].expand(-1, generator.num_ws, -1)
