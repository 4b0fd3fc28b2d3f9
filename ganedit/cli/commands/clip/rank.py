"""`ganedit clip rank`: sort pictures by how well they match a text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.clip import CLIP, Anyway, ClipModel, Neutral, Text, open_clip_model
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.inputs import sources
from ganedit.cli.kit.options import Aligned, Pictures
from ganedit.errors import GaneditError, UsageError
from ganedit.files import IMAGE_SUFFIXES

COLUMNS = 8  # in a sheet of ranked pictures
SHOWN_SIDE = 256


def rank(
    console: Console,
    inputs: Pictures = None,
    text: Text = "",
    neutral: Neutral = None,
    aligned: Aligned = False,
    clip: ClipModel = CLIP,
    anyway: Anyway = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write a sheet of the images in this order.")
    ] = None,
) -> None:
    """Sort images by how well they match a text, the best first.

    Prints them with the cosine, from which that of --neutral is subtracted, if given. A model of faces uses
    the largest face of each image.
    """
    if not text.strip():
        raise UsageError("no --text was given", 'such as --text "a smiling face"')
    from ganedit.images.io import read_image
    from ganedit.text.ranking import similarity

    reader = open_clip_model(console, clip, text, neutral, anyway=anyway)
    ranked: list[tuple[float, Path]] = []

    def score(item: Path | GaneditError) -> None:
        if isinstance(item, GaneditError):
            raise item
        value = similarity(read_image(item), reader, text, neutral=neutral, aligned=aligned)
        ranked.append((value, item))

    from ganedit.cli.kit.batch import BatchFailed

    problem: BatchFailed | None = None
    try:
        if not run_each(console, sources(console, inputs, IMAGE_SUFFIXES), score):
            raise UsageError("no input was given", "name images or folders, or pipe paths in")
    except BatchFailed as error:
        problem = error
    ranked.sort(key=lambda one: -one[0])
    if output is not None and ranked and console.should_write(output):
        _write_ranked(output, ranked, f"{text}" + (f" against {neutral}" if neutral else ""))
    for value, path in ranked:
        console.answer(f"{value:+.4f}  {path}", {"path": str(path), "similarity": round(value, 4)})
    if problem is not None:
        raise problem


def _write_ranked(output: Path, ranked: list[tuple[float, Path]], caption: str) -> None:
    from ganedit.images.align import center_crop
    from ganedit.images.io import read_image, write_image
    from ganedit.images.sheet import sheet

    tiles = [center_crop(read_image(path).pixels, SHOWN_SIDE).crop for _, path in ranked]
    write_image(output, sheet(tiles, columns=min(COLUMNS, len(tiles)), caption=caption))
