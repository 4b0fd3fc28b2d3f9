"""`ganedit singan harmonize`: give a pasted object the look of a photo."""

from __future__ import annotations

from pathlib import Path

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.options import OutputFolder, Pictures
from ganedit.cli.kit.singan import MODEL, Mask, ModelOf, Scale, change_photos


def harmonize(
    console: Console,
    inputs: Pictures = None,
    mask: Mask = None,
    model: ModelOf = MODEL,
    scale: Scale = None,
    output: OutputFolder = Path("."),
) -> None:
    """Give an object that was pasted into a photo the look of the photo.

    Writes NAME.harmonized.png, as large as the photo that the model has learned. Without --scale, it is
    handed to the model at three quarters of the way to the finest.
    """
    from ganedit.images.singan import singan_harmonize

    seed = console.options.seed
    change_photos(
        console, inputs, lambda opened, photo: singan_harmonize(opened, photo, mask, scale=scale, seed=seed),
        model=model, suffix=".harmonized", output=output,
        parameters={"how": "harmonize", "scale": scale}, mask=mask,
    )  # fmt: skip
