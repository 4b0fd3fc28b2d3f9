"""`ganedit direction measure`: measure how far a direction can go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Output, model_name
from ganedit.cli.kit.models import open_classifier, open_generator
from ganedit.cli.kit.options import ClassifierName, Model
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator


def measure(
    console: Console,
    names: Annotated[list[str], typer.Argument(help="Directions: names or files.")],
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photos on which the images must not break either.")
    ] = None,
    classifier: ClassifierName = "face-attributes",
    model: Model = "faces",
    output: Output = None,
) -> None:
    """Measure the range of magnitudes that leaves images intact, and store it in the direction.

    Moves samples, and photos projected by the encoder, step by step, until the discriminator rejects the
    images, faces become other persons, or the attribute of the direction's name no longer changes.
    ganedit edit warns of magnitudes beyond this range, and clips those of photos.
    """
    if output is not None and len(names) > 1:
        raise UsageError("-o names one file, for one direction", "leave it out, or measure one by one")
    from ganedit.latent.directions import named
    from ganedit.metrics.safe_range import FARTHEST, STEP, measure_safe_range

    generator = open_generator(console, model)
    generator.need_styles()
    scorer = open_classifier(console, classifier)
    latents = [] if photos is None else _projected(console, photos, generator)
    for name in names:
        direction = named.find(name, generator.name)
        target = output or named.user_file(model_name(model), direction.name)
        with console.progress(f"measuring {direction.name}", int(2 * FARTHEST / STEP)) as bar:
            safe = measure_safe_range(
                generator, direction, photos=latents, classifier=scorer,
                seed=console.options.seed, progress=bar.update,
            )  # fmt: skip
        if console.should_write(target):
            replace(direction, safe=safe).save(target)
        console.note(f"{direction.name}: safe from {safe[0]:+g} to {safe[1]:+g}")
        console.emit(target, safe=list(safe))


def _projected(console: Console, folder: Path, generator: Generator) -> list[Latent]:
    from ganedit.latent.inversion.photos import project_folder
    from ganedit.latent.inversion.project import ProjectOptions
    from ganedit.store.load import encoder_for

    return project_folder(
        folder, generator, ProjectOptions("encode"), encoder=encoder_for(generator),
        on_skip=lambda path, error: console.complain(error, str(path)), watch=console.stage,
    )  # fmt: skip
