"""`ganedit drag`: move points of a face to where they should be."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.drag_changes import DragChange
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

__all__ = ["MAY_STAND_ALONE", "command"]  # the first is read by `cli.app`


class DragSpace(StrEnum):
    """Spaces for --space."""

    w_plus = "w+"
    w = "w"


def command(
    console: Console,
    inputs: Inputs = None,
    move: Annotated[
        list[str] | None,
        typer.Option(help="Point and its goal, X,Y:X2,Y2 in pixels of the crop; may be repeated."),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Image of the crop's size, white where it may change.")
    ] = None,
    photo_coordinates: Annotated[
        bool, typer.Option("--photo-coordinates", help="Moves and the mask are in pixels of the whole photo.")
    ] = False,
    steps: Annotated[int, typer.Option(help="Most steps; a drag ends when all points have arrived.")] = 150,
    space: Annotated[
        DragSpace, typer.Option(help="w+ moves each layer by itself, w all layers alike.")
    ] = DragSpace.w_plus,
    keep: Annotated[float, typer.Option(help="Weight of the distance from the code.")] = 0.1,
    identity: Annotated[float, typer.Option(help="Weight of the identity distance; faces only.")] = 0.02,
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
    """Drag points of a photo or latent to where they should be (DragGAN).

    Stops when every point is within a pixel of its goal, and says how far a point came that did not arrive.
    Writes the same files as ganedit edit, named by the moves: NAME.drag40,52-44,50.png and so on, with
    --paste NAME.drag40,52-44,50.pasted.png. What an identical request has made already is kept. Prints the
    paths of the images. Photos are projected first. Without an input, takes the latest projection made in
    this folder.
    """
    from ganedit.latent.dragging import PointMove
    from ganedit.latent.motion import DragOptions

    check_face(face)
    mode = pasting(paste, photo)
    moves = tuple(PointMove.parse(text) for text in move or [])
    options = DragOptions(steps, space.value, keep=keep, identity=identity)
    change = DragChange(console, moves, options, mask, photo_coordinates, photo, mode)
    editor = Editor(
        console, change, output, model, method, face, photo, sheet, video, not no_metadata, enhance
    )
    editor.run(inputs)
