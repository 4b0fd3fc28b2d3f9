"""Writes images that follow each other as a film, a sheet or a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.context import Console
from ganedit.files import LATENT_SUFFIX

if TYPE_CHECKING:
    import numpy as np

    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator

Draw = Callable[[Sequence[int]], "list[np.ndarray]"]  # frames by their numbers
FILMS, SHEETS = (".mp4", ".gif"), (".png", ".jpg", ".jpeg", ".webp")
COLUMNS = 10  # of a sheet, at most
LEAST_SIDE = 256  # smallest side of a film


class Frames:
    """Draws images one after the other into a film, a sheet or a folder, there with their latents, if any."""

    def __init__(
        self,
        console: Console,
        generator: Generator,
        draw: Draw,
        count: int,
        latents: list[Latent] | None,
        parameters: dict[str, Any],
        output: Path,
    ) -> None:
        self.console, self.generator, self.draw, self.latents = console, generator, draw, latents
        self.rows, self.output, self.parameters = range(count), output, parameters

    def write(self, kind: str, fps: float) -> None:
        if kind in FILMS or kind in SHEETS:
            if self.console.should_write(self.output):
                self._film(fps) if kind in FILMS else self._sheet()
            self.console.emit(self.output, **self.parameters)
        else:
            self._folder()

    def _pictures(self, rows: Sequence[int]) -> Iterator[np.ndarray]:
        from ganedit.latent.editing import DRAWN_AT_ONCE

        size = DRAWN_AT_ONCE.get(self.generator.device.type, 4)
        with self.console.progress("drawing", len(rows)) as bar:
            for at in range(0, len(rows), size):
                for picture in self.draw(rows[at : at + size]):
                    yield picture
                    bar.advance()

    def _record(self) -> dict[str, Any] | None:
        model = self.generator
        return self.console.provenance("interpolate", self.parameters, model.name, model.sha256)

    def _film(self, fps: float) -> None:
        from ganedit.images.sheet import enlarged
        from ganedit.images.video import write_video

        pictures = (enlarged(picture, LEAST_SIDE) for picture in self._pictures(self.rows))
        write_video(self.output, pictures, fps)

    def _sheet(self) -> None:
        from ganedit.images.io import write_image
        from ganedit.images.sheet import enlarged, sheet

        pictures = [enlarged(picture) for picture in self._pictures(self.rows)]
        columns = min(len(pictures), COLUMNS)
        write_image(self.output, sheet(pictures, columns=columns), provenance=self._record())

    def _folder(self) -> None:
        from ganedit.files import all_or_none
        from ganedit.images.io import write_image

        digits = max(4, len(str(len(self.rows) - 1)))
        names = [f"frame{i:0{digits}d}" for i in self.rows]
        suffixes = [".png", LATENT_SUFFIX] if self.latents else [".png"]
        files = [[self.output / f"{name}{suffix}" for suffix in suffixes] for name in names]
        asked = [[self.console.should_write(path) for path in paths] for paths in files]  # each may refuse
        wanted = {i for i in self.rows if any(asked[i])}
        pictures = self._pictures(sorted(wanted))
        for i, (picture, *code) in enumerate(files):
            if i in wanted:
                with all_or_none(picture, *code):
                    if self.latents:
                        self.latents[i].save(code[0])
                    write_image(picture, next(pictures), provenance=self._record())
            self.console.emit(picture, latent=str(code[0]) if code else None)
