"""`ganedit dissect`: find out which units of a generator draw what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.latent.units.activations import LayerShape
    from ganedit.latent.units.dissection import Concepts, Dissection
    from ganedit.store.models import Generator

FACES = "faces"  # value of --concepts
SAMPLES = 500


def command(
    console: Console,
    model: Model = "faces",
    layers: Annotated[
        str, typer.Option(help="Layers to dissect: all, or such as 3-5,7; 0 is the coarsest.")
    ] = "all",
    samples: Annotated[
        int | None,
        typer.Option(help=f"Number of samples (default: {SAMPLES}, or all that a folder has maps of)."),
    ] = None,
    concepts: Annotated[
        str,
        typer.Option(
            metavar="[faces|FOLDER]",
            help="Concepts: regions of faces, or a folder of label maps named seed0000.png.",
        ),
    ] = FACES,
    quantile: Annotated[
        float, typer.Option(help="Quantile of its activations above which a unit is active.")
    ] = 0.99,
    psi: Annotated[float, typer.Option(help="Truncation of the samples.")] = 1.0,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the report, or one file NAME.html.")
    ] = Path("dissection"),
) -> None:
    """Find the units of a generator that draw eyes, lips, background, ...

    Compares where each unit is active with where random images show each concept (GAN Dissection). Writes a
    report and prints its path; shows how many units of each layer agree with a concept, and the
    ganedit edit command that switches them off.
    """
    from ganedit.latent.units.dissection import dissect
    from ganedit.latent.units.report import page_of, write_report

    _check_numbers(samples, quantile, psi)
    page = page_of(output)
    check_folder(page.parent)
    if not console.should_write(page):
        console.emit(page)
        return
    generator = open_generator(console, model)
    shapes = _chosen(generator, layers)
    seed = console.options.seed
    locate, available = _concepts(generator, concepts, seed)
    count = samples or available or SAMPLES
    with console.progress("dissecting", 2 * count) as bar:
        dissection = dissect(
            generator,
            shapes,
            locate,
            samples=count,
            seed=seed,
            psi=psi,
            quantile=quantile,
            progress=bar.update,
        )
    with console.progress("drawing the report"):
        record = _record(console, dissection)
        write_report(output, generator, dissection, locate, model=model, provenance=record)
    _tell(console, dissection, model)
    console.emit(page, **dissection.to_dict())


def _check_numbers(samples: int | None, quantile: float, psi: float) -> None:
    if samples is not None and not 1 <= samples <= 1_000_000:
        raise UsageError(f"--samples {samples} must be at least 1", "some hundreds are usual")
    if not 0 < quantile < 1:
        raise UsageError(f"--quantile {quantile} must be between 0 and 1", "0.8 to 0.999 are usual")
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.5 to 1 are usual")


def _chosen(generator: Generator, layers: str) -> list[LayerShape]:
    """The layers in --layers."""
    from ganedit.latent.editing import parse_layers
    from ganedit.latent.units.activations import check_layer, layer_shapes

    shapes = layer_shapes(generator)
    if layers == "all":
        return shapes
    numbers = sorted(parse_layers(layers.replace("layer", "")))
    check_layer(max(numbers), shapes, generator)
    return [shapes[number] for number in numbers]


def _concepts(generator: Generator, concepts: str, seed: int) -> tuple[Concepts, int | None]:
    """The function for --concepts, and the number of images that it supports; None means any number."""
    from ganedit.images.align import TEMPLATES
    from ganedit.metrics.concepts import FaceRegions, LabelFolder

    if concepts != FACES:
        folder = LabelFolder(concepts)
        return folder, folder.run_from(seed)
    template = generator.card.template
    if template not in TEMPLATES:
        raise UsageError(
            f"--concepts faces needs aligned faces, and the card of {generator.name} names no template",
            "ganedit models import --template names it; or name a folder of label maps with --concepts",
        )
    return FaceRegions(TEMPLATES[template]), None


def _record(console: Console, dissection: Dissection) -> dict[str, object] | None:
    about = {
        "samples": dissection.samples,
        "seed": dissection.seed,
        "psi": dissection.psi,
        "quantile": dissection.quantile,
    }
    return console.provenance("dissect", about, dissection.model, dissection.model_sha256)


def _tell(console: Console, dissection: Dissection, model: str) -> None:
    """Print a table of layers and concepts: how many units agree, and the best IoU."""
    from ganedit.latent.units.dissection import LEAST_IOU
    from ganedit.latent.units.report import limit_of, try_line

    units = dissection.units
    width = max(10, *(len(name) + 2 for name in dissection.concepts))
    console.note(
        f"units that agree (IoU above {LEAST_IOU:g}, and well above chance), and the best IoU of any"
    )
    console.note(f"{'':<17}" + "".join(f"{name:>{width}}" for name in dissection.concepts))
    for layer in dissection.layers:
        cells = []
        for name, best in zip(dissection.concepts, layer.iou.amax(dim=0).tolist(), strict=True):
            here = [u for u in units if (u.layer, u.concept) == (layer.shape.layer, name)]
            cells.append(f"{sum(map(dissection.agrees, here))} {best:.3f}".rjust(width))
        console.note(f"{layer.shape!s:<17}" + "".join(cells))
    for name in dissection.concepts:
        if changes := dissection.suggestion(name):
            console.note(f"{name}: {try_line(changes, model)}")
        elif limit := limit_of(dissection, name):
            console.note(limit)
