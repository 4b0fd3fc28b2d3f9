"""`ganedit generate`: draw pictures from seeds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli import process
from ganedit.cli.kit.codes import Clusters, Psi, Sampling
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.generate_options import parse_grid, parse_move, parse_seeds
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import OutputFolder
from ganedit.cli.kit.outputs import latent_beside
from ganedit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from ganedit.latent.generating import Sample
    from ganedit.store.models import Generator


class Noise(StrEnum):
    """Noise for the fine detail."""

    const = "const"
    random = "random"
    none = "none"


def command(
    console: Console,
    model: Annotated[str, typer.Option(help="Generator: a name or a file.")] = "faces",
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0-63 or 1,5,9-12.")] = "0-7",
    psi: Psi = "0.7",
    clusters: Clusters = None,
    cutoff: Annotated[int | None, typer.Option(help="Truncate only this many layers, coarse first.")] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help="Number or name of a class, for models that have them.")
    ] = None,
    rotate: Annotated[
        float, typer.Option(help="Turn what is drawn by so many degrees, anticlockwise; StyleGAN3 only.")
    ] = 0.0,
    translate: Annotated[
        str | None,
        typer.Option(help="Shift it by X,Y image sizes, to the right and down; StyleGAN3 only."),
    ] = None,
    grid: Annotated[str | None, typer.Option(help="Also one image of all: COLUMNSxROWS.")] = None,
    noise: Annotated[Noise, typer.Option(help="Stored, fresh or no noise.")] = Noise.const,
    output: OutputFolder = Path("."),
) -> None:
    """Generate images from seeds.

    Writes seedNNNN.png and seedNNNN.latent.safetensors, which ganedit edit takes like a photo (not
    for models without a style space, such as BigGAN); with --grid also grid.png. The same seed gives the same
    image on every machine.
    """
    if console.options.seed_given and noise is not Noise.random and clusters is None:
        raise UsageError(
            f"--seed {console.options.seed} has an effect only on --noise random and --clusters",
            f"--seeds {console.options.seed} draws the image of this seed",
        )
    numbers = parse_seeds(seeds)
    columns, rows = parse_grid(grid) if grid else (0, 0)
    if columns * rows > len(numbers):
        raise UsageError(
            f"--grid {grid} needs {columns * rows} seeds, --seeds {seeds} names {len(numbers)}",
            f"--seeds 0-{columns * rows - 1}",
        )
    import torch

    from ganedit.images.io import write_image
    from ganedit.images.sheet import sheet as make_sheet
    from ganedit.latent.generating import generate

    sampling = Sampling(psi, clusters, console.options.seed)
    move = parse_move(rotate, translate)
    destination = Destination(output, (".png",))
    destination.check_count(len(numbers), "seeds")
    files = {seed: destination.file or output / f"seed{seed:04d}.png" for seed in numbers}
    generator = open_generator(console, model)
    options: dict[str, Any] = {"cutoff": cutoff, "class_": class_, "noise": noise.value, "move": move}
    generate(generator, [], truncation=sampling.of(generator), **options)  # refuses impossible options
    wanted = [seed for seed in numbers if _should_write(console, files[seed], generator.has_styles)]
    sheet = destination.folder / "grid.png"
    draw_sheet = bool(grid) and console.should_write(sheet)
    number = None if class_ is None else generator.class_number(class_)
    parameters = {"model": model, **sampling.record, "cutoff": cutoff, "class": number, "noise": noise.value}
    if move:
        parameters |= {"rotate": move.degrees, "translate": [move.x, move.y]}
    on_sheet = numbers[: columns * rows] if draw_sheet else []
    shown: dict[int, np.ndarray] = {}
    todo = [seed for seed in numbers if seed in wanted or seed in on_sheet]
    torch.manual_seed(console.options.seed)  # for --noise random
    with console.progress("generate", len(todo)) as bar:
        for sample in generate(generator, todo, truncation=sampling.of(generator), **options):
            process.check()
            if sample.seed in wanted:
                _write(console, files[sample.seed], generator, sample, parameters)
            if sample.seed in on_sheet:
                shown[sample.seed] = sample.pixels
            bar.advance()
    for seed in numbers:
        if seed not in wanted:
            _emit(console, files[seed], seed, generator.has_styles)
    if grid:
        if draw_sheet:
            record = console.provenance(
                "generate", {**parameters, "seeds": seeds}, generator.name, generator.sha256
            )
            write_image(sheet, make_sheet([shown[s] for s in on_sheet], columns=columns), provenance=record)
        console.emit(sheet, grid=grid)


def _should_write(console: Console, picture: Path, with_latent: bool) -> bool:
    """Whether to write the image and the latent of a seed: both or neither."""
    wanted = console.should_write(picture)
    return (with_latent and console.should_write(latent_beside(picture))) or wanted


def _emit(console: Console, picture: Path, seed: int, with_latent: bool) -> None:
    console.emit(picture, seed=seed, latent=str(latent_beside(picture)) if with_latent else None)


def _write(
    console: Console, picture: Path, generator: Generator, sample: Sample, parameters: dict[str, Any]
) -> None:
    from ganedit.files import all_or_none
    from ganedit.images.io import write_image

    code = latent_beside(picture)
    about = {**parameters, "seed": sample.seed}
    record = console.provenance("generate", about, generator.name, generator.sha256)
    with all_or_none(*([picture, code] if sample.latent else [picture])):
        if sample.latent:
            sample.latent.save(code)
        write_image(picture, sample.pixels, provenance=record)
    _emit(console, picture, sample.seed, sample.latent is not None)
