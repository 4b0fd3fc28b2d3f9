"""`ganedit mix`: draw a table of codes mixed by layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.codes import (
    Clusters,
    Codes,
    ModelOf,
    Models,
    Point,
    ProjectionMethod,
    Projections,
    Psi,
    Sampling,
)
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from ganedit.store.models import Generator

MOST = 10_000  # pictures in a sheet


def command(
    console: Console,
    rows: Annotated[
        str,
        typer.Option(
            help="Sources of the other layers: seeds (1-4), latents or photos, separated by commas."
        ),
    ] = "0-3",
    cols: Annotated[
        str, typer.Option(help="Sources of the mixed-in layers: seeds, latents or photos.")
    ] = "4-8",
    layers: Annotated[
        str,
        typer.Option(
            help="Layers to mix in: coarse (4-8 px), middle (16-32), fine (from 64), or rows such as 0-3."
        ),
    ] = "coarse",
    psi: Psi = "0.7",
    clusters: Clusters = None,
    model: ModelOf = None,
    method: ProjectionMethod = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Sheet to write.")] = Path("mix.png"),
) -> None:
    """Mix layers of the codes in columns into the codes in rows (style mixing), and draw a labelled sheet.

    Photos are projected first, and their latents are written next to the sheet.
    """
    from ganedit.latent.mixing import rows_of

    sampling = Sampling(psi, clusters, console.options.seed)
    check_folder(output.parent)
    codes = Codes(Models(console, model), Projections(console, output.parent, method), sampling)
    sides = [[word for word in side.split(",") if word] for side in (rows, cols)]
    for option, side in zip(("--rows", "--cols"), sides, strict=True):
        if not side:
            raise UsageError(f"{option} names nothing", "such as 1-4, or me.jpg,you.jpg")
    generator, (down, across) = codes.find(*sides)
    if len(down) * len(across) > MOST:
        raise UsageError(f"{len(down)} x {len(across)} images are too many for a sheet", "name fewer")
    chosen = rows_of(generator, layers)
    if console.should_write(output):
        _write(console, generator, down, across, chosen, sampling, output)
    console.emit(output, rows=[p.name for p in down], cols=[p.name for p in across], layers=layers)


def _write(
    console: Console,
    generator: Generator,
    down: list[Point],
    across: list[Point],
    layers: list[int],
    sampling: Sampling,
    output: Path,
) -> None:
    from ganedit.images.io import write_image
    from ganedit.images.sheet import enlarged, sheet
    from ganedit.latent.editing import draw
    from ganedit.latent.mixing import mix_latents

    codes = [point.latent for point in across]
    for point in down:
        mixed = (mix_latents(point.latent, other.latent, layers, generator) for other in across)
        codes += [point.latent, *mixed]
    pictures: list[np.ndarray | None] = [None]  # the corner
    with console.progress("drawing", len(codes)) as bar:
        for code in codes:
            pictures += [enlarged(picture) for picture in draw(generator, [code])]
            bar.advance()
    names = {"rows": [p.name for p in down], "cols": [p.name for p in across]}
    made = sheet(
        pictures,
        columns=len(across) + 1,
        row_labels=["", *names["rows"]],
        column_labels=["", *names["cols"]],
        caption=f"layers {', '.join(map(str, layers))} of the column, all others of the row",
    )
    parameters = {**names, "layers": layers, **sampling.record}
    record = console.provenance("mix", parameters, generator.name, generator.sha256)
    write_image(output, made, provenance=record)
