"""`ganedit project`: the latent codes of photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.batch import Result, sources, survive
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.options import Method, Space, check_face
from ganedit.cli.kit.outputs import check_folder, face_stem, latent_path, picture_path
from ganedit.cli.kit.projecting import Projector
from ganedit.errors import GaneditError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ganedit.latent.inversion.photos import Crop
    from ganedit.latent.inversion.project import Projection
    from ganedit.latent.latent import Latent


GPU_BATCH = 16  # photos at a time; memory that runs out halves it


FILM_FRAMES, FILM_SIDE = 150, 256  # at most; at least, in pixels


class Perceptual(StrEnum):
    """What compares pictures."""

    discriminator = "discriminator"
    lpips = "lpips"
    pixels = "pixels"


def command(
    console: Console,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Photos, folders, globs, or - for paths on standard input.")
    ] = None,
    model: Annotated[str, typer.Option(help="Generator: a name or a file.")] = "faces",
    method: Annotated[
        Method,
        typer.Option(
            help="hybrid: encode, then optimize; optimize; encode: quick; tune: also the generator."
        ),
    ] = Method.HYBRID,
    space: Annotated[
        Space, typer.Option(help="w+: a code per layer; w: one for all; z: only samples.")
    ] = Space.w_plus,
    steps: Annotated[
        int | None, typer.Option(help="Of the optimisation; the method's own unless given.")
    ] = None,
    perceptual: Annotated[
        Perceptual, typer.Option(help="What compares pictures.")
    ] = Perceptual.discriminator,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder: a name or a file; the generator's own unless given.")
    ] = None,
    face: Annotated[str, typer.Option(help="largest, all, or a number: 2 is the second.")] = "largest",
    aligned: Annotated[bool, typer.Option("--aligned", help="The inputs are aligned crops already.")] = False,
    batch: Annotated[
        int | None, typer.Option(help="Photos at a time; on a CPU 1 unless given, on a GPU 16.")
    ] = None,
    video: Annotated[bool, typer.Option("--video", help="Also a film of the search.")] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("."),
) -> None:
    """Find the latent code of a photo.

    Writes NAME.latent.safetensors, which ganedit edit takes, and NAME.projected.png, what the model draws for
    it; with --face all also NAME.face2.latent.safetensors and so on, with --video NAME.projection.mp4. Prints
    the latents. ganedit edit without an input takes the latest projection made in the same folder.
    """
    check_face(face)
    if batch is not None and batch < 1:
        raise UsageError(f"--batch {batch} makes no sense", "choose 1 or more")
    if video and method is Method.ENCODE:
        raise UsageError("--video shows an optimisation, and --method encode has none", "drop one of them")
    from ganedit.latent.inversion.project import ProjectOptions

    options = ProjectOptions(
        method.value, space.value, steps, perceptual=perceptual.value, seed=console.options.seed
    )
    projector = Projector.open(console, model, options, encoder)
    size = 1 if video else batch or (GPU_BATCH if projector.generator.device.type == "cuda" else 1)
    job = _Job(console, projector, output, face, aligned, video, size)
    if not survive(console, job.items(sources(console, inputs)), job.finish):
        raise UsageError("no input was given", "name photos, folders or globs, or pipe paths in")


@dataclass
class _Item:
    """One face on its way, or the end of an input that failed."""

    path: Path
    stem: str = ""
    crop: Crop | None = None  # None: it is there already
    latent: Latent | None = None
    found: Projection | None = None
    film: list[np.ndarray] = field(default_factory=list)
    error: Exception | None = None

    def __str__(self) -> str:
        return str(self.path)


@dataclass
class _Job:
    console: Console
    projector: Projector
    output: Path
    face: str
    aligned: bool
    video: bool
    size: int  # faces projected at a time

    def items(self, paths: Iterator[Path | GaneditError]) -> Iterator[_Item | GaneditError]:
        """Every face of every input, projected `size` at a time, and every failure, for `survive`."""
        waiting: list[_Item] = []
        for path in paths:
            if isinstance(path, GaneditError):
                yield path
                continue
            for item in self._prepare(path):
                if item.crop is None:
                    yield item
                    continue
                waiting.append(item)
                if len(waiting) == self.size:
                    yield from self._project(waiting)
                    waiting = []
        if waiting:
            yield from self._project(waiting)

    def _prepare(self, path: Path) -> list[_Item]:
        """Read and align one input. What fails comes back as an item, so that the others go on."""
        try:
            check_folder(self.output)
            if self.face != "all":  # the name is known: do not even read what is to be skipped
                stem = face_stem(path.stem, 1 if self.face == "largest" or self.aligned else int(self.face))
                if not self._wanted(stem):
                    return [_Item(path, stem)]
                return [_Item(path, stem, crop) for crop in self._crops(path)]
            found = [_Item(path, face_stem(path.stem, crop.number), crop) for crop in self._crops(path)]
            return [item if self._wanted(item.stem) else _Item(path, item.stem) for item in found]
        except Exception as error:
            return [_Item(path, error=error)]

    def _crops(self, path: Path) -> list[Crop]:
        return self.projector.crops(path, self.face, self.aligned)

    def _wanted(self, stem: str) -> bool:
        """All files of a projection are made or none."""
        wanted = [self.console.should_write(target) for target in self._targets(stem)]
        return any(wanted)

    def _targets(self, stem: str) -> list[Path]:
        film = [self.output / f"{stem}.projection.mp4"] if self.video else []
        return [latent_path(self.output, stem), picture_path(self.output, stem), *film]

    def _project(self, items: list[_Item]) -> list[_Item]:
        crops = [item.crop for item in items if item.crop is not None]
        title = f"projecting {items[0].path.name}" + (f" and {len(items) - 1} more" if len(items) > 1 else "")
        film: list[np.ndarray] = []
        try:
            found = self.projector.run(crops, title, _camera(film) if self.video else None)
        except Exception as error:
            return [_Item(item.path, error=error) for item in items]
        for item, (latent, projection) in zip(items, found, strict=True):
            item.latent, item.found, item.film = latent, projection, film
        return items

    def finish(self, item: _Item | GaneditError) -> None:
        """Write one face's files and hand its latent over, or raise what went wrong."""
        if isinstance(item, GaneditError):
            raise item
        if item.error is not None:
            raise item.error
        target = latent_path(self.output, item.stem)
        details: dict[str, Any] = {
            "input": str(item.path),
            "picture": str(picture_path(self.output, item.stem)),
        }
        if item.crop is None:
            self.projector.latest.add(target)
        else:
            assert item.latent is not None
            assert item.found is not None
            if self.video:
                self._write_film(item)
            details |= self.projector.save(item.stem, self.output, item.path, item.latent, item.found)
            details |= {"face": item.crop.number}
        if self.video:
            details["video"] = str(self._targets(item.stem)[-1])
        result = Result(target, details)
        self.console.emit(result.path, **result.details)

    def _write_film(self, item: _Item) -> None:
        from ganedit.images.video import write_video

        assert item.crop is not None
        target = item.crop.pixels
        every = -(-len(item.film) // FILM_FRAMES)
        frames = [*item.film[:-1][::every], *[item.film[-1]] * 25]  # a second to look at the result
        path = self._targets(item.stem)[-1]
        write_video(path, (_beside(target, frame) for frame in frames))
        self.console.note(f"{item.path}: {path} shows the search")


def _camera(film: list[np.ndarray]) -> Callable[[Tensor], None]:
    """Keeps the one picture of each step."""
    from ganedit.images.tensors import from_tensor

    return lambda images: film.append(from_tensor(images))


def _beside(*pictures: np.ndarray) -> np.ndarray:
    """Pictures in a row, large enough to look at."""
    import numpy as np

    from ganedit.images.pixels import resize

    return np.concatenate([resize(one, max(len(one), FILM_SIDE)) for one in pictures], axis=1)
