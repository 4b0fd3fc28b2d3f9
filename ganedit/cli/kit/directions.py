"""Directions named on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.latent.directions.direction import Direction
    from ganedit.store.models import Generator


Name = Annotated[str, typer.Argument(help="Name of the direction.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write (default: in your folder of directions).")
]


def find_direction(name: str, generator: Generator) -> Direction:
    """A direction by its name or file, or of channels of the styles."""
    from ganedit.latent import styles
    from ganedit.latent.directions import named
    from ganedit.latent.directions.channels import channel_direction

    if styles.CHANNELS.fullmatch(name):
        return channel_direction(generator, styles.find_channels(generator, name))
    return named.find(name, generator.name)


def model_name(model: str) -> str:
    """Name under which directions of a model are stored: its name, or the stem of its file.

    Raises:
        UsageError: there is no such model, nor directions for one.
    """
    from ganedit.latent.directions.named import names_of
    from ganedit.store import registry
    from ganedit.store.cards import CARD, ModelCard

    path = Path(model).expanduser()
    folder = path.parent if path.name == registry.WEIGHTS else path
    if registry.find(model) is None and (folder / CARD).is_file():
        return ModelCard.load(folder).name
    name = path.stem if path.suffix else path.name
    if not path.is_file() and not names_of(name):
        registry.folder_of(model)  # raises an error
    return name


def check_name(name: str) -> None:
    """Raise UsageError unless this can be the name of a direction."""
    if not name or "/" in name or name.startswith(".") or Path(name).suffix:
        raise UsageError(f"{name!r} cannot be the name of a direction", "use letters, digits and dashes")
