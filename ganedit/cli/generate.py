"""`ganedit generate`: pictures from seeds."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.context import Console
from ganedit.cli.project import open_generator
from ganedit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from ganedit.store.models import Generator

BATCH = {"cpu": 4, "cuda": 32}  # pictures at a time
MOST = 1_000_000  # seeds in one run


class Noise(StrEnum):
    """What fills in the fine detail."""

    const = "const"
    random = "random"
    none = "none"


def command(
    console: Console,
    model: Annotated[str, typer.Option(help="Name or file of a generator.")] = "faces",
    seeds: Annotated[str, typer.Option(help="Such as 0-63 or 1,5,9-12.")] = "0-7",
    psi: Annotated[
        float, typer.Option(help="Truncation: 1 for variety, 0 for the average, 0.7 between.")
    ] = 0.7,
    cutoff: Annotated[int | None, typer.Option(help="Truncate only this many layers, coarse first.")] = None,
    class_: Annotated[
        int | None, typer.Option("--class", help="Which class, for models that have them.")
    ] = None,
    grid: Annotated[str | None, typer.Option(help="Also one picture of all: COLUMNSxROWS.")] = None,
    noise: Annotated[Noise, typer.Option(help="Stored, fresh or no noise.")] = Noise.const,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("."),
) -> None:
    """Draw pictures from seeds.

    Writes seedNNNN.png and beside it seedNNNN.latent.safetensors, which ganedit edit takes like a photo; with
    --grid also grid.png. The same seed gives the same picture on every machine.
    """
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.5 to 1 are usual")
    if cutoff is not None and cutoff < 0:
        raise UsageError(f"--cutoff {cutoff} is no number of layers", "leave it out for all layers")
    numbers = parse_seeds(seeds)
    columns, rows = parse_grid(grid) if grid else (0, 0)
    if columns * rows > len(numbers):
        raise UsageError(
            f"--grid {grid} needs {columns * rows} seeds, --seeds {seeds} names {len(numbers)}",
            f"--seeds 0-{columns * rows - 1}",
        )
    wanted = [seed for seed in numbers if _should_write(console, output, seed)]
    sheet = output / "grid.png"
    draw_sheet = bool(grid) and console.should_write(sheet)
    generator = _open(console, model, class_)
    parameters = {"model": model, "psi": psi, "cutoff": cutoff, "class": class_, "noise": noise.value}
    pictures: dict[int, np.ndarray] = {}

    def one(seed: int, pixels: np.ndarray, ws: Any) -> None:
        if seed in wanted:
            _write(console, output, generator, seed, pixels, ws, parameters)
        if len(pictures) < columns * rows:
            pictures[seed] = pixels

    shown = set(numbers[: columns * rows]) if draw_sheet else set()
    todo = [seed for seed in numbers if seed in wanted or seed in shown]
    _draw(console, generator, todo, class_, psi, cutoff, noise, one)
    for seed in numbers:
        if seed not in wanted:
            console.emit(picture_path(output, seed), seed=seed, latent=str(latent_path(output, seed)))
    if grid:
        if draw_sheet:
            _write_sheet(console, sheet, [pictures[s] for s in numbers[: columns * rows]], columns, generator,
                         {**parameters, "seeds": seeds})  # fmt: skip
        console.emit(sheet, grid=grid)


def parse_seeds(text: str) -> list[int]:
    """`0-3,7` as [0, 1, 2, 3, 7], each once.

    Raises:
        UsageError: not a list of seeds, or far too long.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < 2**32:
            raise UsageError(f"--seeds {text} is not a list of seeds", "write 0-63 or 1,5,9-12")
        if last - first + len(found) >= MOST:
            raise UsageError(f"--seeds {text} are more than {MOST:,}", "split the run")
        found |= dict.fromkeys(range(first, last + 1))
    return list(found)


def parse_grid(text: str) -> tuple[int, int]:
    """`8x4` as (8, 4): columns and rows.

    Raises:
        UsageError: not two numbers from 1 to 100.
    """
    match = re.fullmatch(r"(\d{1,3})x(\d{1,3})", text)
    columns, rows = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= columns <= 100 and 1 <= rows <= 100):
        raise UsageError(f"--grid {text} is not COLUMNSxROWS", "write 8x8")
    return columns, rows


def picture_path(folder: Path, seed: int) -> Path:
    return folder / f"seed{seed:04d}.png"


def latent_path(folder: Path, seed: int) -> Path:
    return folder / f"seed{seed:04d}.latent.safetensors"


def _should_write(console: Console, folder: Path, seed: int) -> bool:
    """Both files are made or neither."""
    picture = console.should_write(picture_path(folder, seed))
    return console.should_write(latent_path(folder, seed)) or picture


def _open(console: Console, name: str, class_: int | None) -> Generator:
    generator = open_generator(console, name)
    if generator.num_classes and class_ is None:
        raise UsageError(f"the model {name} draws {generator.num_classes} classes",
                         f"choose one with --class 0 to {generator.num_classes - 1}")  # fmt: skip
    if class_ is not None:
        generator.one_hot(class_)  # refuses what the model does not have
    return generator


def _draw(console: Console, generator: Generator, seeds: list[int], class_: int | None, psi: float,
          cutoff: int | None, noise: Noise, one: Any) -> None:  # fmt: skip
    """Call `one(seed, pixels, ws)` for each seed, a batch at a time."""
    import torch

    from ganedit.images.io import from_tensor

    torch.manual_seed(console.options.seed)  # for --noise random
    size = BATCH[generator.device.type] if generator.resolution <= 256 else 1
    with console.progress("generate", len(seeds)) as bar, torch.inference_mode():
        for at in range(0, len(seeds), size):
            some = seeds[at : at + size]
            c = None if class_ is None else generator.one_hot(class_, len(some))
            ws = generator.mapping(generator.z_of(some), c, psi, cutoff)
            images = generator.synthesis(ws, noise.value)
            for seed, image, code in zip(some, images, ws, strict=True):
                one(seed, from_tensor(image), code)
                bar.advance()


def _write(console: Console, folder: Path, generator: Generator, seed: int, pixels: np.ndarray, ws: Any,
           parameters: dict[str, Any]) -> None:  # fmt: skip
    from ganedit.files import all_or_none
    from ganedit.images.io import write_image
    from ganedit.latent.latent import Latent

    latent = Latent(ws.cpu().clone(), generator.name, generator.sha256, "w", template=generator.card.template)
    picture, code = picture_path(folder, seed), latent_path(folder, seed)
    with all_or_none(picture, code):
        latent.save(code)
        write_image(picture, pixels, provenance=_provenance(console, generator, {**parameters, "seed": seed}))
    console.emit(picture, seed=seed, latent=str(code))


def _write_sheet(console: Console, path: Path, pictures: list[np.ndarray], columns: int, generator: Generator,
                 parameters: dict[str, Any]) -> None:  # fmt: skip
    from ganedit.images.io import write_image
    from ganedit.images.sheet import sheet

    write_image(
        path, sheet(pictures, columns=columns), provenance=_provenance(console, generator, parameters)
    )


def _provenance(console: Console, generator: Generator, parameters: dict[str, Any]) -> dict[str, Any] | None:
    from ganedit.images.provenance import provenance

    if not console.options.provenance:
        return None
    return provenance("generate", parameters, generator.name, generator.sha256)
