"""Projects many photos in the batch engine, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganedit.cli.kit.batch import Result, Stages
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.outputs import check_folder, face_stem, latent_path, picture_path
from ganedit.cli.kit.projecting import Projector

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ganedit.latent.inversion.photos import Crop
    from ganedit.latent.inversion.project import Projection
    from ganedit.latent.latent import Latent

FILM_FRAMES, FILM_SIDE = 150, 256  # maximum number; minimum in pixels


@dataclass(frozen=True, eq=False)
class _Face:
    """A face to project."""

    path: Path
    stem: str
    crop: Crop


@dataclass(frozen=True, eq=False)
class _Projected:
    latent: Latent
    projection: Projection
    film: list[np.ndarray]  # of the search, with --video


@dataclass
class ProjectPhotos(Stages[_Face, _Face, _Projected]):
    console: Console
    projector: Projector
    destination: Destination
    face: str
    aligned: bool
    video: bool
    size: int  # faces projected at a time

    def __post_init__(self) -> None:
        self.ahead = self.size - 1

    def plan(self, path: Path) -> Iterator[_Face | Result]:
        check_folder(self.destination.folder)
        name = self._name(path)
        if self.face != "all":  # the name is known, so a photo to skip need not be read
            stem = face_stem(name, 1 if self.face == "largest" or self.aligned else int(self.face))
            if not self._wanted(stem):
                yield self._existing(stem)
                return
            yield from (_Face(path, stem, crop) for crop in self._crops(path))
            return
        for crop in self._crops(path):
            stem = face_stem(name, crop.number)
            yield _Face(path, stem, crop) if self._wanted(stem) else self._existing(stem)

    def read(self, task: _Face) -> _Face:
        return task

    def room(self, read: _Face) -> int:
        return self.size

    def compute(self, tasks: Sequence[_Face], read: Sequence[_Face]) -> list[_Projected]:
        title = f"projecting {tasks[0].path.name}" + (f" and {len(tasks) - 1} more" if len(tasks) > 1 else "")
        film: list[np.ndarray] = []
        projected = self.projector.run(
            [task.crop for task in tasks], title, _collect_frames(film) if self.video else None
        )
        return [_Projected(latent, projection, film) for latent, projection in projected]

    def write(self, task: _Face, made: _Projected) -> Result:
        if self.video:
            self._write_film(task, made.film)
        target, picture, *_ = self._targets(task.stem)
        more = self.projector.save(target, picture, task.path, made.latent, made.projection)
        result = self._result(task.stem)
        return replace(result, details={**result.details, **more, "face": task.crop.number})

    def _crops(self, path: Path) -> list[Crop]:
        return self.projector.crops(path, self.face, self.aligned)

    def _wanted(self, stem: str) -> bool:
        """Whether to write the files of a projection: all or none."""
        wanted = [self.console.should_write(target) for target in self._targets(stem)]
        return any(wanted)

    def _existing(self, stem: str) -> Result:
        result = self._result(stem)
        self.projector.latest.add(result.path)
        return result

    def _result(self, stem: str) -> Result:
        latent, picture, *film = self._targets(stem)
        return Result(latent, {"picture": str(picture)} | ({"video": str(film[0])} if film else {}))

    def _targets(self, stem: str) -> list[Path]:
        film = [self._film_path(stem)] if self.video else []
        folder, file = self.destination.folder, self.destination.file
        return [latent_path(folder, stem), file or picture_path(folder, stem), *film]

    def _name(self, path: Path) -> str:
        target = self.destination.path(path, self.console.stem_of(path))
        return target.name if self.destination.file is None else target.stem

    def _film_path(self, stem: str) -> Path:
        return self.destination.folder / f"{stem}.projection.mp4"

    def _write_film(self, face: _Face, film: list[np.ndarray]) -> None:
        from ganedit.images.video import write_video

        every = -(-len(film) // FILM_FRAMES)
        frames = [*film[:-1][::every], *[film[-1]] * 25]  # show the result for a second
        path = self._film_path(face.stem)
        write_video(path, (_side_by_side(face.crop.pixels, frame) for frame in frames))
        self.console.note(f"{face.path}: {path} shows the search")


def _collect_frames(film: list[np.ndarray]) -> Callable[[Tensor], None]:
    """A callback that collects the picture of each step."""
    from ganedit.images.tensors import from_tensor

    return lambda images: film.append(from_tensor(images))


def _side_by_side(*pictures: np.ndarray) -> np.ndarray:
    """Pictures in a row, enlarged if they are small."""
    import numpy as np

    from ganedit.images.pixels import resize

    return np.concatenate([resize(one, max(len(one), FILM_SIDE)) for one in pictures], axis=1)
