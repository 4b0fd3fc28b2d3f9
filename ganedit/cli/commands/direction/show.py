"""`ganedit direction show`: draw a sheet that shows the effect of directions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.direction_sheet import REACH, check_faces, write_sheet
from ganedit.cli.kit.directions import find_direction
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import UsageError


def show(
    console: Console,
    names: Annotated[list[str], typer.Argument(help="Names or files of directions, or channels (6:42).")],
    faces: Annotated[int, typer.Option(help="Samples on the sheet.")] = 2,
    magnitude: Annotated[float, typer.Option(help="Largest magnitude on the sheet, both ways.")] = REACH,
    model: Model = "faces",
    output: Annotated[Path, typer.Option("--output", "-o", help="Sheet to write.")] = Path("directions.png"),
) -> None:
    """Draw a sheet that shows the effect of directions on samples, by default from magnitude -3 to +3."""
    if not 0 < magnitude <= 100:
        raise UsageError(
            f"--magnitude {magnitude} must be above 0 and at most 100", "3 is usual, for channels 10"
        )
    check_faces(faces)
    check_folder(output.parent)
    generator = open_generator(console, model)
    directions = [find_direction(name, generator).for_model(generator) for name in names]
    if console.should_write(output):
        write_sheet(console, generator, directions, faces, output, magnitude)
    console.emit(output, directions=[one.name for one in directions])
