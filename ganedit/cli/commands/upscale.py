"""`ganedit upscale`: enlarge pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import best_upscaler, open_model
from ganedit.cli.kit.options import NoMetadata, OutputFolder, Pictures
from ganedit.cli.kit.pictures import PictureJob, Size, Tile, Work
from ganedit.errors import UsageError

NOISY = "-wdn"  # ends the name of the same model, trained without denoising

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ganedit.images.io import Photo
    from ganedit.images.tiles import Progress


def command(
    console: Console,
    inputs: Pictures = None,
    also: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="Another image, folder or glob.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-n",
            help="Upscaler: a name or a file (default: real-esrgan-x4 if it is installed, or upscale-x4).",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale", "-s", help="How many times as wide and high, such as 2 or 1.5 (default: the model's)."
        ),
    ] = None,
    denoise: Annotated[
        float | None,
        typer.Option(
            "--denoise", "-dn", help="Denoising, 0 to 1, with real-esrgan-x4-general (default: its own, 1)."
        ),
    ] = None,
    face: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Model that restores the faces as well, such as gfpgan."),
    ] = None,
    size: Size = None,
    tile: Tile = None,
    suffix: Annotated[
        str, typer.Option(help="Suffix of the results; .x4.png also sets the format.")
    ] = ".upscaled",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Upscale images and films. With --face, every face is also cut out, restored and pasted back.

    Writes NAME.upscaled.EXT in the input's format, or PNG if ganedit cannot write it; films become
    MP4 with their sound, and animated GIF, WebP and PNG files keep their format.
    """
    from ganedit.images.io import read_image
    from ganedit.images.restoring import restore
    from ganedit.images.sizes import check_size
    from ganedit.images.tiles import check_tile
    from ganedit.images.upscaling import check_scale, upscale
    from ganedit.store import registry

    check_size(size)
    check_scale(scale)
    check_tile(tile)
    if denoise is not None and not 0 <= denoise <= 1:
        raise UsageError(f"--denoise {denoise} must be between 0 and 1")
    if face is not None and size is not None:
        raise UsageError(
            "--face and --size exclude each other", "reduce the photo first, or drop one of them"
        )
    name = model or best_upscaler(console)
    if denoise is not None and registry.find(name + NOISY) is None:
        raise UsageError(
            f"{name} has no {name}{NOISY} beside it, a model that keeps noise",
            f"ganedit models pull real-esrgan-x4-general real-esrgan-x4-general{NOISY}",
        )

    def prepare() -> Work:
        upscaler = open_model(console, name, "upscale", name if model is None else "")
        if denoise is not None:
            upscaler = upscaler.blended(open_model(console, name + NOISY, "upscale"), 1 - denoise)

        restorer = None if face is None else open_model(console, face, "restore")

        def one(photo: Photo, progress: Progress) -> Photo:
            if restorer is None:
                return upscale(photo, upscaler, scale=scale, size=size, tile=tile, progress=progress)
            return restore(
                photo, restorer, background=upscaler, scale=scale, tile=tile, faceless=True, progress=progress
            )

        def change(photos: Sequence[Photo], progress: Progress) -> list[Photo]:
            return [one(photo, progress) for photo in photos]

        return Work(upscaler, change, read_image, films=True)

    PictureJob(
        console, "upscale", name, suffix, output, prepare,
        parameters={"scale": scale, "denoise": denoise, "face": face, "size": size, "tile": tile},
        films=True, metadata=not no_metadata,
    ).run([*(inputs or ()), *also] if also else inputs)  # fmt: skip
