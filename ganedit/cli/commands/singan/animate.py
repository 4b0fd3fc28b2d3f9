"""`ganedit singan animate`: bring a photo to life."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.outputs import check_folder
from ganedit.cli.kit.singan import MODEL, FromScale, ModelOf, SizeOf, open_singan, parse_size
from ganedit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np


def animate(
    console: Console,
    model: ModelOf = MODEL,
    alpha: Annotated[float, typer.Option(help="How close the film stays to the photo, 0 to 1.")] = 0.9,
    beta: Annotated[float, typer.Option(help="How steadily it moves, 0 to 1.")] = 0.9,
    from_scale: FromScale = 0,
    frames: Annotated[int, typer.Option(help="Number of frames.")] = 100,
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 10.0,
    size: SizeOf = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the film, or its file: .mp4 or .gif.")
    ] = Path("."),
) -> None:
    """Bring the photo that a model has learned to life: a film that moves around it.

    Writes MODEL.mp4. A lower --alpha moves more, a lower --beta less steadily.
    """
    from ganedit.images.singan import singan_animate
    from ganedit.images.video import write_video

    shape = parse_size(size)
    if not 1 <= fps <= 1000:
        raise UsageError(f"--fps {fps} must be between 1 and 1000", "such as 10")
    destination = Destination(output, (".mp4", ".gif"))
    check_folder(destination.folder)
    opened = open_singan(console, model)
    path = destination.file or output / f"{opened.name}.mp4"
    film = singan_animate(
        opened, frames, alpha=alpha, beta=beta, from_scale=from_scale, size=shape, seed=console.options.seed
    )
    if console.should_write(path):
        parameters = {
            "model": model, "alpha": alpha, "beta": beta, "from_scale": from_scale, "size": size,
            "seed": console.options.seed,
        }  # fmt: skip
        record = console.provenance("singan animate", parameters, opened.name, opened.sha256)
        with console.progress("drawing", frames) as bar:

            def shown(pixels: np.ndarray) -> np.ndarray:
                bar.advance()
                return pixels

            write_video(path, map(shown, film), fps, comment=json.dumps(record) if record else "")
    console.emit(path, frames=frames)
