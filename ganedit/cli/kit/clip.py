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
Neutral = Annotated[str | None, typer.Option(help='Text that matches the images before, such as "a face".')]


def open_clip_model(console: Console, name: str, *texts: str | None) -> Clip:
    """Open a CLIP model, and warn about words in the texts that a small one does not know."""
    from ganedit.store.load import load_clip

    options = console.options
    clip = load_clip(name, options.device, options.dtype)
    for text in filter(None, texts):
        unknown = clip.unknown_words(text)
        if unknown:
            problem = "not know" if clip.understands(text) else "not know any word of the text:"
            console.warn(
                f"{clip.name} does {problem} {', '.join(unknown)} in {text!r}; it knows words about the age, "
                f"gender and smile of faces; --clip {LARGE} reads any text"
            )
    return clip


def file_name(text: str) -> str:
    import re

    return re.sub(r"\W+", "-", text.lower()).strip("-")[:60] or "text"
