"""`ganedit singan edit`: make an edit of a photo look real."""

from __future__ import annotations

from pathlib import Path

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.options import OutputFolder, Pictures
from ganedit.cli.kit.singan import MODEL, Mask, ModelOf, Scale, change_photos


def edit(
    console: Console,
    inputs: Pictures = None,
    mask: Mask = None,
    model: ModelOf = MODEL,
    scale: Scale = None,
    output: OutputFolder = Path("."),
) -> None:
    """Make an edit of a photo look real: parts that were moved, copied or stretched.

    Writes NAME.edited.png, as large as the photo that the model has learned. Without --scale, it is handed to
    the model at the middle.
    """
    from ganedit.images.singan import singan_edit

    seed = console.options.seed
    change_photos(
        console, inputs, lambda opened, photo: singan_edit(opened, photo, mask, scale=scale, seed=seed),
        model=model, suffix=".edited", output=output, parameters={"how": "edit", "scale": scale}, mask=mask,
    )  # fmt: skip
