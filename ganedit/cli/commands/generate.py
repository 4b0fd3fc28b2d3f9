"""`ganedit generate`: pictures from seeds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.codes import Clusters, Psi, Sampling
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.generate_options import Move, parse_grid, parse_move, parse_seeds
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import OutputFolder
from ganedit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ganedit.store.models import Generator

BATCH = {"cpu": 4, "cuda": 32}  # pictures at a time


class Noise(StrEnum):
    """What fills in the fine detail."""

    const = "const"
    random = "random"
    none = "none"


def command(
    console: Console,
    model: Annotated[str, typer.Option(help="Name or file of a generator.")] = "faces",
    seeds: Annotated[str, typer.Option(help="Such as 0-63 or 1,5,9-12.")] = "0-7",
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
        typer.Option(help="Shift it by X,Y picture sizes, to the right and down; StyleGAN3 only."),
    ] = None,
    grid: Annotated[str | None, typer.Option(help="Also one picture of all: COLUMNSxROWS.")] = None,
    noise: Annotated[Noise, typer.Option(help="Stored, fresh or no noise.")] = Noise.const,
    output: OutputFolder = Path("."),
) -> None:
    """Draw pictures from seeds.

    Writes seedNNNN.png and beside it seedNNNN.latent.safetensors, which ganedit edit takes like a photo (not
    for models without a style space, such as BigGAN); with --grid also grid.png. The same seed gives the same
    picture on every machine.
    """
    sampling = Sampling(psi, clusters, console.options.seed)
    if cutoff is not None and cutoff < 0:
        raise UsageError(f"--cutoff {cutoff} is no number of layers", "leave it out for all layers")
    numbers = parse_seeds(seeds)
    columns, rows = parse_grid(grid) if grid else (0, 0)
    if columns * rows > len(numbers):
        raise UsageError(
            f"--grid {grid} needs {columns * rows} seeds, --seeds {seeds} names {len(numbers)}",
            f"--seeds 0-{columns * rows - 1}",
        )
    move = parse_move(rotate, translate)
    generator = open_generator(console, model)
    number = _checked(generator, class_, cutoff, move, sampling)
    wanted = [seed for seed in numbers if _should_write(console, output, seed, generator.has_styles)]
    sheet = output / "grid.png"
    draw_sheet = bool(grid) and console.should_write(sheet)
    parameters = {"model": model, **sampling.told, "cutoff": cutoff, "class": number, "noise": noise.value}
    if move:
        parameters |= {"rotate": move.degrees, "translate": [move.x, move.y]}
    pictures: dict[int, np.ndarray] = {}

    def one(seed: int, pixels: np.ndarray, ws: Any) -> None:
        if seed in wanted:
            _write(console, output, generator, seed, pixels, ws, parameters)
        if len(pictures) < columns * rows:
            pictures[seed] = pixels

    shown = set(numbers[: columns * rows]) if draw_sheet else set()
    todo = [seed for seed in numbers if seed in wanted or seed in shown]
    pick = _Picker(generator, number, sampling, cutoff, noise, move)
    _draw(console, pick, todo, one)
    for seed in numbers:
        if seed not in wanted:
            _emit(console, output, seed, generator.has_styles)
    if grid:
        if draw_sheet:
            _write_sheet(console, sheet, [pictures[s] for s in numbers[: columns * rows]], columns, generator,
                         {**parameters, "seeds": seeds})  # fmt: skip
        console.emit(sheet, grid=grid)


def picture_path(folder: Path, seed: int) -> Path:
    return folder / f"seed{seed:04d}.png"


def latent_path(folder: Path, seed: int) -> Path:
    return folder / f"seed{seed:04d}.latent.safetensors"


def _should_write(console: Console, folder: Path, seed: int, with_latent: bool) -> bool:
    """Both files are made or neither."""
    picture = console.should_write(picture_path(folder, seed))
    return (with_latent and console.should_write(latent_path(folder, seed))) or picture


def _emit(console: Console, folder: Path, seed: int, with_latent: bool) -> None:
    latent = str(latent_path(folder, seed)) if with_latent else None
    console.emit(picture_path(folder, seed), seed=seed, latent=latent)


def _checked(
    generator: Generator, class_: str | None, cutoff: int | None, move: Move | None, sampling: Sampling
) -> int | None:
    """The number of the class; options that the model does not have are refused."""
    if move and not generator.has_transform:
        raise UsageError(f"the model {generator.name} cannot move its pictures",
                         "--rotate and --translate are for StyleGAN3")  # fmt: skip
    if cutoff is not None and not generator.has_styles:
        raise UsageError(f"the model {generator.name} has no layers to truncate apart", "leave --cutoff out")
    if not generator.has_styles and not (isinstance(sampling.psi, float) and sampling.clusters is None):
        raise UsageError(f"the model {generator.name} has no codes to truncate apart",
                         "give --psi one number, and leave --clusters out")  # fmt: skip
    if class_ is not None:
        return generator.class_number(class_)
    if generator.num_classes:
        raise UsageError(f"the model {generator.name} draws {generator.num_classes} classes",
                         f"choose one with --class 0 to {generator.num_classes - 1}"
                         + (" or by its name" if generator.class_names else ""))  # fmt: skip
    return None


@dataclass(frozen=True)
class _Picker:
    """A generator with everything but the seeds."""

    generator: Generator
    class_: int | None
    sampling: Sampling
    cutoff: int | None
    noise: Noise
    move: Move | None

    def __call__(self, seeds: list[int]) -> tuple[Tensor, Any]:
        """Pictures of seeds, and their codes; None each for models without a style space."""
        generator = self.generator
        psi = self.sampling.psi if isinstance(self.sampling.psi, float) else 1.0
        z = generator.z_of(seeds, psi)
        c = None if self.class_ is None else generator.one_hot(self.class_, len(seeds))
        if not generator.has_styles:
            return generator.generate(z=z, c=c, psi=psi), [None] * len(seeds)
        ws = self.sampling.of(generator).codes(generator, z, c, self.cutoff)
        matrix = self.move.matrix() if self.move else None
        return generator.synthesis(ws, self.noise.value, matrix), ws


def _draw(console: Console, pick: _Picker, seeds: list[int], one: Any) -> None:
    """Call `one(seed, pixels, ws)` for each seed, a batch at a time."""
    import torch

    from ganedit.images.tensors import from_tensor

    torch.manual_seed(console.options.seed)  # for --noise random
    size = BATCH[pick.generator.device.type] if pick.generator.resolution <= 256 else 1
    with console.progress("generate", len(seeds)) as bar, torch.inference_mode():
        for at in range(0, len(seeds), size):
            some = seeds[at : at + size]
            for seed, image, code in zip(some, *pick(some), strict=True):
                one(seed, from_tensor(image), code)
                bar.advance()


def _write(console: Console, folder: Path, generator: Generator, seed: int, pixels: np.ndarray,
           ws: Tensor | None, parameters: dict[str, Any]) -> None:  # fmt: skip
    from ganedit.files import all_or_none
    from ganedit.images.io import write_image
    from ganedit.latent.latent import Latent

    picture, code = picture_path(folder, seed), latent_path(folder, seed)
    record = console.provenance("generate", {**parameters, "seed": seed}, generator.name, generator.sha256)
    with all_or_none(*([picture] if ws is None else [picture, code])):
        if ws is not None:
            template = generator.card.template
            Latent(ws.cpu().clone(), generator.name, generator.sha256, "w", template=template).save(code)
        write_image(picture, pixels, provenance=record)
    _emit(console, folder, seed, ws is not None)


def _write_sheet(console: Console, path: Path, pictures: list[np.ndarray], columns: int, generator: Generator,
                 parameters: dict[str, Any]) -> None:  # fmt: skip
    from ganedit.images.io import write_image
    from ganedit.images.sheet import sheet

    record = console.provenance("generate", parameters, generator.name, generator.sha256)
    write_image(path, sheet(pictures, columns=columns), provenance=record)
