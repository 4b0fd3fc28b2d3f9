"""`ganedit view`: show images, latents and directions in the terminal."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_generator
from ganedit.errors import MissingError, UsageError
from ganedit.files import IMAGE_SUFFIXES

if TYPE_CHECKING:
    import PIL.Image

    from ganedit.store.models import Generator


def command(
    console: Console,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Images, latents, directions, or folders of images.")
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Width in characters (default: as large as fits).")
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Show in a window of the desktop instead of the terminal.")
    ] = False,
) -> None:
    """Show images, latents and directions in the terminal.

    Latents are drawn by their generator; directions are shown on two samples, from magnitude -3 to +3. Sharp
    in terminals with sixel graphics or kitty's protocol, such as iTerm2, kitty, WezTerm, foot, Konsole, VS
    Code and Windows Terminal; in others with two pixels for each character.
    """
    if width is not None and width < 1:
        raise UsageError(f"--width {width} must be at least 1", "such as 80")
    if not window and not console.stdout.isatty():
        raise UsageError("standard output is not a terminal", "use --window, or open the files")

    @cache
    def generator_of(model: str) -> Generator:
        return open_generator(console, model)

    def work(path: Path) -> tuple[()]:
        import numpy as np
        from PIL import Image

        from ganedit.images.pixels import to_depth
        from ganedit.latent.showing import picture_of

        image = Image.fromarray(to_depth(picture_of(path, generator_of), np.uint8))
        console.note(str(path))
        if window:
            _show_in_window(image, path.name)
        else:
            _show_in_terminal(console, image, width)
        return ()

    run_batch(console, inputs, work, suffixes=(*IMAGE_SUFFIXES, ".safetensors"))


def _show_in_terminal(console: Console, image: PIL.Image.Image, width: int | None) -> None:
    import rich.console

    terminal = rich.console.Console(file=console.stdout)
    columns = "auto" if width is None else min(width, terminal.width)
    try:
        from textual_image.renderable import Image

        terminal.print(Image(image, columns, "auto"))
    except ZeroDivisionError:  # in the library, for a terminal of 0 x 0
        raise UsageError(
            "the terminal does not say how large it is", "stty rows 40 columns 120, or use --window"
        ) from None


def _show_in_window(image: PIL.Image.Image, title: str) -> None:
    from PIL import ImageShow

    if not ImageShow.show(image, title):
        raise MissingError("no program to show images was found", "open the files, or leave out --window")
