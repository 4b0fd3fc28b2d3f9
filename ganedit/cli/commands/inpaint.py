"""`ganedit inpaint`: fill holes in pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model
from ganedit.cli.kit.options import NoMetadata, OutputFolder, Pictures
from ganedit.cli.kit.pictures import PictureJob, Work
from ganedit.errors import InputError, UsageError

if TYPE_CHECKING:
    from ganedit.images.inpainting import Box
    from ganedit.images.io import Photo

MODEL = "inpaint-faces"


def command(
    console: Console,
    inputs: Pictures = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Mask, white where to fill: an image, or a folder of images named like the inputs."
        ),
    ] = None,
    box: Annotated[str | None, typer.Option(help="Box to fill: X,Y,WIDTH,HEIGHT in pixels.")] = None,
    model: Annotated[str, typer.Option(help="Inpainting model: a name or a file.")] = MODEL,
    size: Annotated[
        int | None, typer.Option(help="Side of the square that the network sees (default: as trained).")
    ] = None,
    suffix: Annotated[
        str, typer.Option(help="Suffix of the results; .filled.jpg also sets the format.")
    ] = ".inpainted",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Redraw part of an image: under a mask, in a box, or where it is transparent.

    Writes NAME.inpainted.EXT, or PNG for JPEG and WebP files, so that all other pixels stay exactly the same.
    """
    from ganedit.images.inpainting import box_hole, inpaint, mask_hole, transparent_hole
    from ganedit.images.io import read_image
    from ganedit.images.sizes import check_size

    if mask is not None and box is not None:
        raise UsageError("--mask and --box both say where to fill", "drop one of them")
    check_size(size)
    place = None if box is None else parse_box(box)

    def prepare() -> Work:
        painter = open_model(console, model, "inpaint", MODEL)

        def fill(photo: Photo) -> Photo:
            if mask is not None:
                assert photo.path is not None
                hole = mask_hole(photo, read_image(_mask_for(mask, photo.path)))
            elif place is not None:
                hole = box_hole(photo, place)
            else:
                photo, hole = transparent_hole(photo)
            return inpaint(photo, hole, painter, size=size)

        return Work(painter, lambda photos, progress: [fill(photo) for photo in photos], read_image)

    PictureJob(
        console, "inpaint", model, suffix, output, prepare,
        parameters={"mask": mask, "box": box, "size": size}, lossless=True, metadata=not no_metadata,
        depends=lambda path: {} if mask is None else {"mask": _mask_for(mask, path)},
    ).run(inputs)  # fmt: skip


def parse_box(text: str) -> Box:
    """Parse a box such as `10,20,64,48`.

    Raises:
        UsageError: not four whole numbers, or an empty box.
    """
    match = re.fullmatch(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", text)
    x, y, width, height = (int(n) for n in match.groups()) if match else (0, 0, 0, 0)
    if not width or not height:
        raise UsageError(f"--box {text} is not X,Y,WIDTH,HEIGHT", "write 100,50,64,64")
    return x, y, width, height


def _mask_for(mask: Path, photo: Path) -> Path:
    """The mask itself, or the one in a folder with the photo's name."""
    if not mask.is_dir():
        return mask
    masks = sorted(p for p in mask.iterdir() if p.stem == photo.stem and not p.name.startswith("."))
    if not masks:
        raise InputError(f"{mask} holds no mask for {photo.name}", f"name it {photo.stem}.png")
    return masks[0]
