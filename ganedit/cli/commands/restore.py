"""`ganedit restore`: restore the faces of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model
from ganedit.cli.kit.options import Aligned, Face, NoMetadata, OutputFolder, Pictures, check_face
from ganedit.cli.kit.pictures import PictureJob, Tile, Work
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ganedit.images.io import Photo
    from ganedit.images.tiles import Progress


def command(
    console: Console,
    inputs: Pictures = None,
    model: Annotated[str, typer.Option(help="Model that restores faces: a name or a file.")] = "gfpgan",
    face: Face = "all",
    aligned: Aligned = False,
    fidelity: Annotated[
        float | None,
        typer.Option(help="From 0, a good face, to 1, one like the input; for CodeFormer (default: 0.5)."),
    ] = None,
    only_faces: Annotated[
        bool, typer.Option("--only-faces", help="Restore nothing but the faces (default).")
    ] = False,
    background: Annotated[
        str | None, typer.Option(help="Upscaler for the whole image, before the faces: a name or a file.")
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="How many times as wide and high, such as 2 (default: the upscaler's, or 1)."),
    ] = None,
    tile: Tile = None,
    suffix: Annotated[
        str, typer.Option(help="Suffix of the results; .restored.png also sets the format.")
    ] = ".restored",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Restore the faces of blurred, noisy or damaged images.

    Writes NAME.restored.EXT in the input's format, or PNG if ganedit cannot write it. Every face is cut out,
    restored and pasted back; the rest of the image stays as it is, or is enlarged by --background.
    """
    from ganedit.images.io import read_image
    from ganedit.images.restoring import check_fidelity, restore
    from ganedit.images.tiles import check_tile
    from ganedit.images.upscaling import check_scale

    if only_faces and background is not None:
        raise UsageError("--only-faces and --background exclude each other", "drop one of them")
    check_face(face)
    check_fidelity(fidelity)
    check_scale(scale)
    check_tile(tile)

    def prepare() -> Work:
        restorer = open_model(console, model, "restore")
        upscaler = None if background is None else open_model(console, background, "upscale")
        check_fidelity(fidelity, restorer)

        def change(photos: Sequence[Photo], progress: Progress) -> list[Photo]:
            return [
                restore(
                    photo, restorer, face=face, aligned=aligned, fidelity=fidelity,
                    background=upscaler, scale=scale, tile=tile, progress=progress,
                )
                for photo in photos
            ]  # fmt: skip

        return Work(restorer, change, read_image)

    PictureJob(
        console, "restore", model, suffix, output, prepare,
        parameters={
            "face": face, "aligned": aligned, "fidelity": fidelity,
            "background": background, "scale": scale, "tile": tile,
        },
        metadata=not no_metadata,
    ).run(inputs)  # fmt: skip
