"""`ganedit upscale`: enlarge pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model
from ganedit.cli.kit.options import NoMetadata, OutputFolder, Pictures
from ganedit.cli.kit.pictures import PictureJob, Size, Tile, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ganedit.images.io import Photo
    from ganedit.images.tiles import Progress

MODEL = "upscale-x4"


def command(
    console: Console,
    inputs: Pictures = None,
    model: Annotated[str, typer.Option(help="Upscaler: a name or a file.")] = MODEL,
    size: Size = None,
    tile: Tile = None,
    suffix: Annotated[
        str, typer.Option(help="Suffix of the results; .x4.png also sets the format.")
    ] = ".upscaled",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Upscale images and films.

    Writes NAME.upscaled.EXT in the input's format, or PNG if ganedit cannot write it; films become
    MP4 with their sound, and animated GIF, WebP and PNG files keep their format.
    """
    from ganedit.images.io import read_image
    from ganedit.images.sizes import check_size
    from ganedit.images.tiles import check_tile
    from ganedit.images.upscaling import upscale

    check_size(size)
    check_tile(tile)

    def prepare() -> Work:
        upscaler = open_model(console, model, "upscale", MODEL)

        def change(photos: Sequence[Photo], progress: Progress) -> list[Photo]:
            return [upscale(photo, upscaler, size=size, tile=tile, progress=progress) for photo in photos]

        return Work(upscaler, change, read_image, films=True)

    PictureJob(
        console, "upscale", model, suffix, output, prepare,
        parameters={"size": size, "tile": tile}, films=True, metadata=not no_metadata,
    ).run(inputs)  # fmt: skip
