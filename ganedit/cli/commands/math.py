"""`ganedit math`: add and subtract latents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.codes import (
    Clusters,
    Codes,
    ModelOf,
    Models,
    Point,
    ProjectionMethod,
    Projections,
    Psi,
    Sampling,
)
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.outputs import check_folder, latent_beside
from ganedit.errors import UsageError
from ganedit.files import LATENT_SUFFIX

if TYPE_CHECKING:
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator

TOLERANCE = 1e-3  # of the sum of weights around 1


def command(
    console: Console,
    expression: Annotated[
        str,
        typer.Argument(
            help="Expression, such as 'smiling_woman - woman + man' or 'me + 0.5 * (mean(old/) - seed:7)'."
        ),
    ],
    psi: Psi = "0.7",
    clusters: Clusters = None,
    model: ModelOf = None,
    method: ProjectionMethod = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Image to write; its latent is written beside it.")
    ] = (Path("math.png")),
) -> None:
    """Add, subtract and average latents, seeds and photos.

    Names are those of latents without their suffix, of images and photos, and of folders in mean(). Writes
    the image and its latent. Photos are projected first.
    """
    from ganedit.latent.arithmetic import AVERAGE, combine, names_in

    sampling = Sampling(psi, clusters, console.options.seed)
    check_folder(output.parent)
    if output.suffix.lower() != ".png":
        raise UsageError(
            f"-o {output} must end in .png", "such as -o sum.png; the latent is written beside it"
        )
    codes = Codes(Models(console, model), Projections(console, output.parent, method), sampling)
    words = [word for word in names_in(expression) if word != AVERAGE]
    generator, groups = codes.find(*([_with_suffix(word)] for word in words))
    points = dict(zip(words, groups, strict=True))

    latents = {word: [point.latent for point in some] for word, some in points.items()}
    total, weight = combine(expression, latents, generator)
    if abs(weight - 1) > TOLERANCE:
        if abs(weight) < TOLERANCE:
            what = f"a difference between faces; add {AVERAGE} to make a face of it"
        else:
            what = f"not an average of faces; divide it by {weight:g}"
        console.note(f"the weights add up to {weight:g}, not to 1, so this is {what}")
    wanted = [console.should_write(path) for path in (output, latent_beside(output))]
    if any(wanted):
        _write(console, generator, next(iter(points.values()), []), total, expression, output)
    console.emit(output, latent=str(latent_beside(output)), expression=expression, weight=weight)


def _with_suffix(word: str) -> str:
    """A word with the suffix of latents if there is such a file; otherwise the word itself."""
    named = Path(word + LATENT_SUFFIX)
    return str(named) if named.is_file() else word


def _write(
    console: Console, generator: Generator, first: list[Point], total: Latent, expression: str, output: Path
) -> None:
    """Write the result, as a latent for the photo of the first name, so that it can be pasted there."""
    from ganedit.files import all_or_none
    from ganedit.images.io import write_image
    from ganedit.latent.editing import draw

    latent = total
    if len(first) == 1:
        edited = first[0].latent.edited(total.ws, {"math": expression})
        latent = replace(edited, styles=total.styles)
    parameters = {"expression": expression}
    record = console.provenance("math", parameters, generator.name, generator.sha256, latent.source or None)
    with all_or_none(output, latent_beside(output)):
        latent.save(latent_beside(output))
        write_image(output, draw(latent.personal(generator), [latent])[0], provenance=record)
