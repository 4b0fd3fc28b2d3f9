"""`ganedit clip edit`: change a photo or latent to match a text."""

from __future__ import annotations

import math
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.clip import CLIP, Anyway, ClipModel, Neutral, Text, open_clip_model
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.editor import (
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
from ganedit.cli.kit.text_changes import ByDirection, ByMapper, ByOptimising, TextChange
from ganedit.errors import UsageError


class EditMethod(StrEnum):
    """StyleCLIP's three methods."""

    optimize = "optimize"
    direction = "direction"
    mapper = "mapper"


class LossName(StrEnum):
    similarity = "similarity"
    direction = "direction"


class Space(StrEnum):
    w = "w"
    w_plus = "w+"


def edit(
    console: Console,
    inputs: Inputs = None,
    text: Text = "",
    neutral: Neutral = None,
    method: Annotated[
        EditMethod,
        typer.Option(
            help="optimize: each code by itself; direction: along style channels; mapper: a trained network."
        ),
    ] = EditMethod.optimize,
    strength: Annotated[float, typer.Option(help="Fraction of the change; for direction, in sigmas.")] = 1.0,
    threshold: Annotated[
        float | None, typer.Option(help="For direction: least relevance of a channel that moves, 0 to 1.")
    ] = None,
    mapper: Annotated[
        str | None, typer.Option(help="For mapper: the model that ganedit train clip-mapper made.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(help="For optimize: layers that may change: coarse, middle, fine, or rows such as 0-5."),
    ] = None,
    space: Annotated[
        Space, typer.Option(help="For optimize: w moves all layers alike, w+ each by itself.")
    ] = Space.w,
    steps: Annotated[int, typer.Option(help="For optimize: number of steps.")] = 40,
    closeness: Annotated[
        float, typer.Option(help="For optimize: weight of the distance from the code.")
    ] = 0.1,
    identity: Annotated[float, typer.Option(help="For optimize: weight of the identity distance.")] = 0.2,
    loss: Annotated[
        LossName,
        typer.Option(help="For optimize: similarity to the text, or direction between the two texts."),
    ] = LossName.similarity,
    crops: Annotated[int, typer.Option(help="For optimize: random crops that CLIP sees.")] = 4,
    video: Video = False,
    sheet: Sheet = False,
    paste: Paste = None,
    photo: PhotoNow = None,
    enhance: Enhance = False,
    model: ModelOf = None,
    clip: ClipModel = CLIP,
    anyway: Anyway = False,
    projection: Annotated[
        Method | None, typer.Option(help="How photos are projected (default: hybrid).")
    ] = None,
    face: Face = "largest",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Change a photo or latent to match a text (StyleCLIP).

    Writes the same files as ganedit edit, named by the text: NAME.a-smiling-face.png and
    NAME.a-smiling-face.latent.safetensors, with --paste NAME.a-smiling-face.pasted.png, and so on. Photos are
    projected first.
    """
    from ganedit.text.guidance import Wish
    from ganedit.text.optimize import SteerOptions

    check_face(face)
    if not math.isfinite(strength):
        raise UsageError(f"--strength {strength} is not a finite number", "choose 1, or -3 to 3")
    pasted = pasting(paste, photo)
    for given, option, owner in (
        (mapper, "--mapper", EditMethod.mapper),
        (threshold, "--threshold", EditMethod.direction),
    ):
        if given is not None and method is not owner:
            raise UsageError(f"{option} is for --method {owner.value}", "add that, or leave it out")
    change: TextChange
    if method is EditMethod.mapper:
        if mapper is None:
            raise UsageError("no --mapper was named", "train one: ganedit train clip-mapper --text ...")
        change = ByMapper(console, strength, pasted, mapper)
    else:
        if not text.strip():
            raise UsageError("no --text was given", 'say what images should show: --text "a smiling face"')
        reader = cache(partial(open_clip_model, console, clip, text, neutral, anyway=anyway))
        if method is EditMethod.direction:
            if neutral is None:
                raise UsageError(
                    "--method direction needs --neutral, a text to start from", 'such as --neutral "a face"'
                )
            change = ByDirection(console, strength, pasted, reader, clip, text, neutral, threshold)
        else:
            wish = Wish(text, neutral, loss.value, crops)
            options = SteerOptions(
                steps, space.value, closeness=closeness, identity=identity, seed=console.options.seed
            )
            change = ByOptimising(console, strength, pasted, reader, clip, wish, options, layers)
    editor = Editor(
        console, change, output, model, projection, face, photo, sheet, video, not no_metadata, enhance
    )
    editor.run(inputs)
