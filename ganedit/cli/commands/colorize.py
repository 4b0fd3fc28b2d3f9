"""`ganedit colorize`: add colours to grey pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model
from ganedit.cli.kit.options import Aligned, Face, NoMetadata, OutputFolder, Pictures, check_face
from ganedit.cli.kit.pictures import PictureJob, Size, Tile, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ganedit.images.io import Photo
    from ganedit.images.tiles import Progress

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

    def prepare() -> Work:
        painter = open_model(console, model, "colorize", MODEL)
        options: dict[str, Any] = {"size": size, "tile": tile, "face": face, "aligned": aligned}

        def change(photos: Sequence[Photo], progress: Progress) -> list[Photo]:
            return [colorize(photo, painter, **options, progress=progress) for photo in photos]

        return Work(painter, change, read_image)

    PictureJob(
        console, "colorize", model, suffix, output, prepare,
        parameters={"size": size, "tile": tile, "face": face, "aligned": aligned},
        metadata=not no_metadata,
    ).run(inputs)  # fmt: skip
