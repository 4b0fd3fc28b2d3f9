"""`ganedit singan paint`: turn a rough painting into an image like a photo."""

from __future__ import annotations

from pathlib import Path

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.options import OutputFolder, Pictures
from ganedit.cli.kit.singan import MODEL, ModelOf, Scale, change_photos


def paint(
    console: Console,
    inputs: Pictures = None,
    model: ModelOf = MODEL,
    scale: Scale = None,
    output: OutputFolder = Path("."),
) -> None:
    """Turn a rough painting into an image with the patches of a photo.

    Writes NAME.painted.png in the painting's shape, as large as the photo. Without --scale, the second.
    """
    from ganedit.images.singan import singan_paint

    seed = console.options.seed
    change_photos(
        console, inputs, lambda opened, photo: singan_paint(opened, photo, scale=scale, seed=seed),
        model=model, suffix=".painted", output=output, parameters={"how": "paint", "scale": scale},
    )  # fmt: skip
