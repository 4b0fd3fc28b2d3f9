"""Code shared by the commands with a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console

if TYPE_CHECKING:
    from ganedit.store.models import Clip


CLIP = "clip-faces"
LARGE = "ViT-B-32/laion2b_s34b_b79k"
ClipModel = Annotated[
    str, typer.Option("--clip", help=f"clip-faces, a folder, or one of open_clip's, such as {LARGE}.")
]
Text = Annotated[str, typer.Option(help='Text that the results should match, such as "a smiling face".')]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Leave out words that the CLIP model does not know, and go on.")
]
Neutral = Annotated[str | None, typer.Option(help='Text that matches the images before, such as "a face".')]


def open_clip_model(console: Console, name: str, *texts: str | None, anyway: bool = False) -> Clip:
    """Open a CLIP model, and check that it knows the words of the texts; `anyway` only names unknown ones."""
    from ganedit.store.load import load_clip

    options = console.options
    clip = load_clip(name, options.device, options.dtype)
    clip.ignore_unknown = anyway
    for text in filter(None, texts):
        clip.check_text(text)
        if unknown := clip.unknown_words(text):
            console.warn(f"{clip.name} does not know {', '.join(unknown)} in {text!r}: left out")
    return clip
