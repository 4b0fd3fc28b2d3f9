"""`ganedit singan superres`: enlarge the photo that a model has learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.options import OutputFolder, Pictures
from ganedit.cli.kit.outputs import check_folder
from ganedit.cli.kit.singan import MODEL, ModelOf, change_photos, open_singan


def superres(
    console: Console,
    inputs: Pictures = None,
    model: ModelOf = MODEL,
    factor: Annotated[float, typer.Option(help="How many times as wide and high.")] = 4.0,
    output: OutputFolder = Path("."),
) -> None:
    """Enlarge a photo with detail like the finest that the model has learned from it.

    Writes NAME.x4.png. Without an input, enlarges the photo that the model has learned.
    """
    from ganedit.images.io import write_image
    from ganedit.images.singan import singan_superres

    seed, suffix = console.options.seed, f".x{factor:g}"
    parameters = {"how": "superres", "factor": factor}
    if inputs:
        change_photos(
            console, inputs, lambda opened, photo: singan_superres(opened, photo, factor=factor, seed=seed),
            model=model, suffix=suffix, output=output, parameters=parameters,
        )  # fmt: skip
        return
    destination = Destination(output, (".png",))
    check_folder(destination.folder)
    opened = open_singan(console, model)
    path = destination.file or output / f"{opened.name}{suffix}.png"
    if console.should_write(path):
        photo = singan_superres(opened, factor=factor, seed=seed)
        parameters |= {"model": model, "seed": seed}
        record = console.provenance("singan superres", parameters, opened.name, opened.sha256)
        write_image(path, photo.pixels, provenance=record)
    console.emit(path, factor=factor)
