"""`ganedit interpolate`: draw pictures between codes."""

from __future__ import annotations

from collections.abc import Iterator
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
)
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.options import Space
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import UsageError
from ganedit.files import FILM_SUFFIXES, IMAGE_SUFFIXES, LATENT_SUFFIX

if TYPE_CHECKING:
    import numpy as np

    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator

FILMS, SHEETS = (".mp4", ".gif"), (".png", ".jpg", ".jpeg", ".webp")
COLUMNS = 10  # of a sheet, at most
LEAST_SIDE = 256  # smallest side of a film
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
    fps: Annotated[float, typer.Option(help="Frames per second of a film.")] = 25.0,
    model: ModelOf = None,
    method: ProjectionMethod = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Film (.mp4, .gif), sheet (.png, .jpg) or folder to write.")
    ] = Path("walk.mp4"),
) -> None:
    """Interpolate from one seed, latent or photo to the next, and draw the images in between.

    Writes a film, a sheet, or a folder with frame0000.png, frame0000.latent.safetensors and so on. Prints
    the paths. Photos are projected first, and their latents are written next to the result.
    """
    from ganedit.latent.interpolation import interpolate

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
        generator, steps=steps, space=space.value, mode=mode.value if mode else None, loop=loop,
        truncation=sampling.of(generator),
    )  # fmt: skip
    parameters = {
        "points": [point.name for point in ends], "steps": steps, "space": space.value,
        "mode": (mode or _usual(space)).value, "loop": loop, **sampling.record,
    }  # fmt: skip
    Writer(console, generator, latents, parameters, output).write(kind, fps)


def _usual(space: Space) -> Mode:
    return Mode.slerp if space is Space.z else Mode.linear


class Writer:
    """Draws latents one after the other into a film, a sheet or a folder."""

    def __init__(
        self,
        console: Console,
        generator: Generator,
        latents: list[Latent],
        parameters: dict[str, Any],
        output: Path,
    ) -> None:
        self.console, self.generator, self.latents, self.output = console, generator, latents, output
        self.parameters = parameters

    def write(self, kind: str, fps: float) -> None:
        if kind in FILMS or kind in SHEETS:
            if self.console.should_write(self.output):
                self._film(fps) if kind in FILMS else self._sheet()
            self.console.emit(self.output, **self.parameters)
        else:
            self._folder()

    def _pictures(self, latents: list[Latent]) -> Iterator[np.ndarray]:
        from ganedit.latent.editing import DRAWN_AT_ONCE, draw

        size = DRAWN_AT_ONCE.get(self.generator.device.type, 4)
        with self.console.progress("drawing", len(latents)) as bar:
            for at in range(0, len(latents), size):
                for picture in draw(self.generator, latents[at : at + size]):
                    yield picture
                    bar.advance()

    def _record(self) -> dict[str, Any] | None:
        model = self.generator
        return self.console.provenance("interpolate", self.parameters, model.name, model.sha256)

    def _film(self, fps: float) -> None:
        from ganedit.images.sheet import enlarged
        from ganedit.images.video import write_video

        write_video(
            self.output, (enlarged(picture, LEAST_SIDE) for picture in self._pictures(self.latents)), fps
        )

    def _sheet(self) -> None:
        from ganedit.images.io import write_image
        from ganedit.images.sheet import enlarged, sheet

        pictures = [enlarged(picture) for picture in self._pictures(self.latents)]
        columns = min(len(pictures), COLUMNS)
        write_image(self.output, sheet(pictures, columns=columns), provenance=self._record())

    def _folder(self) -> None:
        from ganedit.files import all_or_none
        from ganedit.images.io import write_image

        digits = max(4, len(str(len(self.latents) - 1)))
        names = [f"frame{i:0{digits}d}" for i in range(len(self.latents))]
        paths = [(self.output / f"{name}.png", self.output / f"{name}{LATENT_SUFFIX}") for name in names]
        wanted = []
        for pair in paths:
            asked = [self.console.should_write(path) for path in pair]
            wanted.append(any(asked))
        pictures = self._pictures([one for one, write in zip(self.latents, wanted, strict=True) if write])
        for latent, (picture, code), write in zip(self.latents, paths, wanted, strict=True):
            if write:
                with all_or_none(picture, code):
                    latent.save(code)
                    write_image(picture, next(pictures), provenance=self._record())
            self.console.emit(picture, latent=str(code))
