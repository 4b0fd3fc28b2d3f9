"""`ganedit singan random`: draw images with the patches of one photo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli import process
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.options import OutputFolder
from ganedit.cli.kit.outputs import check_folder
from ganedit.cli.kit.singan import MODEL, FromScale, ModelOf, SizeOf, open_singan, parse_size
from ganedit.errors import UsageError


def random(
    console: Console,
    model: ModelOf = MODEL,
    size: SizeOf = None,
    count: Annotated[int, typer.Option(help="Number of images.")] = 1,
    from_scale: FromScale = 0,
    output: OutputFolder = Path("."),
) -> None:
    """Draw random images with the patches of a photo, at any size.

    Writes MODEL.seed0000.png and so on, the first with --seed, and prints them. The same seed gives the same
    image.
    """
    from ganedit.images.io import write_image
    from ganedit.images.singan import singan_random

    shape = parse_size(size)
    if count < 1:
        raise UsageError(f"--count {count} must be at least 1")
    destination = Destination(output, (".png",))
    destination.check_count(count, "images")
    check_folder(destination.folder)
    opened = open_singan(console, model)
    opened.check_scale(from_scale, "from_scale")
    seeds = range(console.options.seed, console.options.seed + count)
    files = {seed: destination.file or output / f"{opened.name}.seed{seed:04d}.png" for seed in seeds}
    wanted = {seed for seed, path in files.items() if console.should_write(path)}
    with console.progress("drawing", count) as bar:
        for seed, path in files.items():
            process.check()
            if seed in wanted:
                (photo,) = singan_random(opened, size=shape, from_scale=from_scale, seed=seed)
                parameters = {"model": model, "size": size, "from_scale": from_scale, "seed": seed}
                record = console.provenance("singan random", parameters, opened.name, opened.sha256)
                write_image(path, photo.pixels, provenance=record)
            console.emit(path, seed=seed)
            bar.advance()
