"""Options, and the job, that the commands of `ganedit singan` share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model
from ganedit.cli.kit.pictures import PictureJob, Work
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.images.io import Photo
    from ganedit.store.models import SingleImage

MODEL = "galaxies"
ModelOf = Annotated[str, typer.Option(help="Model that ganedit train singan made: a name, or a folder.")]
FromScale = Annotated[
    int, typer.Option(help="First scale that varies: 0, the coarsest, also changes the layout.")
]
Scale = Annotated[
    int | None, typer.Option(help="Scale that is handed the image, from 1; a coarse one changes more of it.")
]
Mask = Annotated[
    Path | None,
    typer.Option(help="Image of the photo's size, white where it was changed (default: anywhere)."),
]
SizeOf = Annotated[
    str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size in pixels (default: that of the photo).")
]


def open_singan(console: Console, name: str) -> SingleImage:
    """Open a model of a single image with this run's --device and --dtype."""
    model: SingleImage = open_model(console, name, "singan")
    return model


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Parse `400x250` to (400, 250), width and height.

    Raises:
        UsageError: not two positive numbers.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not width or not height:
        raise UsageError(f"--size {text} is not WIDTHxHEIGHT", "write 400x250")
    return width, height


def change_photos(
    console: Console,
    inputs: list[str] | None,
    change: Callable[[SingleImage, Photo], Photo],
    *,
    model: str,
    suffix: str,
    output: Path,
    parameters: dict[str, Any],
    mask: Path | None = None,
) -> None:
    """Pass photos through a model, and write them as PNG files."""
    from ganedit.images.io import read_image

    def prepare() -> Work:
        opened = open_singan(console, model)
        return Work(opened, lambda photos, progress: [change(opened, one) for one in photos], read_image)

    PictureJob(
        console, "singan", model, suffix, output, prepare, lossless=True,
        parameters={**parameters, "mask": mask, "seed": console.options.seed},
        depends=lambda path: {} if mask is None else {"mask": mask},
    ).run(inputs)  # fmt: skip
