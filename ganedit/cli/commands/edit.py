"""`ganedit edit`: move photos and latents along directions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.direction_changes import DirectionChange, EditSpace
from ganedit.cli.kit.editor import (
    MAY_STAND_ALONE,
    Editor,
    Enhance,
    Face,
    Inputs,
    ModelOf,
    Paste,
    PhotoNow,
    Sheet,
    Video,
    pasting,
)
from ganedit.cli.kit.options import Method, NoMetadata, OutputFolder, check_face
from ganedit.cli.kit.units import Ablate, Activate, Units

__all__ = ["MAY_STAND_ALONE", "command"]  # the first is read by `cli.app`


def command(
    console: Console,
    inputs: Inputs = None,
    direction: Annotated[
        list[str] | None,
        typer.Option(help="Direction: a name or a file, or channels with --space s; may be repeated."),
    ] = None,
    space: Annotated[
        EditSpace,
        typer.Option(
            help="s: style space, by channels such as 6:42 (ganedit direction channels finds them)."
        ),
    ] = EditSpace.w,
    magnitude: Annotated[
        list[float] | None,
        typer.Option(help="Magnitude, one per direction in the same order (default: 1)."),
    ] = None,
    safe: Annotated[
        bool | None,
        typer.Option(
            "--safe/--unsafe",
            help="Clip magnitudes to the measured range of a direction (default: for photos), or only warn.",
        ),
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(help="Layers, such as 0-5 or 0,2,4-7; one per direction, or one for all."),
    ] = None,
    ablate: Ablate = None,
    activate: Activate = None,
    sweep: Annotated[
        str | None,
        typer.Option(help="Range of magnitudes of the first direction, FROM:TO:COUNT, such as -3:3:7."),
    ] = None,
    video: Video = False,
    sheet: Sheet = False,
    paste: Paste = None,
    photo: PhotoNow = None,
    enhance: Enhance = False,
    model: ModelOf = None,
    method: Annotated[Method | None, typer.Option(help="How photos are projected (default: hybrid).")] = None,
    face: Face = "largest",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Edit a photo or latent along directions: smile, age, yaw, ...

    With --space s, also by channels of the styles. Results are named by what was done: NAME.smile+2.png and
    NAME.smile+2.latent.safetensors, with --paste NAME.smile+2.pasted.png. What an identical request has made
    already is kept. Prints the paths of the images. Photos are projected first. Without an input, takes the
    latest projection made in this folder. With --ablate or --activate, no latent is written, as it cannot
    store changes to units.
    """
    check_face(face)
    units = Units(ablate, activate)
    mode = pasting(paste, photo)
    request = DirectionChange.read(direction, magnitude, layers, sweep, mode, space, units, safe)
    sheet = sheet or sweep is not None
    editor = Editor(
        console, request, output, model, method, face, photo, sheet, video, not no_metadata, enhance
    )
    editor.run(inputs)
