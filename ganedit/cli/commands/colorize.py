"""`ganedit colorize`: add colours to grey pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model
from ganedit.cli.kit.options import Aligned, Face, NoMetadata, OutputFolder, Pictures, check_face
from ganedit.cli.kit.pictures import PictureJob, Size, Tile

MODEL = "colorize-faces"


def command(
    console: Console,
    inputs: Pictures = None,
    model: Annotated[str, typer.Option(help="Colourisation model: a name or a file.")] = MODEL,
    size: Size = None,
    tile: Tile = None,
    face: Face = "largest",
    aligned: Aligned = False,
    suffix: Annotated[
        str, typer.Option(help="Suffix of the results; .colour.png also sets the format.")
    ] = ".colorized",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Add likely colours to greyscale images.

    Writes NAME.colorized.EXT. The image's own lightness is kept in full resolution; existing colours
    are replaced. A model of faces, such as colorize-faces, colours the face and leaves the rest as it is.
    """
    from ganedit.images.colorizing import colorize
    from ganedit.images.io import read_image
    from ganedit.images.sizes import check_size
    from ganedit.images.tiles import check_tile

    check_face(face)
    check_size(size)
    check_tile(tile)
    painter = open_model(console, model, "colorize", MODEL)
    PictureJob(
        console, "colorize", painter, suffix, output,
        change=lambda photos, progress: [
            colorize(
                photo, painter, size=size, tile=tile, face=face, aligned=aligned, progress=progress
            )
            for photo in photos
        ],
        open=read_image,
        parameters={"size": size, "tile": tile, "face": face, "aligned": aligned},
        metadata=not no_metadata,
    ).run(inputs)  # fmt: skip
