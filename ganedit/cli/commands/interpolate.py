"""`ganedit interpolate`: draw pictures between codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.codes import (
    Clusters,
    Codes,
    ModelOf,
    Models,
    ProjectionMethod,
    Projections,
    Psi,
    Sampling,
    seeds_of,
)
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.frames import FILMS, SHEETS, Draw, Frames
from ganedit.cli.kit.options import Space
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import UsageError
from ganedit.files import FILM_SUFFIXES, IMAGE_SUFFIXES

if TYPE_CHECKING:
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator

MOST_STEPS = 100_000


class Mode(StrEnum):
    """How to interpolate between points."""

    linear = "linear"
    slerp = "slerp"
    spline = "spline"


def command(
    console: Console,
    points: Annotated[
        list[str],
        typer.Argument(help="Seeds (7, or 0-3), latents, photos, or folders of either; two or more."),
    ],
    steps: Annotated[int, typer.Option(help="Number of frames.")] = 60,
    space: Annotated[
        Space,
        typer.Option(help="Latent space: w+ (a code per layer), w (one for all layers) or z (seeds only)."),
    ] = Space.w_plus,
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="linear; slerp, along great circles; spline, without corners (default: linear, in z slerp)."
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Return to the first point.")] = False,
    psi: Psi = "0.7",
    clusters: Clusters = None,
    class_: Annotated[
        str | None,
        typer.Option("--class", help="Class of all seeds, or of each as 3,8, for models that have them."),
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames per second of a film.")] = 25.0,
    model: ModelOf = None,
    method: ProjectionMethod = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Film (.mp4, .gif), sheet (.png, .jpg) or folder to write.")
    ] = Path("walk.mp4"),
) -> None:
    """Interpolate from one seed, latent or photo to the next, and draw the images in between.

    Writes a film, a sheet, or a folder with frame0000.png, frame0000.latent.safetensors and so on. Prints
    the paths. Photos are projected first, and their latents are written next to the result. Models without a
    style space, such as BigGAN, interpolate between seeds, and leave no latents.
    """
    kind = output.suffix.lower()
    if kind in (*IMAGE_SUFFIXES, *FILM_SUFFIXES) and kind not in (*FILMS, *SHEETS) and not output.is_dir():
        raise UsageError(
            f"-o {output} cannot be written as '{kind}'",
            f"choose {', '.join((*FILMS, *SHEETS))}, or a folder",
        )
    sampling = Sampling(psi, clusters, console.options.seed)
    if not 2 <= steps <= MOST_STEPS:
        raise UsageError(f"--steps {steps} must be between 2 and {MOST_STEPS:,}", "such as 60")
    if not 1 <= fps <= 1000:
        raise UsageError(f"--fps {fps} must be between 1 and 1000", "such as 25")
    folder = output.parent if kind in (*FILMS, *SHEETS) else output
    check_folder(folder)
    codes = Codes(Models(console, model), Projections(console, folder, method), sampling)
    how: dict[str, Any] = {"steps": steps, "mode": mode.value if mode else None, "loop": loop}
    if model is not None and not codes.models.open().has_styles:
        between = _between_seeds(codes.models.open(), sampling, points, space, class_, how)
    elif class_ is None:
        between = _between_latents(console, codes, points, space, how)
    else:
        raise UsageError("--class is for models without a style space", "leave it out")
    parameters = {**how, **between.about, **sampling.record}
    Frames(console, between.generator, between.draw, steps, between.latents, parameters, output).write(
        kind, fps
    )


@dataclass
class Between:
    """What is drawn between points, and how it is recorded; without latents if there is no style space."""

    generator: Generator
    draw: Draw
    latents: list[Latent] | None
    about: dict[str, Any]


def _between_latents(
    console: Console, codes: Codes, points: list[str], space: Space, how: dict[str, Any]
) -> Between:
    from ganedit.latent.editing import draw
    from ganedit.latent.interpolation import interpolate

    generator, (ends,) = codes.find(points)
    if len(ends) < 2:
        raise UsageError(
            f"interpolation needs at least two points, not {' '.join(points)} alone", "name two or more"
        )
    for point in ends:
        if point.latent.tuned or point.latent.noise:
            console.note(f"{point.name}: drawn without its tuned weights and noise, which cannot be blended")
    if space is Space.z and (other := [point.name for point in ends if point.seed is None]):
        raise UsageError(f"--space z is for seeds, and {other[0]} is not one", "use --space w or w+")
    latents = interpolate(
        [point.seed if space is Space.z and point.seed is not None else point.latent for point in ends],
        generator, space=space.value, truncation=codes.sampling.of(generator), **how,
    )  # fmt: skip
    mode = how["mode"] or (Mode.slerp if space is Space.z else Mode.linear).value
    about = {"points": [point.name for point in ends], "space": space.value, "mode": mode}
    return Between(generator, lambda rows: draw(generator, [latents[row] for row in rows]), latents, about)


def _between_seeds(
    generator: Generator,
    sampling: Sampling,
    points: list[str],
    space: Space,
    class_: str | None,
    how: dict[str, Any],
) -> Between:
    from ganedit.latent.interpolation import interpolate_z

    if space is Space.w or not isinstance(sampling.psi, float) or sampling.clusters:
        option = "--space w" if space is Space.w else "--clusters" if sampling.clusters else "--psi by layers"
        raise UsageError(f"{option} needs a style space, and {generator.name} has none", "leave it out")
    seeds = [seed for word in points for seed in seeds_of(word, generator.name)]
    classes = [] if class_ is None else class_.split(",")
    how = {**how, "mode": how["mode"] or Mode.slerp.value}
    draw = interpolate_z(seeds, generator, classes=classes, psi=sampling.psi, **how)
    about = {"points": [f"seed {seed}" for seed in seeds], "space": "z", "class": class_, "mode": how["mode"]}
    return Between(generator, draw, None, about)
