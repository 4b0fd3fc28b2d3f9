"""`ganedit direction discover`: find directions without labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.direction_sheet import REACH, check_faces, write_sheet
from ganedit.cli.kit.directions import check_name
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import UsageError

MOST = 1000  # directions
LEARNED = (
    6.0  # largest magnitude on the sheet for directions that were learned with shifts of about this size
)


class Discovery(StrEnum):
    """Methods that find directions without labels."""

    sefa = "sefa"
    ganspace = "ganspace"
    voynov = "voynov"


def discover(
    console: Console,
    method: Annotated[
        Discovery,
        typer.Option(
            help="sefa: what the weights amplify; ganspace: what samples vary in; voynov: from a training "
            "run."
        ),
    ] = Discovery.sefa,
    count: Annotated[int, typer.Option(help="Number of directions.")] = 8,
    layers: Annotated[
        str | None, typer.Option(help="Layers that they change: coarse, middle, fine, or 0-3 (default: all).")
    ] = None,
    samples: Annotated[int, typer.Option(help="For ganspace: number of samples.")] = 20000,
    activations: Annotated[
        int | None, typer.Option(help="For ganspace: use the activations of this layer instead of codes.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="For voynov: the folder of a run of ganedit train voynov.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name before the numbers (default: the method).")] = None,
    faces: Annotated[int, typer.Option(help="Samples on the sheet.")] = 2,
    model: Model = "faces",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the sheet.")] = Path("."),
) -> None:
    """Find directions in the generator itself, to be looked at and then named.

    Stores NAME-0, NAME-1, ..., the strongest first, and prints them; draws NAME.sheet.png with a row for
    each, from magnitude -3 to +3 (voynov: 6). ganedit direction name gives a direction a proper name.
    """
    from ganedit.latent.directions import named
    from ganedit.latent.directions.discovery import discover_directions
    from ganedit.latent.mixing import rows_of

    _check(method, activations, run)
    if count > MOST:
        raise UsageError(f"--count {count} is too many directions", f"choose 1 to {MOST}, such as 8")
    check_faces(faces)
    destination = Destination(output)
    check_folder(destination.folder)
    stem = name or method.value
    check_name(stem)
    generator = open_generator(console, model)
    rows = rows_of(generator, layers) if layers else None
    paths = [named.user_file(generator.name, f"{stem}-{i}") for i in range(count)]
    sheet = destination.file or output / f"{stem}.sheet.png"
    wanted = [console.should_write(path) for path in (*paths, sheet)]
    if any(wanted):
        with console.progress(f"{method.value}: samples", samples) as bar:
            directions = discover_directions(
                generator, count, method=method.value, rows=rows, samples=samples, layer=activations,
                run=run, name=stem, progress=bar.update,
            )  # fmt: skip
        for one, path in zip(directions, paths, strict=True):
            one.save(path)
        write_sheet(
            console, generator, directions, faces, sheet, LEARNED if method is Discovery.voynov else REACH
        )
    for path in paths:
        console.emit(path)
    console.emit(sheet, directions=count)


def _check(method: Discovery, activations: int | None, run: Path | None) -> None:
    if activations is not None and method is not Discovery.ganspace:
        raise UsageError("--activations is for --method ganspace", "leave it out")
    if run is not None and method is not Discovery.voynov:
        raise UsageError("--run is for --method voynov", "leave it out")
    if run is None and method is Discovery.voynov:
        raise UsageError(
            "--method voynov takes its directions from a training run, and no --run was given",
            "ganedit train voynov -o voynov, and then --run voynov",
        )
