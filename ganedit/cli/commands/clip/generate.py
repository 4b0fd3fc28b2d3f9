"""`ganedit clip generate`: find pictures that match a text, from noise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.clip import CLIP, Anyway, ClipModel, Neutral, Text, open_clip_model
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model, OutputFolder
from ganedit.cli.kit.outputs import check_folder, latent_beside, text_name
from ganedit.errors import UsageError
from ganedit.files import LATENT_SUFFIX

if TYPE_CHECKING:
    from ganedit.store.models import Generator


def generate(
    console: Console,
    text: Text = "",
    neutral: Neutral = None,
    count: Annotated[int, typer.Option(help="Number of images to keep, the best first.")] = 1,
    candidates: Annotated[int, typer.Option(help="Seeds to try.")] = 64,
    restarts: Annotated[int, typer.Option(help="Best seeds to optimise.")] = 4,
    steps: Annotated[int, typer.Option(help="Optimisation steps.")] = 40,
    closeness: Annotated[float, typer.Option(help="Weight of the distance from the seed's code.")] = 0.1,
    crops: Annotated[int, typer.Option(help="Random crops that CLIP sees.")] = 4,
    psi: Annotated[float, typer.Option(help="Truncation of the seeds.")] = 0.7,
    model: Model = "faces",
    clip: ClipModel = CLIP,
    anyway: Anyway = False,
    output: OutputFolder = Path("."),
) -> None:
    """Find an image that matches a text, from noise.

    Writes TEXT-1.png and its latent, the best first, and prints the images.
    """
    from ganedit.text.guidance import Wish
    from ganedit.text.optimize import SteerOptions, search

    if not text.strip():
        raise UsageError("no --text was given", 'say what to draw: --text "an old man"')
    if not 1 <= count <= restarts:
        raise UsageError(
            f"--count {count} must be between 1 and --restarts {restarts}", "choose more --restarts"
        )
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.5 to 1 are usual")
    destination = Destination(output, (".png",))
    destination.check_count(count, "images")
    check_folder(destination.folder)
    paths = [destination.file or output / f"{text_name(text)}-{i + 1}.png" for i in range(count)]
    latents = [latent_beside(path) for path in paths]
    wanted = [path for path in (*paths, *latents) if console.should_write(path)]
    if not wanted:
        for path in paths:
            console.emit(path)
        return
    clip_model = open_clip_model(console, clip, text, neutral, anyway=anyway)
    generator = open_generator(console, model)
    generator.need_styles()
    options = SteerOptions(steps, closeness=closeness, identity=0.0, seed=console.options.seed)
    with console.progress(text, steps) as bar:
        results = search(
            generator, clip_model, Wish(text, neutral, crops=crops), options,
            candidates=candidates, restarts=restarts, psi=psi, progress=bar.update,
        )  # fmt: skip
    for one, path, code in zip(results, paths, latents, strict=False):
        about = {"text": text, "clip": clip_model.name, "psi": psi, "seed": one.seed}
        _write_result(console, generator, one.ws, {p for p in (path, code) if p in wanted}, about)
        console.emit(path, seed=one.seed, similarity=round(one.similarity, 4), latent=str(code))


def _write_result(
    console: Console, generator: Generator, ws: Any, paths: set[Path], parameters: dict[str, Any]
) -> None:
    """Write those of the image and the latent of a code that are in `paths`."""
    from ganedit.files import all_or_none
    from ganedit.images.io import write_image
    from ganedit.latent.editing import draw
    from ganedit.latent.latent import Latent

    latent = Latent(ws, **generator.identity, template=generator.card.template)
    record = console.provenance("clip generate", parameters, generator.name, generator.sha256)
    with all_or_none(*paths):
        for path in paths:
            if path.name.endswith(LATENT_SUFFIX):
                latent.save(path)
            else:
                write_image(path, draw(generator, [latent])[0], provenance=record)
