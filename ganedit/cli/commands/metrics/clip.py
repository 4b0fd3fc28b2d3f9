"""`ganedit metrics clip`: measure a CLIP model on labelled faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.errors import InputError, UsageError


def clip(
    console: Console,
    data: Annotated[Path, typer.Argument(help="Folder or zip of aligned faces with a labels.csv.")],
    model: Annotated[str, typer.Option("--clip", help="CLIP model, as in ganedit clip.")] = "clip-faces",
    skip: Annotated[
        int, typer.Option(help="Leave out the first N images by name, which were used in training.")
    ] = 0,
    limit: Annotated[int, typer.Option(help="Number of images after these; 0: all.")] = 0,
) -> None:
    """Ask a CLIP model for the gender, the smile and the age of faces, by texts alone (zero-shot).

    Prints the accuracy for gender and smile, and the mean absolute error of the age in years, as far as the
    columns gender, smile and age of the labels tell them.
    """
    if min(skip, limit) < 0:
        raise UsageError("--skip and --limit cannot be negative", "choose 0 or more")
    from ganedit.cli.kit.clip import open_clip_model
    from ganedit.data.captions import FACTS, read_facts
    from ganedit.data.images import load_images
    from ganedit.metrics.zero_shot import zero_shot

    judge = open_clip_model(console, model)
    with console.stage("reading the images", limit) as progress:
        images = load_images(
            data, resolution=judge.size, limit=skip + limit if limit else None, progress=progress
        )
    facts = read_facts(data, images.names)[skip:]
    if not len(facts):
        raise InputError(
            f"{data} has {len(images)} images, and --skip {skip} leaves none", "choose a smaller --skip"
        )
    columns = dict(zip(FACTS, facts.unbind(1), strict=True))
    labels = {name: column for name, column in columns.items() if not column.isnan().all()}
    if not labels:
        raise InputError(
            f"the labels of {data} have none of the columns {', '.join(FACTS)}", "add one to its labels.csv"
        )
    found = zero_shot(judge, images.images[skip:], labels)
    lines = [f"{name:<24} {value:.3f}" for name, value in found.items()]
    console.answer("\n".join(lines), {"model": judge.name, "pictures": len(facts), **found})
