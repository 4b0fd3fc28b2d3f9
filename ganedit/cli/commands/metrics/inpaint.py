"""`ganedit metrics inpaint`: measure a model that fills holes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.image_sets import warn_skipped
from ganedit.cli.kit.models import open_model
from ganedit.errors import UsageError


def inpaint(
    console: Console,
    data: Annotated[Path, typer.Argument(help="Folder or zip of images that the model has not seen.")],
    model: Annotated[str, typer.Option(help="Inpainting model: a name or a file.")] = "inpaint-faces",
    limit: Annotated[int, typer.Option(help="Use only the first N images by name.")] = 500,
) -> None:
    """Measure a model that fills holes by a hole in the middle, a quarter of the area.

    Prints the PSNR in the hole, beside that of the mean colour around it and of OpenCV's inpainting. Images
    are cropped to squares of the size that the model was trained at.
    """
    if limit < 1:
        raise UsageError(f"--limit {limit} leaves no image", "pass at least some hundred")
    from ganedit.data.images import load_images
    from ganedit.images.inpainting import SIDE
    from ganedit.metrics.inpainting import measure_inpainting

    inpainter = open_model(console, model, "inpaint")
    with console.stage("reading the images", limit) as progress:
        side = inpainter.card.resolution or SIDE
        crops = load_images(data, resolution=side, limit=limit, progress=progress)
    warn_skipped(console, crops.skipped)
    with console.stage("filling holes", len(crops)) as progress:
        q = measure_inpainting(inpainter, crops.images, progress=progress)
    console.answer(
        f"PSNR in the hole  {q.psnr:.2f} dB  {q.pictures} images, {q.share:.0%} of the area\n"
        f"  mean of the rim {q.rim_psnr:.2f} dB\n"
        f"  OpenCV          {q.opencv_psnr:.2f} dB",
        {"model": inpainter.name, "sha256": inpainter.sha256, **asdict(q)},
    )
