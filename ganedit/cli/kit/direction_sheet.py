"""Writes a sheet that shows the effect of directions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganedit.cli.kit.context import Console
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.latent.directions.direction import Direction
    from ganedit.store.models import Generator

REACH = 3.0


def write_sheet(
    console: Console,
    generator: Generator,
    directions: list[Direction],
    faces: int,
    path: Path,
    reach: float = REACH,
) -> None:
    """Write a sheet with a row for each direction and sample, from -reach to +reach."""
    from ganedit.images.io import write_image
    from ganedit.latent.showing import directions_sheet

    with console.progress("drawing", len(directions) * faces) as bar:
        made = directions_sheet(generator, directions, samples=faces, reach=reach, progress=bar.update)
    parameters = {"directions": [one.name for one in directions]}
    record = console.provenance(
        console.command.removeprefix("ganedit "), parameters, generator.name, generator.sha256
    )
    write_image(path, made, provenance=record)


def check_faces(faces: int) -> None:
    """Raise UsageError unless there is a sample to show directions on."""
    if faces < 1:
        raise UsageError(f"--faces {faces} must be at least 1", "such as 2")
